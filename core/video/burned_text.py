"""Finds lettering that the processor burned into the frames: names, dates, clocks, brands. It reads none.

Lettering stands still while the mucosa moves. So in the mean of many frames the mucosa is a blur, and what is
left of thin strokes in it, side by side in a row, is lettering. Where everything stands still nothing can be
told that way; then only what stands on the black outside of the scope region counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np

from core.domain import PixelBox, ScopeRegion
from core.video.text_rows import Stroke, find_rows, merged

Light = np.ndarray[Any, np.dtype[np.uint8]]

MOST_BOXES = 60
_LONGEST_SIDE = 960
"""Frames are averaged down by a whole factor until their longer side is at most this, in pixels."""
_OFTEN, _SELDOM, _PERIOD = 2, 8, 64
"""Of the sampled frames the first :data:`_PERIOD` take every second one, the later ones every eighth."""
_LEAST_FRAMES = 6
_STROKE = 11
"""Strokes are thinner than this, in working pixels."""
_CONTRAST, _WEAK = 14.0, 8.0
"""Grey levels by which a stroke stands out in the mean of the frames, of a sure and of a likely one."""
_STEADY, _HARDLY_STEADY = 0.5, 0.25
"""Share of an edge's strength that is left in the mean: 1 = always there, 0 = there by chance."""
_MOVING_STD = 5.0
"""Grey levels that a lit pixel changes over time, at the median, where the scope moves."""
_LIT, _DARK = 30.0, 40.0
_BORDER = 0.012
"""The region's outline is known up to this share of the frame's longer side."""
_MARGIN = 2
"""Pixels of the working size that a box reaches beyond its strokes."""


class _Places(NamedTuple):
    """(h, w) bool in working pixels: what is surely not scope picture, and what surely is."""

    outside: Any
    inside: Any


class _Sums(NamedTuple):
    """What is added up over the frames of one period, all (h, w) float32."""

    level: Any
    squares: Any
    across: Any
    down: Any

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> _Sums:
        return cls(*(np.zeros(shape, np.float32) for _ in range(4)))

    def add(self, light: Light) -> None:
        cv2.accumulate(light, self.level)
        cv2.accumulateSquare(light, self.squares)
        cv2.accumulate(cv2.absdiff(light[:, 2:], light[:, :-2]), self.across[:, 1:-1])
        cv2.accumulate(cv2.absdiff(light[2:], light[:-2]), self.down[1:-1])


