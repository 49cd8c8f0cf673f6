"""A video to be cut into tracklets, and its windows: short stretches with good frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.domain import Box, PixelBox, ScopeRegion
from core.video.index import FrameIndex
from core.video.sample import frame_scores

_LEAST_BODY = 0.5
_MOST_FRAMES = 64
"""Of faster videos every second, third … frame is followed."""


class FilmSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How tracklets are cut out of videos.

    Args:
        every_s: a window begins this often; less gives more tracklets that show the same place. Windows
            mustn't overlap: what two of them follow at one time may be the same.
        seconds: length of a window.
        regions: places that are followed in a window, apart from each other.
        pictures: most crops of a tracklet.
        quality: least quality score of a frame, 0…1 (blur, glare, darkness, out of body).
        side: smallest and largest side of a followed place, as a share of the picture's shorter side.
    """

    every_s: float = 3.0
    seconds: float = 2.0
    regions: int = 2
    pictures: int = 6
    quality: float = 0.15
    side: tuple[float, float] = (0.3, 0.6)


class Mark(msgspec.Struct, frozen=True):
    """A clip in which a lesion was marked, from ``pts_in`` to ``pts_out`` in ticks, with its boxes."""

    pts_in: int
    pts_out: int
    boxes: tuple[Box, ...]
    identity: str | None = None


class Film(msgspec.Struct, frozen=True):
    """A video to be cut; ``name`` stands for it among the tracklets and holds no file name."""

    name: str
    path: Path
    index: FrameIndex
    region: ScopeRegion | None
    text: tuple[PixelBox, ...] = ()
    marks: tuple[Mark, ...] = ()


class Window(msgspec.Struct, frozen=True):
    """Neighbouring frames by number; ``good`` are those worth looking at."""

    numbers: tuple[int, ...]
    good: frozenset[int]


def windows(film: Film, settings: FilmSettings) -> list[Window]:
    """The windows of a film that are worth cutting; nothing is decoded.

    Frames that repeat the one before, and bad ones, don't count; neither do those in which somebody marked a
    lesion: what is followed there might be the same lesion under another name.
    """
    index = film.index
    seconds = np.array([index.seconds(number) for number in range(len(index))])
    fresh = np.ones(len(index), dtype=bool)
    fresh[1:] = index.fingerprints[1:] != index.fingerprints[:-1]
    good = fresh & (frame_scores(index) >= settings.quality) & _in_body(index)
    for mark in film.marks:
        inside = (index.pts >= mark.pts_in) & (index.pts <= mark.pts_out)
        fresh &= ~inside
        good &= ~inside
    found = []
    for begin in np.arange(0.0, max(float(seconds.max()), 1e-9), settings.every_s):
        here = (seconds >= begin) & (seconds < begin + settings.seconds)
        if int((here & good).sum()) >= 2:
            found.append(_window(np.flatnonzero(here & fresh), good))
    return found


def _window(fresh: NDArray[np.int64], good: NDArray[np.bool_]) -> Window:
    step = -(-len(fresh) // _MOST_FRAMES)
    numbers = [int(number) for number in fresh[::step]]
    return Window(tuple(numbers), frozenset(number for number in numbers if good[number]))


def _in_body(index: FrameIndex) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(N,) bool, by the measured frame before each."""
    if not len(index.sampled):
        return np.zeros(len(index), dtype=bool)
    before = np.searchsorted(index.sampled, np.arange(len(index)), side="right") - 1
    return np.asarray(index.quality[np.maximum(before, 0), 3] >= _LEAST_BODY)
