"""The scope region: the round or octagonal picture that a processor shows inside a black frame.

Pixels that were bright at some time belong to the picture or to the processor's text. What tells them apart:
text is thin, stands apart from the picture or sticks out of its outline, and mostly stands still; the picture
is one large convex area that changes.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from core.domain import ScopeRegion

Picture = np.ndarray[Any, np.dtype[np.uint8]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

_LIT_ABOVE_BLACK = 16.0
_BLACK_AT_MOST = 36.0
_LIT_SHARE = 0.10
_MOVING_STD = 2.5
_TEXT_HEIGHT = 0.09
"""Text lines and their blocks are thinner than this share of the frame's shorter side."""
_WHOLE = 0.97
_TOO_SMALL = 0.08
_MAX_CORNERS = 40


def whole_frame(width: int, height: int) -> ScopeRegion:
    """The region of a frame in which no black border was found."""
    right, bottom = width - 1, height - 1
    corners = ((0, 0), (right, 0), (right, bottom), (0, bottom))
    return ScopeRegion(box=(0, 0, width, height), polygon=corners, found=False)


def region_mask(region: ScopeRegion, width: int, height: int) -> Mask:
    """(height, width) bool, True inside the region's outline, for a frame of the size it was found in."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.asarray(region.polygon, np.int32), 1)
    return mask.astype(bool)


class RegionFinder:
    """Learns the scope region from small frames, all of one size, (h, w, 3) uint8 RGB."""

    def __init__(self) -> None:
        self._frames = 0
        self._lit: Any = None
        self._sum: Any = None
        self._squares: Any = None

    def add(self, small: Picture) -> None:
        """Takes one more frame into account."""
        red, green, blue = cv2.split(small)
        brightest: Any = cv2.max(cv2.max(red, green), blue)
        level = brightest.astype(np.float32)
        if self._lit is None:
            self._lit = np.zeros(level.shape, np.float32)
            self._sum = np.zeros(level.shape, np.float32)
            self._squares = np.zeros(level.shape, np.float32)
        black = min(
            float(np.sort(brightest[::4, ::4], axis=None)[brightest.size // 16 // 50]), _BLACK_AT_MOST
        )
        self._lit += cv2.threshold(level, black + _LIT_ABOVE_BLACK, 1.0, cv2.THRESH_BINARY)[1]
        cv2.accumulate(level, self._sum)
        cv2.accumulateSquare(level, self._squares)
        self._frames += 1

    def region(self, width: int, height: int) -> ScopeRegion:
        """The region in pixels of frames of ``width`` × ``height``; the whole frame where nothing is told."""
        outline = self._outline()
        if outline is None:
            return whole_frame(width, height)
        rows, columns = self._lit.shape
        # + 0.5 and − 0.5: a small pixel's centre stands for the centre of the block of pixels it came from
        scaled = (outline + 0.5) * (width / columns, height / rows) - 0.5
        scaled = np.clip(np.rint(scaled), 0, (width - 1, height - 1)).astype(np.int32)
        x, y, w, h = cv2.boundingRect(scaled)
        polygon = tuple((int(across), int(down)) for across, down in scaled)
        return ScopeRegion(box=(x, y, w, h), polygon=polygon, found=True)

    def small_mask(self) -> Mask:
        """(h, w) bool in the size of the small frames, True inside the region.

        Raises:
            ValueError: no frame was added yet.
        """
        if self._lit is None:
            raise ValueError("no frame was added yet")
        rows, columns = self._lit.shape
        return region_mask(self.region(columns, rows), columns, rows)

    def _outline(self) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """Corners (n, 2) of the convex outline in small pixels, or None."""
        if self._frames == 0:
            return None
        hull = _convex(_largest(_without_text(self._picture_pixels())))
        if hull is None:
            return None
        share = cv2.contourArea(hull) / self._lit.size
        if not _TOO_SMALL <= share <= _WHOLE:
            return None
        return np.asarray(hull, np.float64).reshape(-1, 2)

    def _picture_pixels(self) -> Picture:
        lit = self._lit >= max(1.0, _LIT_SHARE * self._frames)
        mean = self._sum / self._frames
        moving = lit & (self._squares / self._frames - mean**2 > _MOVING_STD**2)
        # A still video has nothing that moves: then being lit must do.
        chosen = moving if 2 * moving.sum() > lit.sum() else lit
        return np.asarray(chosen, np.uint8)


def _without_text(lit: Picture) -> Picture:
    side = max(3, round(min(lit.shape) * _TEXT_HEIGHT))
    closed = cv2.morphologyEx(lit, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled = cv2.drawContours(np.zeros_like(closed), contours, -1, 1, thickness=cv2.FILLED)
    # A border of zeros would eat a picture that reaches the frame's edge; opening must not.
    padded = cv2.copyMakeBorder(filled, side, side, side, side, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return np.asarray(opened[side:-side, side:-side], np.uint8)


def _largest(mask: Picture) -> Picture:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return np.zeros_like(mask)
    biggest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == biggest, np.uint8)


def _convex(mask: Picture) -> Any:
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    hull: Any = cv2.convexHull(max(contours, key=cv2.contourArea))
    for coarseness in (0.5, 1.0, 2.0, 4.0):
        simple: Any = cv2.approxPolyDP(hull, coarseness, closed=True)
        if len(simple) <= _MAX_CORNERS:
            return simple
    return hull
