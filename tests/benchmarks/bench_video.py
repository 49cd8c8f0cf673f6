"""Decoding, seeking, sampling and shrinking of video, against OpenCV and Pillow."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from films import AWKWARD, GOP, RATE, Picture, large_film, number_in, video_tests
from numpy.typing import NDArray
from table import Figure, Goal, Row
from timing import Size, middle, paired, percentile, ratio

from core.errors import PolypTraceError
from core.inference.preprocess import to_square
from core.video.content import content_hash
from core.video.decoding import Converter, Decoder
from core.video.index import FrameIndex
from core.video.reader import VideoReader
from core.video.scan import scan

SIDE, SEEKS, SMALL_CACHE = 224, 25, 1
_FOLDER = tempfile.TemporaryDirectory(prefix="bench-video-")
FOLDER = Path(_FOLDER.name)


@lru_cache
def _large(frames: int) -> tuple[Path, FrameIndex]:
    path = large_film(FOLDER / f"large-{frames}.mp4", frames)
    return path, _indexed(path)


def _indexed(path: Path) -> FrameIndex:
    return scan(path, content_hash(path), survey=False).index


def _film(size: Size) -> tuple[Path, FrameIndex]:
    return _large(size.of(250, 30))


@contextmanager
def _capture(path: Path) -> Iterator[Any]:
    opened = cv2.VideoCapture(str(path))
    yield opened
    opened.release()


def decode(size: Size) -> list[Row]:
    """Every frame of a 1080p film, as a picture of 224 × 224."""
    path, _ = _film(size)
    frames = size.of(100, 12)

    def ours() -> list[Picture]:
        converter = Converter()
        with Decoder(path) as decoder:
            return [converter.small(frame, SIDE, SIDE) for frame in islice(decoder.frames(), frames)]

    def peer() -> list[Any]:
        with _capture(path) as film:
            size2 = (SIDE, SIDE)
            return [cv2.resize(film.read()[1], size2, interpolation=cv2.INTER_AREA) for _ in range(frames)]

    def only() -> None:
        with Decoder(path) as decoder:
            for _ in islice(decoder.frames(), frames):
                pass

    mine, theirs, least = paired(ours, peer, only, rounds=size.of(5, 1), warm=1)
    apart = _apart(ours(), [bgr[..., ::-1] for bgr in peer()])
    return [
        Row(
            name="decode",
            work=f"1080p H.264 → {SIDE}, a frame",
            ours=Figure(middle(mine, frames), "ms", "PyAV and swscale, area"),
            peer=Figure(middle(theirs, frames), "ms", "cv2 read and resize, area"),
            limit=Figure(middle(least, frames), "ms", "PyAV decoding alone"),
            goals=(Goal("cv2 / ours", ratio(theirs, mine), 1.3, least=True),),
            checks={
                "each picture is nearest to cv2's of the same frame": list(apart.argmin(1))
                == [*range(frames)]
            },
            note=f"mean difference to cv2's pictures {np.diag(apart).mean():.1f} grey levels: swscale lies a "
            "fraction of a pixel beside it",
        )
    ]


def _apart(ours: list[Picture], theirs: list[Picture]) -> NDArray[np.float64]:
    """(n, n) mean difference of each of our pictures to each of theirs, on every second pixel."""
    a, b = (np.stack(one)[:, ::2, ::2].astype(np.float32) for one in (ours, theirs))
    return np.array([[float(np.abs(x - y).mean()) for y in b] for x in a])


def seek(size: Size) -> list[Row]:
    """Random frames: the right ones, in files that mislead; and how fast at 1080p."""
    return [_exact(size), _quick(size)]


def _exact(size: Size) -> Row:
    films = video_tests().Films(FOLDER)
    asked = ours_wrong = refused = cv2_wrong = 0
    for name in AWKWARD:
        path = films(name)
        truth, index = _sequential(path), _indexed(path)
        numbers = [random.Random(name).randrange(len(truth)) for _ in range(SEEKS)]
        asked += len(numbers)
        with VideoReader(path, index, SMALL_CACHE) as reader, _capture(path) as film:
            for number in numbers:
                try:
                    ours_wrong += not np.array_equal(reader.frame_at(number), truth[number])
                except PolypTraceError:
                    refused += 1
                film.set(cv2.CAP_PROP_POS_FRAMES, number)
                there, bgr = film.read()
                cv2_wrong += not there or number_in(bgr[..., ::-1]) != number_in(truth[number])
    return Row(
        name="seek",
        work=f"{SEEKS} random frames in each of {len(AWKWARD)} films: {', '.join(AWKWARD)}",
        ours=Figure(ours_wrong, f"wrong of {asked}", f"core.video.reader; {refused} refused"),
        peer=Figure(cv2_wrong, f"wrong of {asked}", "cv2 CAP_PROP_POS_FRAMES"),
        goals=(Goal("wrong frames", ours_wrong, 0, "wrong"),),
        checks={"0 wrong frames": ours_wrong == 0, "none refused": refused == 0},
    )


def _sequential(path: Path) -> list[Picture]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def _quick(size: Size) -> Row:
    path, index = _film(size)
    chosen = random.Random(3).choices(range(len(index)), k=size.of(40, 4))
    mine: list[float] = []
    theirs: list[float] = []
    beyond: list[float] = []
    wrong = 0
    least = _decode_ms(path, size) / 1000
    with VideoReader(path, index, SMALL_CACHE) as reader, _capture(path) as film:
        for number in chosen:
            begin = time.perf_counter()
            picture = reader.frame_at(number)
            mine.append(time.perf_counter() - begin)
            beyond.append(mine[-1] - 0.012 * (number % GOP + 1))
            wrong += number_in(picture) != number
            begin = time.perf_counter()
            film.set(cv2.CAP_PROP_POS_FRAMES, number)
            film.read()
            theirs.append(time.perf_counter() - begin)
    waited = [least * (number % GOP + 1) for number in chosen]
    return Row(
        name="seek-time",
        work="random frames of the 1080p film, 95th percentile",
        ours=Figure(percentile(mine), "ms", f"core.video.reader; median {middle(mine):.0f} ms"),
        peer=Figure(percentile(theirs), "ms", f"cv2; median {middle(theirs):.0f} ms"),
        limit=Figure(percentile(waited), "ms", "decoding from the key frame on, as fast as in sequence"),
        goals=(Goal("p95 of (time − 12 ms a frame from the key frame on)", percentile(beyond), 50, "ms"),),
        checks={"0 wrong frames": wrong == 0},
    )


def _decode_ms(path: Path, size: Size) -> float:
    frames = size.of(100, 12)

    def only() -> None:
        with Decoder(path) as decoder:
            for _ in islice(decoder.frames(), frames):
                pass

    return middle(paired(only, rounds=size.of(3, 1))[0], frames)


def sample(size: Size) -> list[Row]:
    """One frame a second of a 1080p film, exactly those."""
    path, index = _film(size)
    wanted = list(range(0, len(index), RATE))

    def ours() -> list[Picture]:
        with VideoReader(path, index, SMALL_CACHE) as reader:
            return list(reader.frames_at(wanted))

    def peer() -> list[Any]:
        with _capture(path) as film:
            return [
                bgr
                for number in range(len(index))
                if (bgr := film.read()[1]) is not None and number in wanted
            ]

    mine, theirs = paired(ours, peer, rounds=size.of(3, 1), warm=0)
    least = _decode_ms(path, size) * (wanted[-1] + 1)
    return [
        Row(
            name="sample",
            work=f"one frame a second of {len(index) / RATE:.0f} s in 1080p: {len(wanted)} frames",
            ours=Figure(middle(mine), "ms", "core.video.reader.frames_at on the import's index"),
            peer=Figure(middle(theirs), "ms", "cv2 reading all"),
            limit=Figure(least, "ms", "decoding all up to the last one"),
            goals=(Goal("cv2 / ours", ratio(theirs, mine), 2.0, least=True),),
            checks={"exact frames": [number_in(one) for one in ours()] == wanted},
        )
    ]


def preprocess(size: Size) -> list[Row]:
    """The resize that training and inference share."""
    try:
        from PIL import Image
    except ImportError:
        return [Row(name="preprocess", work="1080p → 224", skipped="Pillow isn't installed")]
    path, _ = _film(size)
    with Decoder(path) as decoder:
        picture = Converter().rgb(next(iter(decoder.frames())))
    spare = np.empty_like(picture)
    mine, theirs, least = paired(
        lambda: to_square(picture, SIDE),
        lambda: np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC)),
        lambda: np.copyto(spare, picture),
        rounds=size.of(31, 3),
        warm=2,
    )
    apart = float(np.abs(to_square(picture, SIDE) - _area_mean(picture)).max())
    return [
        Row(
            name="preprocess",
            work=f"1080p → {SIDE} × {SIDE}, one picture",
            ours=Figure(middle(mine), "ms", "core.inference.preprocess (cv2 area)"),
            peer=Figure(middle(theirs), "ms", "PIL bicubic"),
            limit=Figure(middle(least), "ms", "copying the picture once"),
            goals=(
                Goal("PIL / ours", ratio(theirs, mine), 1.0, least=True),
                Goal("largest difference to the exact area mean", apart, 1, "grey levels"),
            ),
            note="training and inference share this one function, so there is no second path to differ from",
        )
    ]


def _area_mean(picture: Picture) -> NDArray[np.float64]:
    """The mean of each target pixel's area, pixels at its border counted by their share."""

    def shares(length: int) -> NDArray[np.float64]:
        edges = np.linspace(0, length, SIDE + 1)
        at = np.arange(length)
        low, high = edges[:-1, None], edges[1:, None]
        return np.clip(np.minimum(high, at + 1) - np.maximum(low, at), 0, 1) * SIDE / length

    height, width = picture.shape[:2]
    return np.einsum("ah,hwc,bw->abc", shares(height), picture.astype(float), shares(width), optimize=True)


BENCHES: dict[str, Callable[[Size], list[Row]]] = {
    "decode": decode,
    "seek": seek,
    "sample": sample,
    "preprocess": preprocess,
}