class TextFinder:
    """Learns where lettering stands from the brightness of frames, all of one size, in order of time.

    Memory doesn't grow with the video: frames are added up in periods, each is judged when it is full, and
    what lettering was found in any of them counts.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._size = (0, 0)
        self._frames = 0
        self._judged = False
        self._sums: _Sums | None = None
        self._rows: list[PixelBox] = []

    def wants(self) -> bool:
        """Whether the next sampled frame is needed; called once for each."""
        self._seen += 1
        return (self._seen - 1) % (_OFTEN if self._seen <= _OFTEN * _PERIOD else _SELDOM) == 0

    def add(self, light: Light, region: Callable[[], ScopeRegion]) -> None:
        """Takes one more frame into account.

        Args:
            light: (H, W) uint8, upright.
            region: gives the scope region as far as it is known by now, in pixels of the frame; asked
                when a period is full.
        """
        if self._sums is None:
            self._size = (light.shape[1], light.shape[0])
        small = _reduced(light, self._size)
        self._sums = self._sums or _Sums.none(small.shape)
        self._sums.add(small)
        self._frames += 1
        if self._frames == _PERIOD:
            self._judge(region())

    def boxes(self, region: ScopeRegion) -> tuple[PixelBox, ...]:
        """Where lettering was found, as (x, y, w, h) in pixels of the frame, from top to bottom."""
        # The rest after the last full period may be short and still: it counts where it is long enough.
        if self._frames >= (_PERIOD // 2 if self._judged else _LEAST_FRAMES):
            self._judge(region)
        found = sorted(self._rows, key=lambda row: -row[2] * row[3])[:MOST_BOXES]
        return tuple(sorted((self._box(row) for row in found), key=lambda box: box[1::-1]))

    def _judge(self, region: ScopeRegion) -> None:
        """Adds what the period shows to what is known, and begins the next one."""
        assert self._sums is not None
        rows = find_rows(_strokes(self._sums, self._frames, self._places(region)))
        self._rows = merged([*self._rows, *rows])
        self._sums, self._frames, self._judged = _Sums.none(self._sums.level.shape), 0, True

    def _places(self, region: ScopeRegion) -> _Places:
        assert self._sums is not None
        rows, columns = self._sums.level.shape
        picture = np.ones((rows, columns), np.uint8)
        if region.found:
            scale = (columns / self._size[0], rows / self._size[1])
            picture[:] = 0
            cv2.fillConvexPoly(picture, np.rint(np.asarray(region.polygon) * scale).astype(np.int32), 1)
        reach = 2 * round(_BORDER * max(rows, columns)) + 1
        outside = cv2.dilate(picture, np.ones((reach, reach), np.uint8)) == 0
        # Constant border: what lies beyond the frame's end isn't picture.
        reach += _STROKE + 1
        inside = cv2.erode(
            picture, np.ones((reach, reach), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        return _Places(outside, inside > 0)

    def _box(self, row: PixelBox) -> PixelBox:
        assert self._sums is not None
        rows, columns = self._sums.level.shape
        width, height = self._size
        x, y, w, h = row
        left, top = max(0, x - _MARGIN), max(0, y - _MARGIN)
        right, bottom = min(columns, x + w + _MARGIN), min(rows, y + h + _MARGIN)
        left, right = int(left * width / columns), -int(-right * width // columns)
        top, bottom = int(top * height / rows), -int(-bottom * height // rows)
        return left, top, right - left, bottom - top


def _reduced(light: Light, size: tuple[int, int]) -> Light:
    """The frame in the working size, also where the video's size changes in its course."""
    factor = -(-max(size) // _LONGEST_SIDE)
    wanted = (max(3, size[0] // factor), max(3, size[1] // factor))
    if wanted == (light.shape[1], light.shape[0]):
        return light
    return np.asarray(cv2.resize(light, wanted, interpolation=cv2.INTER_AREA), np.uint8)


def _strokes(sums: _Sums, frames: int, places: _Places) -> Stroke:
    mean = sums.level / frames
    ground, lid = _envelope(mean)
    # Dark strokes count inside only: elsewhere the black of the frame has corners and edges of its own.
    contrast = np.maximum(mean - ground, np.where(places.inside, lid - mean, 0))
    certain = places.outside & (ground < _DARK)
    hardly = certain
    if _moving(sums, frames, mean):
        steady = _steadiness(mean, sums, frames)
        certain, hardly = certain | (steady > _STEADY), certain | (steady > _HARDLY_STEADY)
    likely = (contrast > _WEAK) & hardly
    ink = likely & (2 * mean > ground + lid)
    return Stroke((contrast > _CONTRAST) & certain, likely, ink, places.outside)


def _envelope(mean: Any) -> tuple[Any, Any]:
    """The level that bright strokes stand on, and the level that dark ones lie under."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_STROKE, _STROKE))
    # Widened: a black edge beside the picture that is cut off by the frame's end isn't thin.
    wide: Any = cv2.copyMakeBorder(mean, _STROKE, _STROKE, _STROKE, _STROKE, cv2.BORDER_REPLICATE)
    inner = (slice(_STROKE, -_STROKE),) * 2
    ground = cv2.morphologyEx(wide, cv2.MORPH_OPEN, kernel)[inner]
    return ground, cv2.morphologyEx(wide, cv2.MORPH_CLOSE, kernel)[inner]


def _steadiness(mean: Any, sums: _Sums, frames: int) -> Any:
    """0…1, the highest in a pixel's neighbourhood: how much of the edges' strength the mean keeps."""
    across, down = np.zeros_like(mean), np.zeros_like(mean)
    across[:, 1:-1] = np.abs(mean[:, 2:] - mean[:, :-2])
    down[1:-1] = np.abs(mean[2:] - mean[:-2])
    kept = cv2.boxFilter(across + down, -1, (3, 3))
    usual = cv2.boxFilter((sums.across + sums.down) / frames, -1, (3, 3))
    return kept / np.maximum(usual, 4.0)


def _moving(sums: _Sums, frames: int, mean: Any) -> bool:
    """Whether most of what is lit changes over time."""
    spread = np.sqrt(np.maximum(sums.squares / frames - mean**2, 0))
    lit = mean > _LIT
    return bool(lit.any()) and float(np.median(spread[lit])) > _MOVING_STD
