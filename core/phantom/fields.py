"""What a moving scope does to the sensor's fields: combing of interlaced rows, colour fringes."""

from __future__ import annotations

import cv2
import numpy as np

from core.phantom.processor import Image, Linear
from core.phantom.seeding import Rng

NONE, INTERLACED, SEQUENTIAL = "none", "interlaced", "sequential"
"""How a camera reads the picture: all at once, in two fields of rows, or red, green, blue one by one."""


def draw_scan(rng: Rng) -> str:
    """A camera's kind of reading: mostly all at once (our choice; older scopes are the others)."""
    return (NONE, INTERLACED, SEQUENTIAL)[int(rng.choice(3, p=[0.6, 0.2, 0.2]))]


def fringed(light: Linear, scan: str, dx: float, dy: float, spread: float) -> Linear:
    """Colours that don't lie on each other.

    Args:
        light: (h, w, 3) linear light.
        scan: a sequential camera shows red before and blue after the motion (dx, dy), pixels.
        spread: by how much red is larger and blue smaller than green, as a share (the lens's own fringe).
    """
    if scan != SEQUENTIAL:
        dx = dy = 0.0
    if max(abs(dx), abs(dy), 100 * abs(spread)) < 0.1:
        return light
    h, w = light.shape[:2]
    out = light.copy()
    for channel, sign in ((0, -1.0), (2, 1.0)):
        zoom = 1 + sign * spread
        matrix = np.array(
            [[zoom, 0, (1 - zoom) * w / 2 + sign * dx], [0, zoom, (1 - zoom) * h / 2 + sign * dy]], np.float32
        )
        plane = np.ascontiguousarray(light[..., channel])
        out[..., channel] = cv2.warpAffine(plane, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE)
    return out


def combed(picture: Image, scan: str, dx: float) -> Image:
    """Every other row ``dx`` pixels on, as an interlaced recording of a moving view shows it."""
    shift = round(dx)
    if scan != INTERLACED or shift == 0:
        return picture
    out = picture.copy()
    out[1::2] = np.roll(picture[1::2], shift, axis=1)
    return out
