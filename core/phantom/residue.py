"""What lies on the mucosa at one exam and is gone at the next: mucus, yellow fluid, foam, stool, blood.

It is laid over wall and lesions alike, in the wall's own coordinates, so that it stays where it is while the
scope moves. One pattern a kind serves all exams; the exam's seed shifts, turns and weighs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.phantom.mucosa import Skin
from core.phantom.sampling import look_up

Array = NDArray[np.float32]

_TEXELS = 512
_MM = 0.12
"""Of wall a texel covers; the pattern repeats after 61 mm."""
_ROUND_MM = 19.0
"""Radius by which angles become millimetres: it needs no exact one."""


@dataclass(frozen=True)
class Residue:
    """One exam's residue.

    Attributes:
        cover: shares of the wall under mucus, yellow fluid, foam and stool or blood, 0…1 each.
        shift: (4, 2) mm by which each pattern is moved.
        blood: whether the last kind is blood instead of stool.
    """

    cover: tuple[float, float, float, float]
    shift: tuple[tuple[float, float], ...]
    blood: bool

    def over(self, skin: Skin, s: Array, angle: Array) -> Skin:
        """The skin of surface points (n,) with the residue on it."""
        mucus, fluid, foam, solid = (self._mask(kind, s, angle) for kind in range(4))
        hidden = 1 - np.clip(0.55 * mucus + 0.5 * fluid + 0.75 * foam + solid, 0, 0.95)
        blood = skin.blood * (1 - 0.45 * mucus - 0.3 * foam) * (1 - 0.6 * solid * (not self.blood))
        blood = blood + solid * (3.2 if self.blood else 0.9)
        bile = skin.bile + 0.1 * mucus + 0.9 * fluid + 0.12 * foam + solid * (0.1 if self.blood else 1.6)
        film = np.clip(skin.film + 0.5 * mucus + 0.35 * fluid + 0.6 * foam, 0, 1)
        slope = skin.slope * (1 - 0.6 * np.clip(fluid + mucus, 0, 1))[:, None]
        if self.cover[2] > 0:
            slope = slope + 0.9 * foam[:, None] * self._domes(s, angle)
        return Skin(
            skin.vessel * hidden,
            skin.vein * hidden,
            np.asarray(blood, np.float32),
            np.asarray(bile, np.float32),
            np.asarray(film, np.float32),
            np.asarray(slope, np.float32),
        )

    def _mask(self, kind: int, s: Array, angle: Array) -> Array:
        if self.cover[kind] <= 0:
            return np.zeros(len(s), np.float32)
        table = _rank_pattern(kind)
        high = look_up(table, *self._texel(kind, s, angle)) - np.float32(1 - self.cover[kind])
        return np.asarray(np.clip(high * np.float32((8.0, 6.0, 30.0, 25.0)[kind]), 0, 1), np.float32)

    def _domes(self, s: Array, angle: Array) -> Array:
        return look_up(_bubble_slopes(), *self._texel(2, s, angle))

    def _texel(self, kind: int, s: Array, angle: Array) -> tuple[Array, Array]:
        along, around = self.shift[kind]
        row = np.mod((s + np.float32(along)) * np.float32(1 / _MM), _TEXELS - 1)
        column = np.mod(
            (angle * np.float32(_ROUND_MM) + np.float32(around)) * np.float32(1 / _MM), _TEXELS - 1
        )
        return np.asarray(column, np.float32), np.asarray(row, np.float32)


def residue_of(seed: int, amount: float) -> Residue | None:
    """The residue of an exam, or None where the bowel is clean.

    Args:
        amount: 0 (clean) … 1 (badly prepared); which kinds there are is drawn from the seed.
    """
    if amount <= 0:
        return None
    rng = np.random.default_rng((seed, 51))
    most = np.array([0.45, 0.35, 0.22, 0.12]) * amount
    cover = most * rng.uniform(0.2, 1.0, 4) * (rng.random(4) < (0.65, 0.5, 0.35, 0.35))
    shift = rng.uniform(0, _TEXELS * _MM, (4, 2))
    return Residue(
        cover=(float(cover[0]), float(cover[1]), float(cover[2]), float(cover[3])),
        shift=tuple((float(a), float(b)) for a, b in shift),
        blood=bool(rng.random() < 0.4),
    )


@lru_cache(maxsize=4)
def _rank_pattern(kind: int) -> Array:
    """Periodic noise as ranks 0…1, so that a threshold gives its share; 0 mucus in strings, 1 fluid in pools,
    2 foam in patches of bubbles, 3 crumbs.
    """
    rng = np.random.default_rng((52, kind))
    wide = {0: (16.0, 5.0), 1: (40.0, 30.0), 2: (22.0, 22.0), 3: (7.0, 7.0)}[kind]
    noise = ndimage.gaussian_filter(rng.normal(size=(_TEXELS, _TEXELS)), wide, mode="wrap")
    fine = ndimage.gaussian_filter(rng.normal(size=(_TEXELS, _TEXELS)), 3.0, mode="wrap")
    noise = noise / noise.std() + 0.35 * fine / fine.std()
    ranks = np.empty(noise.size, np.float32)
    ranks[np.argsort(noise, axis=None)] = np.linspace(0, 1, noise.size, dtype=np.float32)
    return ranks.reshape(noise.shape)


@lru_cache(maxsize=1)
def _bubble_slopes() -> Array:
    """Slopes (rows, columns, 2) of many small domes side by side."""
    rng = np.random.default_rng(53)
    height = np.zeros((_TEXELS, _TEXELS), np.float32)
    y, x = np.meshgrid(np.arange(-30, 31), np.arange(-30, 31), indexing="ij")
    for radius in np.exp(rng.normal(np.log(6.0), 0.5, 1400)):
        cap = np.sqrt(np.clip(radius**2 - x**2 - y**2, 0, None)).astype(np.float32)
        r, c = (int(v) for v in rng.integers(30, _TEXELS - 31, 2))
        part = height[r - 30 : r + 31, c - 30 : c + 31]
        np.maximum(part, cap, out=part)
    height = np.asarray(cv2.GaussianBlur(height, (0, 0), 0.8), np.float32)
    return np.stack([np.gradient(height, axis=0), np.gradient(height, axis=1)], -1).astype(np.float32)
