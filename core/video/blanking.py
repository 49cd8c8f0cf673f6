"""Black where no picture is: a processor writes names and dates there, and no model may see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from core.domain import PixelBox, ScopeRegion

Picture = np.ndarray[Any, np.dtype[np.uint8]]

TEXT_MARGIN = 2
"""Pixels that are painted over around burned-in text: compression smears it."""


def blanked(frame: Picture, region: ScopeRegion | None, text: Sequence[PixelBox]) -> Picture:
    """The frame with black outside the scope region and where burned-in text is.

    Args:
        frame: (H, W, 3) uint8 RGB; returned itself where there is nothing to paint over.
        region: the video's scope region; one that wasn't found leaves the whole frame.
        text: where burned-in text is, (x, y, w, h) in pixels.
    """
    found = region is not None and region.found
    if not found and not text:
        return frame
    mask = np.full(frame.shape[:2], 0 if found else 1, dtype=np.uint8)
    if region is not None and region.found:
        cv2.fillPoly(mask, [np.asarray(region.polygon, dtype=np.int32)], 1)
    for box in text:
        mask[covered(box)] = 0
    return np.asarray(frame * mask[..., None], dtype=np.uint8)


def covered(box: PixelBox) -> tuple[slice, slice]:
    """Rows and columns that are painted over for a box."""
    x, y, w, h = box
    return (
        slice(max(0, y - TEXT_MARGIN), y + h + TEXT_MARGIN),
        slice(max(0, x - TEXT_MARGIN), x + w + TEXT_MARGIN),
    )
