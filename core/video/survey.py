"""What the import pass learns from sampled frames: scope region, quality, thumbnails, burned-in text."""

from __future__ import annotations

import numpy as np

from core.domain import FrameQuality, ScopeRegion
from core.video.burned_text import Light, TextFinder
from core.video.quality import QualityMeter
from core.video.region import Picture, RegionFinder
from core.video.thumbnails import Thumbnails

_BATCH = 256
"""Small frames that wait until the scope region is known from them; about 40 MB."""
_ALL_FOR_REGION = 64
_SOME_FOR_REGION = 4


class Survey:
    """Collects small frames of one pass, in order."""

    def __init__(self) -> None:
        self.finder = RegionFinder()
        self.thumbnails = Thumbnails()
        self.text = TextFinder()
        self.numbers: list[int] = []
        self._waiting: list[tuple[Picture, float]] = []
        self._quality: list[FrameQuality] = []

    def add(self, number: int, small: Picture, combed: float) -> None:
        """Takes the small frame, (h, w, 3) uint8 RGB, of frame ``number`` and how far it is combed, 0…1."""
        if len(self.numbers) < _ALL_FOR_REGION or len(self.numbers) % _SOME_FOR_REGION == 0:
            self.finder.add(small)
        self.numbers.append(number)
        self.thumbnails.add(number, small)
        self._waiting.append((small, combed))
        if len(self._waiting) >= _BATCH:
            self._measure()

    def add_light(self, light: Light) -> None:
        """Takes the brightness of a frame in full size, (H, W) uint8, upright, where asked for."""
        self.text.add(light, lambda: self.finder.region(light.shape[1], light.shape[0]))

    def region(self, width: int, height: int) -> ScopeRegion:
        """The scope region in frames of this size."""
        return self.finder.region(width, height)

    def quality(self) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """(S, 5) float32, a row a frame of :attr:`numbers`: sharpness, glare, brightness, in body, score."""
        self._measure()
        rows = [(q.sharpness, q.glare, q.brightness, q.in_body, q.score) for q in self._quality]
        return np.asarray(rows, np.float32).reshape(-1, 5)

    def _measure(self) -> None:
        if self._waiting:
            meter = QualityMeter(self.finder.small_mask())
            self._quality.extend(meter.measure(small, combed) for small, combed in self._waiting)
            self._waiting.clear()
