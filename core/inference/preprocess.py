"""From a crop to the network's square: the one resize of training, evaluation and inference."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def to_square(rgb: Picture, size: int) -> Picture:
    """(h, w, 3) uint8 RGB → (size, size, 3) uint8 RGB, stretched, not padded.

    Shrinks with ``INTER_AREA`` (every pixel counts, so nothing aliases) and enlarges with ``INTER_LINEAR``.
    A side that shrinks while the other grows is shrunk first: OpenCV's area mode falls back to bilinear
    sampling, which aliases, as soon as one side grows.

    Raises:
        ValueError: not an (h, w, 3) uint8 picture, or an empty one.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or min(rgb.shape) == 0:
        raise ValueError(f"to_square needs an (h, w, 3) uint8 picture, not {rgb.shape} {rgb.dtype}")
    height, width = rgb.shape[:2]
    small = (min(width, size), min(height, size))
    out = np.ascontiguousarray(rgb)
    if small != (width, height):
        out = cv2.resize(out, small, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    if small != (size, size):
        out = cv2.resize(out, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    return out
