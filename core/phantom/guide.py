"""A coarse look ahead of the fine one: what distance each pixel may expect, from rays four pixels apart."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from core.phantom.camera import Lens
from core.phantom.tracer import FAR_MM, Tracer

Array = NDArray[np.float32]
Kind = TypeVar("Kind", np.float32, np.bool_)

SPACING = 4
_MARGIN_MM = 0.6
_MARGIN_SHARE = 0.03


class Expectation(NamedTuple):
    """What neighbouring coarse rays say about pixels, each (h, w).

    Attributes:
        low, high: distances between which the hit is expected, mm.
        station: of the nearest coarse hit.
        trust: whether the coarse hits around lie on one smooth surface.
    """

    low: Array
    high: Array
    station: Array
    trust: NDArray[np.bool_]


def expect(tracer: Tracer, lens: Lens, axes: Array, window: tuple[int, int, int, int]) -> Expectation:
    """Traces a coarse grid that is fixed to the full picture, so that a window expects what the whole would.

    Args:
        axes: (3, 3) rows right, up, forward of the camera in space.
        window: (x0, y0, x1, y1) in pixels of the full picture, ends excluded.
    """
    x0, y0, x1, y1 = window
    columns = np.arange(x0 // SPACING - 1, (x1 - 1) // SPACING + 2)
    rows = np.arange(y0 // SPACING - 1, (y1 - 1) // SPACING + 2)
    middle = (SPACING - 1) / 2
    x, y = np.meshgrid(*((k * SPACING + middle).astype(np.float32) for k in (columns, rows)))
    rays = np.ascontiguousarray((lens.rays(x, y).reshape(-1, 3) @ axes).T)
    distance, station = (found.reshape(x.shape) for found in tracer.trace(rays))
    kernel = np.ones((3, 3), np.uint8)
    nearest, farthest = cv2.erode(distance, kernel), cv2.dilate(distance, kernel)
    smooth = (farthest - nearest < 2.5 + 0.12 * nearest) & (farthest < FAR_MM)
    low = np.maximum(nearest * (1 - _MARGIN_SHARE) - _MARGIN_MM, 0).astype(np.float32)
    high = (farthest * (1 + _MARGIN_SHARE) + _MARGIN_MM).astype(np.float32)
    near, far, where = (_spread(table, window) for table in (low, high, station))
    return Expectation(near, far, where, _spread(smooth, window))


def _spread(table: NDArray[Kind], window: tuple[int, int, int, int]) -> NDArray[Kind]:
    """Each pixel's nearest coarse value; the table begins one coarse cell before the window's."""
    x0, y0, x1, y1 = window
    column = np.arange(x0, x1) // SPACING - x0 // SPACING + 1
    row = np.arange(y0, y1) // SPACING - y0 // SPACING + 1
    return table[np.ix_(row, column)]
