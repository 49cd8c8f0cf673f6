"""The one way a lesion is cut out of a picture: training, evaluation and inference all use it."""

from __future__ import annotations

import math

import numpy as np

from core.domain import Box
from core.errors import PolypTraceError

CROP_FACTOR = 1.3
"""How much wider and higher than the lesion's box the crop is."""


def lesion_crop(frame_rgb: np.ndarray, box: Box, factor: float = CROP_FACTOR) -> np.ndarray:
    """Cuts the lesion out: the box widened by ``factor`` about its centre, clipped to the picture.

    Args:
        frame_rgb: (H, W, 3) uint8 RGB.
        box: lesion box in pixels of that picture.
        factor: 1 takes the box itself.

    Returns:
        (h, w, 3) uint8 RGB, a contiguous copy; whole pixels that the widened box touches.

    Raises:
        PolypTraceError: ``box-outside-picture`` when box and picture share no pixel.
    """
    height, width = frame_rgb.shape[:2]
    if box.x >= width or box.y >= height or box.x + box.w <= 0 or box.y + box.h <= 0:
        raise PolypTraceError(
            "box-outside-picture",
            f"The box {box.x:g},{box.y:g},{box.w:g},{box.h:g} lies outside the picture of {width}×{height} "
            "pixels.",
            "Mark the lesion again on this frame.",
        )
    left, right = _span(box.x, box.w, factor, width)
    top, bottom = _span(box.y, box.h, factor, height)
    return np.ascontiguousarray(frame_rgb[top:bottom, left:right])


def _span(start: float, length: float, factor: float, limit: int) -> tuple[int, int]:
    centre, half = start + length / 2, length * factor / 2
    low = max(0, math.floor(centre - half + 1e-6))
    high = min(limit, math.ceil(centre + half - 1e-6))
    return low, max(high, low + 1)
