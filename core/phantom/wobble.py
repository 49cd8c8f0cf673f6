"""The bowel moves: a slow, smooth warp of the picture, as breathing, peristalsis and suction give it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.phantom.seeding import Rng

Array = NDArray[np.float32]
_WAVES = 4


class Wobble:
    """A warp that changes with time.

    Args:
        rng: of this take or view.
        reach: largest typical displacement as a share of the picture's longer side.
    """

    def __init__(self, rng: Rng, reach: float) -> None:
        self._number = rng.normal(0, 3.2, (_WAVES, 2))  # radians over the picture's side
        self._phase = rng.uniform(0, 2 * np.pi, _WAVES)
        self._speed = rng.normal(0, 2.2, _WAVES)  # radians a second
        self._way = rng.normal(0, reach / np.sqrt(_WAVES), (_WAVES, 2))

    def maps(self, width: int, height: int, seconds: float = 0.0) -> tuple[Array, Array]:
        """Where each pixel of the warped picture comes from: columns and rows, (height, width) float32."""
        side = float(max(width, height))
        y, x = np.meshgrid(
            np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32), indexing="ij"
        )
        columns, rows = x.copy(), y.copy()
        for (kx, ky), phase, speed, (dx, dy) in zip(
            self._number, self._phase, self._speed, self._way, strict=True
        ):
            turn = np.float32(phase + speed * seconds)
            wave = np.sin(x * np.float32(kx / side) + y * np.float32(ky / side) + turn)
            columns += np.float32(dx * side) * wave
            rows += np.float32(dy * side) * wave
        return columns, rows


def warped(picture: Array, maps: tuple[Array, Array]) -> Array:
    """A picture (h, w, 3) float32 as the maps bend it."""
    bent = cv2.remap(picture, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(bent, np.float32)


def warped_labels(labels: NDArray[np.int16], maps: tuple[Array, Array]) -> NDArray[np.int16]:
    """Labels (h, w) int16 as the maps bend them, none mixed."""
    bent = cv2.remap(labels, *maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(bent, np.int16)
