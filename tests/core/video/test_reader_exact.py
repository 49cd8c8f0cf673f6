"""The right frame or a refusal, for every container and codec, by the counter drawn in the pixels."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from core.errors import PolypTraceError
from core.video.content import content_hash
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
