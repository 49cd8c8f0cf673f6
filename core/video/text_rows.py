"""Puts thin strokes together into rows of lettering, and tells them from specks, lines and dirt."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np

from core.domain import PixelBox

Mask = np.ndarray[Any, np.dtype[np.bool_]]

_TALLEST = 0.11
"""A letter is lower than this share of the frame's shorter side."""
_LOWEST = 4
_MOST_PARTS = 1500
"""More parts than a screen full of lettering has: then it is texture, and only the largest are looked at."""
_GAP = 0.9
"""Letters and words of one row lie this far apart at most, in heights of the row."""
_SHARED = 0.5
_PART_SURE, _ROW_SURE = 0.1, 0.12
"""Shares of the strokes that must be sure."""
_CROSSED = 0.7
"""A line through a row of lettering crosses so many strokes a row's height, and three at least."""
_DENSEST = 0.85


class Stroke(NamedTuple):
    """(h, w) bool each: sure and likely strokes, the bright ones of these, and what is no scope picture."""

    sure: Mask
    likely: Mask
    ink: Mask
    outside: Mask


class _Part(NamedTuple):
    """A connected piece of strokes: its edges, its pixels, and how many of them are sure."""

    left: int
    top: int
    right: int
    bottom: int
    pixels: int
    sure: int

    @property
    def height(self) -> int:
        return self.bottom - self.top


def find_rows(stroke: Stroke) -> list[PixelBox]:
    """Rows of lettering as (x, y, w, h), those with most strokes first."""
    parts = _parts(stroke)
    found = [row for row in _rows(parts) if _is_text(row, stroke)]
    found.sort(key=lambda row: -sum(part.pixels for part in row))
    return [_around(row) for row in found]


def merged(boxes: list[PixelBox]) -> list[PixelBox]:
    """The boxes with those joined that lie on each other for the most part."""
    apart: list[PixelBox] = []
    for box in boxes:
        while (twin := next((one for one in apart if _overlap(one, box)), None)) is not None:
            apart.remove(twin)
            left, top = min(box[0], twin[0]), min(box[1], twin[1])
            right, bottom = (max(box[k] + box[k + 2], twin[k] + twin[k + 2]) for k in (0, 1))
            box = (left, top, right - left, bottom - top)
        apart.append(box)
    return apart


def _overlap(one: PixelBox, other: PixelBox) -> bool:
    w, h = (min(one[k] + one[k + 2], other[k] + other[k + 2]) - max(one[k], other[k]) for k in (0, 1))
    return w > 0 and h > 0 and w * h >= 0.5 * min(one[2] * one[3], other[2] * other[3])


def _parts(stroke: Stroke) -> list[_Part]:
    mask = (stroke.likely | stroke.sure).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    sure = np.bincount(labels[stroke.sure], minlength=count)
    tallest = _TALLEST * min(mask.shape)
    parts = []
    for (left, top, width, height, pixels), strong in zip(stats[1:].tolist(), sure[1:].tolist(), strict=True):
        # A long line of letters run together is still low; a border or a fold is high.
        if strong >= _PART_SURE * pixels and height <= tallest:
            parts.append(_Part(left, top, left + width, top + height, pixels, strong))
    return sorted(parts, key=lambda part: -part.pixels)[:_MOST_PARTS]


def _rows(parts: list[_Part]) -> list[list[_Part]]:
    """Parts that lie side by side, each row from left to right."""
    waiting = sorted(parts, key=lambda part: part.left)
    rows: list[list[_Part]] = []
    for part in waiting:
        touching = [row for row in rows if any(_side_by_side(part, other) for other in row[-6:])]
        joined = [part]
        for row in touching:
            rows.remove(row)
            joined = row + joined
        rows.append(sorted(joined, key=lambda one: one.left))
    return rows


def _side_by_side(one: _Part, other: _Part) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    gap = max(one.left, other.left) - min(one.right, other.right)
    high, low = max(one.height, other.height), min(one.height, other.height)
    return shared >= _SHARED * low and gap <= max(3, _GAP * high)


def _is_text(row: list[_Part], stroke: Stroke) -> bool:
    x, y, w, h = _around(row)
    place = (slice(y, y + h), slice(x, x + w))
    pixels, sure = sum(part.pixels for part in row), sum(part.sure for part in row)
    if h < _LOWEST or pixels < 2 * h or sure < _ROW_SURE * pixels:
        return False
    if float(stroke.outside[place].mean()) > 0.5:
        return True  # nothing else is there: a single letter counts too
    ink = stroke.ink[place]
    filled = int(np.count_nonzero(ink)) > _DENSEST * w * h
    return w >= 1.2 * h and not filled and _crossings(ink) >= max(3.0, _CROSSED * w / h)


def _crossings(mask: Mask) -> float:
    """How many strokes a line along the row crosses, on a line that few cross more."""
    begun = mask[:, 0] + np.count_nonzero(mask[:, 1:] & ~mask[:, :-1], axis=1)
    return float(np.percentile(begun, 75))


def _around(row: list[_Part]) -> PixelBox:
    left, top = min(part.left for part in row), min(part.top for part in row)
    right, bottom = max(part.right for part in row), max(part.bottom for part in row)
    return left, top, right - left, bottom - top
