"""The right frame or a refusal, for every container and codec, by the counter drawn in the pixels."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from core.errors import PolypTraceError
from core.video.content import content_hash
from core.video.decoding import Decoder
from core.video.index import FrameIndex
from core.video.reader import VideoReader
from core.video.scan import scan

SEEKS = 25
FRAGILE = {"damaged-ts", "damaged-mp4"}
"""Made of flipped bytes: what spoilt frames look like may change from one decoding to the next."""

Films = Callable[[str], Path]


def sequential(path: Path) -> list[np.ndarray]:
    """All frames as PyAV gives them unasked, (H, W, 3) uint8, turned as the file asks."""
    with av.open(str(path)) as container:
        return [
            np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
            for frame in container.decode(video=0)
        ]


def numbers_to_ask(count: int, seed: str) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(count) for _ in range(SEEKS)]


def ask(reader: VideoReader, number: int, truth: list[np.ndarray]) -> bool:
    """Whether a frame was given; a wrong one fails the test."""
    try:
        given = reader.frame_at(number)
    except PolypTraceError as refusal:
        if refusal.code != "frame-not-exact":
            raise
        return False
    assert np.array_equal(given, truth[number]), f"instead of frame {number} another one was given"
    return True


def scanned(path: Path) -> FrameIndex:
    return scan(path, content_hash(path), survey=False).index


def test_random_seeks_and_backward_steps(films: Films, any_film: str) -> None:
    name, path = any_film, films(any_film)
    index, truth = scanned(path), sequential(path)
    assert len(index) == len(truth)
    given = []
    with VideoReader.open(path, index, cache_bytes=200_000) as reader:
        given += [ask(reader, number, truth) for number in numbers_to_ask(len(truth), name)]
        start = len(truth) - 1 - random.Random(name + "back").randrange(5)
        given += [ask(reader, start - step, truth) for step in range(SEEKS)]
    assert len(given) == 2 * SEEKS
    assert all(given) or name in FRAGILE
    assert sum(given) > SEEKS  # refusing is right for a spoilt frame, but not for all the others


def test_the_counter_in_the_pixels_is_the_frame_number(
    films: Films, counter: Callable[[np.ndarray], int | None], drawn_film: str
) -> None:
    """Sequential decoding shows the frames that were drawn, so what the test above takes for true is true."""
    path = films(drawn_film)
    index = scanned(path)
    with VideoReader.open(path, index) as reader:
        for number in numbers_to_ask(len(index), drawn_film)[:4]:
            shown = reader.frame_at(number)
            turned = np.rot90(shown, -(index.facts.rotation // 90))
            assert counter(turned) == number


def test_several_frames_far_apart_and_side_by_side(films: Films, any_film: str) -> None:
    path = films(any_film)
    index, truth = scanned(path), sequential(path)
    some = numbers_to_ask(len(truth), any_film + "several")[:8]
    near = [min(number + 1, len(truth) - 1) for number in some[:3]]
    for numbers in (sorted({*some, *near}), list(range(0, len(truth), 25))):
        with VideoReader.open(path, index, cache_bytes=200_000) as reader:
            try:
                given = list(reader.frames_at(numbers))
            except PolypTraceError as refusal:
                if refusal.code != "frame-not-exact" or any_film not in FRAGILE:
                    raise
                continue
            for number, picture in zip(numbers, given, strict=True):
                assert np.array_equal(picture, truth[number]), f"not frame {number}"
            assert ask(reader, numbers[-1] // 2, truth) or any_film in FRAGILE


@pytest.mark.parametrize("name", ["h264-one-key-mp4", "h264-open-gop-ts", "hevc-mp4"])
def test_what_no_other_frame_is_made_of_is_not_decoded(
    films: Films, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = films(name)
    index, decoded = scanned(path), []
    frames = Decoder.frames
    monkeypatch.setattr(
        Decoder, "frames", lambda self: (decoded.append(1) or frame for frame in frames(self))
    )
    numbers = list(range(0, len(index), 25))
    with VideoReader.open(path, index, cache_bytes=200_000) as reader:
        for number in numbers:
            reader.frame_at(number)
    one_by_one = len(decoded)
    decoded.clear()
    with VideoReader.open(path, index, cache_bytes=200_000) as reader:
        assert len(list(reader.frames_at(numbers))) == len(numbers)
    assert len(numbers) <= len(decoded) < 0.8 * one_by_one


def test_a_time_that_misleads_brings_no_other_frame(films: Films) -> None:
    path = films("h264-cfr-mp4")
    index, truth = scanned(path), sequential(path)
    misled = replace(index, pts=np.roll(index.pts, -1))
    with VideoReader.open(path, misled, cache_bytes=200_000) as reader:
        given = list(reader.frames_at([30, 55, 56]))
    assert all(np.array_equal(one, truth[number]) for one, number in zip(given, [30, 55, 56], strict=True))


def test_a_number_beyond_the_end_is_refused_before_anything_is_decoded(films: Films) -> None:
    path = films("h264-cfr-mp4")
    index = scanned(path)
    with VideoReader.open(path, index) as reader, pytest.raises(PolypTraceError) as refused:
        next(reader.frames_at([0, len(index)]))
    assert refused.value.code == "frame-no-such-number"
