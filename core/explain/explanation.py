"""What an explanation consists of, as plain values. Torch-free, so that reports and windows can hold it."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.inference.device import DeviceChoice

NO_CLEAR_REGION = 1e-5
"""A strength below this is rounding: a picture and itself, whose cosine has no slope, give about 1e-8."""
_BANDS = ((NO_CLEAR_REGION, "no clear region"), (1e-3, "weak"), (1e-2, "moderate"))


def strength_words(strength: float) -> str:
    """A raw strength in words: no clear region, weak, moderate or strong.

    The strength is the map's maximum before scaling, in units of the cosine: by about how much the score
    would move, to first order, with what the hottest position holds. A hundredth or more is called strong.
    """
    return next((words for limit, words in _BANDS if strength < limit), "strong")


class ImageExplanation(msgspec.Struct, frozen=True):
    """``map`` (S, S) float32 in 0…1 over the crop stretched to a square, ``strength`` its raw maximum."""

    map: NDArray[np.float32]
    strength: float

    @property
    def clear(self) -> bool:
        """Whether there is a region to show at all."""
        return self.strength >= NO_CLEAR_REGION

    @property
    def words(self) -> str:
        """The strength in words."""
        return strength_words(self.strength)


class PairExplanation(msgspec.Struct, frozen=True):
    """Both maps, the cosine that they explain, and what computed them."""

    query: ImageExplanation
    candidate: ImageExplanation
    similarity: float
    model_id: str
    device: DeviceChoice
