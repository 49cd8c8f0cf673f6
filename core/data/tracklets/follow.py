"""Follows a box through neighbouring frames by the flow of its points (after Kalal 2010, "Median Flow").

Where the flow is lost, correlation with the neighbourhood may find the place again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from core.domain import Box

Grey = np.ndarray[Any, np.dtype[np.uint8]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

_POINTS = 60
_LEAST_POINTS = 8
_BACK_ERROR_PX = 1.0
"""A point that, followed there and back, ends farther away than this was lost."""
_LEAST_CORRELATION = 0.6
"""Normalised correlation of the box's content from frame to frame below which it is another thing."""
_SURE_CORRELATION = 0.8
"""The same where nothing but correlation speaks for a place."""
_REACH = 0.5
"""How far a box is looked for, as a share of its side."""
_LEAST_CONTRAST = 6.0
"""Standard deviation, grey levels, of what can be found again."""
_TEMPLATE = 24
_LEAST_INSIDE = 0.9
_LARGEST_ZOOM = 1.25
"""From one frame to the next; more is a mistake of the flow."""
_WINDOW = {"winSize": (15, 15), "maxLevel": 3}


def follow(frames: Sequence[Grey], start: int, box: Box, inside: Mask) -> dict[int, Box]:
    """Where the content of a box lies in the frames around ``start``.

    In both directions it stops where too few points agree there and back and the content isn't found again
    close by either, or where the box leaves the picture.

    Args:
        frames: (h, w) uint8, neighbours in time.
        start: the frame that ``box`` belongs to.
        box: in pixels of these frames.
        inside: (h, w) bool, True in the scope region.

    Returns:
        Frame number → box, ``start`` included; rising and without gaps.
    """
    found = {start: box}
    for step in (1, -1):
        at, now = start, box
        while 0 <= at + step < len(frames):
            before, after = frames[at], frames[at + step]
            moved = _moved(before, after, now) or _found_again(before, after, now)
            if moved is None or share_inside(moved, inside) < _LEAST_INSIDE:
                break
            at, now = at + step, moved
            found[at] = now
    return dict(sorted(found.items()))


def share_inside(box: Box, inside: Mask) -> float:
    """Share of the box's area that lies in the scope region, 0…1."""
    height, width = inside.shape
    x0, y0 = max(0, round(box.x)), max(0, round(box.y))
    x1, y1 = min(width, round(box.x + box.w)), min(height, round(box.y + box.h))
    if x1 <= x0 or y1 <= y0:
        return 0.0
    return float(inside[y0:y1, x0:x1].sum()) / max(box.w * box.h, 1.0)


def overlap(one: Box, other: Box) -> float:
    """Shared area of two boxes over the smaller one's, 0…1."""
    across = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    down = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    return max(0.0, across) * max(0.0, down) / min(one.w * one.h, other.w * other.h)


def _moved(before: Grey, after: Grey, box: Box) -> Box | None:
    """The box one frame on, or None where it was lost."""
    mask = np.zeros(before.shape, np.uint8)
    x0, y0, x1, y1 = (round(v) for v in (box.x, box.y, box.x + box.w, box.y + box.h))
    mask[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = 255
    points: Any = cv2.goodFeaturesToTrack(before, _POINTS, 0.01, 3, mask=mask)
    if points is None or len(points) < _LEAST_POINTS:
        return None
    there, ok, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, **_WINDOW)  # type: ignore[call-overload]
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, **_WINDOW)  # type: ignore[call-overload]
    error = np.linalg.norm((points - back).reshape(-1, 2), axis=1)
    kept = (ok.ravel() > 0) & (ok_back.ravel() > 0) & (error < _BACK_ERROR_PX)
    if int(kept.sum()) < _LEAST_POINTS:
        return None
    moved = _by_points(box, points.reshape(-1, 2)[kept], there.reshape(-1, 2)[kept])
    if moved is None or _correlation(_patch(before, box), _patch(after, moved)) < _LEAST_CORRELATION:
        return None
    return moved


def _found_again(before: Grey, after: Grey, box: Box) -> Box | None:
    """The place in the neighbourhood that looks most like the box did, where it does so clearly."""
    size = (max(2, round(box.w)), max(2, round(box.h)))
    template: Any = cv2.getRectSubPix(before, size, (box.x + box.w / 2, box.y + box.h / 2))
    x0, y0 = max(0, round(box.x - _REACH * box.w)), max(0, round(box.y - _REACH * box.h))
    x1, y1 = round(box.x + (1 + _REACH) * box.w), round(box.y + (1 + _REACH) * box.h)
    around = after[y0 : max(0, y1), x0 : max(0, x1)]
    if around.shape[0] < size[1] or around.shape[1] < size[0] or float(template.std()) < _LEAST_CONTRAST:
        return None
    _, best, _, at = cv2.minMaxLoc(cv2.matchTemplate(around, template, cv2.TM_CCOEFF_NORMED))
    if best < _SURE_CORRELATION:
        return None
    return Box(float(x0 + at[0]), float(y0 + at[1]), box.w, box.h)


def _by_points(box: Box, old: Any, new: Any) -> Box | None:
    """Moved by the median of the points' ways, scaled by the median ratio of their distances."""
    spread_old = np.linalg.norm(old - np.median(old, axis=0), axis=1)
    spread_new = np.linalg.norm(new - np.median(new, axis=0), axis=1)
    usable = spread_old > 1.0
    zoom = float(np.median(spread_new[usable] / spread_old[usable])) if usable.any() else 1.0
    if not 1 / _LARGEST_ZOOM <= zoom <= _LARGEST_ZOOM:
        return None
    dx, dy = (float(v) for v in np.median(new - old, axis=0))
    w, h = box.w * zoom, box.h * zoom
    return Box(box.x + dx + (box.w - w) / 2, box.y + dy + (box.h - h) / 2, w, h)


def _patch(frame: Grey, box: Box) -> Any:
    size = (max(2, round(box.w)), max(2, round(box.h)))
    patch = cv2.getRectSubPix(frame, size, (box.x + box.w / 2, box.y + box.h / 2))
    return cv2.resize(patch, (_TEMPLATE, _TEMPLATE), interpolation=cv2.INTER_AREA)


def _correlation(one: Any, other: Any) -> float:
    return float(cv2.matchTemplate(one, other, cv2.TM_CCOEFF_NORMED)[0, 0])
