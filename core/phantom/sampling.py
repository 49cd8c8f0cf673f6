"""Table look-ups for many points at once, through OpenCV's remap."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_ROW = 1024


def look_up(texture: NDArray[np.float32] | NDArray[np.uint8], x: Array, y: Array) -> Array:
    """Bilinear samples of a texture at float coordinates; outside, the nearest edge counts.

    Args:
        texture: (h, w) or (h, w, c) float32 or uint8, sides below 32 767.
        x, y: (n,) float32 column and row coordinates; texel centres lie at whole numbers.

    Returns:
        (n,) or (n, c) float32; uint8 textures give 0…255.
    """
    n = x.size
    channels = texture.shape[2:]
    if n == 0:
        return np.zeros((0, *channels), np.float32)
    rows = -(-n // _ROW)
    columns, lines = _as_picture(x, rows), _as_picture(y, rows)
    out = cv2.remap(texture, columns, lines, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out.reshape(rows * _ROW, *channels)[:n].astype(np.float32, copy=False)


def _as_picture(values: Array, rows: int) -> Array:
    """Values (n,) as a picture of ``rows`` lines, padded with zeros where needed: remap wants two
    dimensions.
    """
    if values.size < rows * _ROW:
        padded = np.zeros(rows * _ROW, np.float32)
        padded[: values.size] = values
        return padded.reshape(rows, _ROW)
    return np.ascontiguousarray(values, np.float32).reshape(rows, _ROW)


def wrap_columns(texture: Array, pad: int) -> Array:
    """Repeats the first and last ``pad`` columns on the other side, for textures around the lumen."""
    return np.concatenate([texture[:, -pad:], texture, texture[:, :pad]], axis=1)


def polar(u: Array, v: Array) -> tuple[Array, Array]:
    """Radius and angle (0…2π) of points (n,) in the cross-section; the angle is exact to 0.0002 rad, a
    few µm of wall.
    """
    if u.size == 0:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    # As one row: OpenCV takes very short vectors for scalars.
    radius, angle = cv2.cartToPolar(np.ascontiguousarray(u)[None], np.ascontiguousarray(v)[None])
    return np.asarray(radius, np.float32).reshape(-1), np.asarray(angle, np.float32).reshape(-1)
