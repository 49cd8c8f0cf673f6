"""A fold, or mucus on the lens, that hides part of a lesion from one side of the picture."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from core.phantom.seeding import Rng

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

SHARE = 0.12
"""Share of the views in which something hangs in front (our choice)."""
_MOST_HIDDEN = 0.45


def drawn(light: Array, shown: Mask, rng: Rng) -> tuple[Array, Mask]:
    """The picture with a curtain of neighbouring wall in front, and what is still seen of the lesion.

    Args:
        light: (h, w, 3) linear light. shown: (h, w) where the lesion is seen.
        rng: of this view.
    """
    rows, columns = np.nonzero(shown)
    if rng.random() >= SHARE or not rows.size:
        return light, shown
    h, w = shown.shape
    turn = float(rng.uniform(0, 2 * math.pi))
    y, x = np.meshgrid(np.arange(h, dtype=np.float32), np.arange(w, dtype=np.float32), indexing="ij")
    depth = x * np.float32(math.cos(turn)) + y * np.float32(math.sin(turn))
    aside = y * np.float32(math.cos(turn)) - x * np.float32(math.sin(turn))
    # The edge runs through the lesion so that a drawn share of it is hidden, and is bowed and wavy.
    edge = np.quantile(depth[rows, columns], 1 - float(rng.uniform(0.08, _MOST_HIDDEN)))
    side = float(max(h, w))
    middle = float(aside[rows, columns].mean())
    bow = float(rng.normal(0, 0.5)) * ((aside - middle) / side) ** 2 * side
    wave = 0.03 * side * np.sin((aside - middle) * np.float32(rng.uniform(2, 8) / side) + rng.uniform(0, 6.3))
    inside = depth - np.float32(edge) - bow - wave
    soft = float(rng.uniform(0.6, 3.0))
    cover = np.clip(inside / soft + 0.5, 0, 1)[..., None]
    # Nearer to the lamp, so mostly brighter than the wall beside the lesion.
    gain = np.exp(rng.normal(0.25, 0.35)) * (0.8 + 0.4 * np.clip(inside / (0.25 * side), 0, 1))[..., None]
    shadow = 1 - 0.35 * np.exp(-np.clip(-inside, 0, None) / (0.03 * side))[..., None]
    front = _wall_beside(light, shown, rng) * gain
    hidden = light * shadow * (1 - cover) + front * cover
    return np.asarray(hidden, np.float32), shown & (inside < 0)


def _wall_beside(light: Array, shown: Mask, rng: Rng) -> Array:
    """Wall of the colour beside the lesion, unevenly lit, (h, w, 3)."""
    beside = light[~shown] if not shown.all() else light.reshape(-1, 3)
    coarse = np.exp(rng.normal(0, 0.22, (5, 5, 1)) + rng.normal(0, 0.05, (5, 5, 3))).astype(np.float32)
    uneven = cv2.resize(coarse, (shown.shape[1], shown.shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.median(beside, axis=0) * uneven, np.float32)
