"""What the processor draws around the scope picture: its black mask and the burned-in text."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from core.phantom.processor import Image, Processor

_FONT = cv2.FONT_HERSHEY_SIMPLEX
CORNER = {"octagon": 0.25, "cut": 0.09}
"""Length of the cut corner as a share of the picture's shorter side."""


class Caption(msgspec.Struct, frozen=True):
    """The text of one frame: an invented patient code, date and clock time, light in use."""

    code: str
    moment: dt.datetime
    light: str


def outline(processor: Processor) -> NDArray[np.int32]:
    """The picture's outline on the screen, (n, 2) int32 pixels, convex."""
    x, y, w, h = processor.picture
    return _corners(processor.shape, w, h) + np.array([x, y], dtype=np.int32)


def mask(processor: Processor) -> NDArray[np.bool_]:
    """Which pixels of the *picture* show something, (h, w) bool; the rest stays black."""
    return shape_mask(processor.shape, *processor.picture[2:])


@lru_cache(maxsize=64)
def shape_mask(shape: str, width: int, height: int) -> NDArray[np.bool_]:
    """Which pixels of a scope picture of this shape and size show something, (h, w) bool, read-only."""
    canvas = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(canvas, _corners(shape, width, height), 1)
    inside = canvas.astype(bool)
    inside.setflags(write=False)
    return inside


def _corners(shape: str, w: int, h: int) -> NDArray[np.int32]:
    if shape == "round":
        centre = (w // 2, h // 2)
        return np.asarray(cv2.ellipse2Poly(centre, ((w - 1) // 2, (h - 1) // 2), 0, 0, 360, 3), np.int32)
    c = int(CORNER[shape] * min(w, h))
    r, b = w - 1, h - 1
    corners = [(c, 0), (r - c, 0), (r, c), (r, b - c), (r - c, b), (c, b), (0, b - c), (0, c)]
    return np.array(corners, np.int32)


def compose(picture: Image, processor: Processor, caption: Caption) -> Image:
    """The whole screen.

    Args:
        picture: (h, w, 3) uint8 RGB of the processor's picture size.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    x, y, w, h = processor.picture
    screen = np.full((processor.height, processor.width, 3), 2, np.uint8)
    view = screen[y : y + h, x : x + w]
    inside = mask(processor)
    view[inside] = picture[inside]
    for text, at, scale in _lines(processor, caption):
        cv2.putText(screen, text, at, _FONT, scale, (206, 208, 204), 1, cv2.LINE_AA)
    return screen


def _lines(processor: Processor, caption: Caption) -> list[tuple[str, tuple[int, int], float]]:
    """Text, baseline's left end in pixels and scale, by the brand's layout."""
    date, clock = caption.moment.strftime("%d/%m/%Y"), caption.moment.strftime("%H:%M:%S")
    brand, width, height = processor.brand, processor.width, processor.height
    if processor.layout == "left column":
        texts = [f"ID {caption.code}", date, clock, "", caption.light, "Ct N  Eh A3", "", brand]
        return [(text, (6, 28 + 20 * n), 0.4) for n, text in enumerate(texts) if text]
    if processor.layout == "corners":
        return [
            (caption.code, (6, 20), 0.42), (date, (6, 38), 0.38), (clock, (6, 55), 0.38),
            (caption.light, (6, height - 28), 0.4), (brand, (6, height - 10), 0.36),
        ]  # fmt: skip
    if processor.layout == "bottom line":
        return [
            (caption.code, (4, height - 8), 0.3), (clock, (width - 52, height - 8), 0.3),
            (date, (width - 70, 14), 0.3), (caption.light, (4, 14), 0.3),
        ]  # fmt: skip
    return [
        (date, (4, 14), 0.32), (clock, (4, 30), 0.32), (caption.code, (width - 86, 14), 0.32),
        (caption.light, (4, height - 10), 0.36), (brand, (width - 84, height - 10), 0.3),
    ]  # fmt: skip
