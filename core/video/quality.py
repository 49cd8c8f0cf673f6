"""How good a frame is to look at: blur, glare, darkness, out of body. Measured on small frames, cheaply."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from core.domain import FrameQuality
from core.video.region import Mask, Picture

SMALL_SIDE = 256
"""The longer side of the small frames that quality, scope region and thumbnails are made from."""

_GLARE_LEVEL = 240
"""Red and green this high: a white highlight, or a near wall burnt out to yellow."""
_DARK_LEVEL = 28
_REBLUR = 9
_FLAT = 0.4
"""Below this mean difference of neighbours (grey levels) a picture shows nothing, not even blur."""
_COMB_COLUMNS = 5

_SPREAD = np.ones((7, 7), np.uint8)


def small_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the small frame, its longer side :data:`SMALL_SIDE` or what the frame has."""
    scale = min(1.0, SMALL_SIDE / max(width, height))
    return max(8, round(width * scale)), max(8, round(height * scale))


def combing(luma: Picture) -> float:
    """How far two fields of different times are woven into one frame: 0 not at all, 1 fully.

    In a natural picture lines two apart differ more than neighbours do; in a combed one less, because
    neighbouring lines come from different fields.

    Args:
        luma: (H, W) uint8 in the full height of the frame; averaging lines would hide the combing.
    """
    some = np.ascontiguousarray(luma[:, ::_COMB_COLUMNS])
    if some.shape[0] < 3 or some.shape[1] == 0:
        return 0.0
    next_line = float(cv2.mean(cv2.absdiff(some[1:], some[:-1]))[0])
    next_but_one = float(cv2.mean(cv2.absdiff(some[2:], some[:-2]))[0])
    return _ramp(next_line / next_but_one, 0.9, 1.8) if next_but_one > _FLAT else 0.0


class QualityMeter:
    """Measures small frames of one size.

    Args:
        mask: (h, w) bool, True in the scope region.
    """

    def __init__(self, mask: Mask) -> None:
        padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        self._inside: Any = np.ascontiguousarray(cv2.erode(padded, _SPREAD)[1:-1, 1:-1])
        self._area = int(cv2.countNonZero(self._inside))

    def measure(self, small: Picture, combed: float = 0.0) -> FrameQuality:
        """The quality of one small frame.

        Args:
            small: (h, w, 3) uint8 RGB, longer side about 256.
            combed: see :func:`combing`; combing counts as blur.

        Returns:
            each measure in 0…1 where 1 is best; ``score`` is their product: one bad measure is enough.
        """
        if self._area == 0:
            return FrameQuality(0.0, 0.0, 0.0, 0.0, 0.0)
        grey: Any = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        red, green, blue = cv2.split(small)
        burnt: Any = cv2.inRange(cv2.min(red, green), _GLARE_LEVEL, 255)
        glare: Any = cv2.min(burnt, self._inside)
        useful: Any = cv2.subtract(self._inside, cv2.dilate(glare, _SPREAD))
        sharpness = _sharpness(grey, useful) * (1.0 - combed)
        calm = 1.0 - _ramp(cv2.countNonZero(glare) / self._area, 0.02, 0.22)
        brightness = self._brightness(grey)
        body = _in_body(red, green, blue, cv2.min(useful, cv2.inRange(grey, _DARK_LEVEL, 255)), self._area)
        return FrameQuality(sharpness, calm, brightness, body, sharpness * calm * brightness * body)

    def _brightness(self, grey: Any) -> float:
        """1 for a well-lit picture; falls where most of it is dark or all of it burns out."""
        mean = float(cv2.mean(grey, self._inside)[0])
        return _ramp(mean, 18.0, 65.0) * (1.0 - _ramp(mean, 190.0, 240.0))


def _sharpness(grey: Any, useful: Any) -> float:
    """What a further blur takes away from the neighbour differences, after Crété et al. 2007, eq. 1–8.

    A sharp picture loses most of them, a blurred one few; the worse direction counts, so motion blur shows.
    Highlights, whose rims are always sharp, and the black frame don't count. The scale runs from what a
    defocused to what a crisp picture of mucosa gives.
    """
    level = grey.astype(np.float32)
    across = _lost(level, cv2.blur(level, (_REBLUR, 1)), useful)
    down = _lost(level.T, cv2.blur(level, (1, _REBLUR)).T, useful.T)
    return _ramp(min(across, down), 0.25, 0.80)


def _lost(level: Any, blurred: Any, useful: Any) -> float:
    """The share of the differences along rows that the blur took away."""
    before: Any = cv2.absdiff(level[:, 1:], level[:, :-1])
    after: Any = cv2.absdiff(blurred[:, 1:], blurred[:, :-1])
    lost = cv2.threshold(before - after, 0.0, 0.0, cv2.THRESH_TOZERO)[1]
    counted = np.ascontiguousarray(useful[:, 1:])
    mean = float(cv2.mean(before, counted)[0])
    return float(cv2.mean(lost, counted)[0]) / mean if mean > _FLAT else 0.0


def _in_body(red: Any, green: Any, blue: Any, lit: Any, area: int) -> float:
    """The share of lit pixels in the colours of mucosa, blood, stool or fluid: red leads, blue is least.

    Rooms, cloths, lamps and caps are grey, white, blue or green. Pictures in narrow band light pass where
    they are brown; a strongly green rendering of them scores lower.
    """
    count = int(cv2.countNonZero(lit))
    if count < 0.02 * area:
        return 0.0
    # red − blue > 0.08 · (red + blue) and red > 0.92 · green, in whole numbers
    warm = cv2.compare(red, cv2.addWeighted(blue, 1.08 / 0.92, blue, 0.0, 0.0), cv2.CMP_GT)
    not_green = cv2.compare(red, cv2.addWeighted(green, 0.92, green, 0.0, 0.0), cv2.CMP_GT)
    tissue = cv2.countNonZero(cv2.min(cv2.min(warm, not_green), lit))
    return _ramp(tissue / count, 0.15, 0.6)


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to ``low``, 1 from ``high``, straight between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))
