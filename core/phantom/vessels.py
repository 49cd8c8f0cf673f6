"""The vessel network of the mucosa: branching trees on the unrolled wall, the same in every exam of a patient.

The submucosal vessels of the colon run as trees of a few centimetres whose branches leave at 30–70° and get
thinner at each fork; under them lie wider, blurred veins. That pattern is what endoscopists call the vascular
pattern, and it identifies a place as long as it is fixed to the surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Rng = np.random.Generator

_STEP_MM = 0.7
_SUBPIXEL = 4
_AREA_PER_TREE = 190.0
_AREA_PER_VEIN = 1100.0
THINNEST_MM = 0.10


@dataclass(frozen=True)
class Branch:
    """One vessel between two forks.

    Attributes:
        points: (n, 2) float32, mm along the colon and mm of arc around it.
        width_mm: diameter.
    """

    points: Array
    width_mm: float


def grow(rng: Rng, length_mm: float, arc_mm: float) -> tuple[list[Branch], list[Branch]]:
    """Vessel trees and deep veins that root in one stretch of the unrolled wall.

    Args:
        length_mm, arc_mm: the stretch's extent along the colon and around it.

    Returns:
        The branches of all trees, thin ones first, and the deep veins.
    """
    trees: list[Branch] = []
    for _ in range(int(length_mm * arc_mm / _AREA_PER_TREE)):
        root = rng.uniform(0, 1, 2) * (length_mm, arc_mm)
        width = float(rng.uniform(0.2, 0.46))
        _sprout(rng, trees, root, float(rng.uniform(0, 2 * np.pi)), width, float(rng.uniform(14, 30)), 0)
    veins = [
        Branch(_walk(rng, rng.uniform(0, 1, 2) * (length_mm, arc_mm), float(rng.uniform(0, 6.3)), 32.0, 0.10), 1.1)
        for _ in range(int(length_mm * arc_mm / _AREA_PER_VEIN))
    ]
    return sorted(trees, key=lambda branch: branch.width_mm), veins


def _sprout(
    rng: Rng, into: list[Branch], root: NDArray[np.float64], heading: float, width: float, length: float, order: int
) -> None:
    points = _walk(rng, root, heading, length, 0.13 + 0.05 * order)
    into.append(Branch(points, width))
    if order == 3 or width < 1.35 * THINNEST_MM:
        return
    gap = max(length / 5.5, 1.8)
    at = float(rng.uniform(0.5, 1.0)) * gap
    side = float(rng.choice([-1.0, 1.0]))
    while at < length:
        k = min(int(at / _STEP_MM) + 1, len(points) - 1)
        ahead = points[k] - points[k - 1]
        turn = side * float(rng.uniform(0.5, 1.2))
        onward = float(np.arctan2(ahead[1], ahead[0])) + turn
        thin = max(width * float(rng.uniform(0.5, 0.8)), THINNEST_MM)
        _sprout(rng, into, points[k].astype(float), onward, thin, length * float(rng.uniform(0.28, 0.55)), order + 1)
        side = -side if rng.random() < 0.75 else side
        at += gap * float(rng.uniform(0.6, 1.5))


def _walk(rng: Rng, start: NDArray[np.float64], heading: float, length: float, wander: float) -> Array:
    """A meandering way: its heading drifts by a random walk of ``wander`` radians a step and swings back."""
    steps = max(int(length / _STEP_MM), 2)
    jitter = rng.normal(0, wander, steps)
    bend = np.cumsum(jitter) * 0.7 + 0.35 * np.sin(np.arange(steps) * float(rng.uniform(0.25, 0.6)))
    turned = heading + bend
    path = np.stack([np.cos(turned), np.sin(turned)], 1).cumsum(0) * _STEP_MM
    return np.concatenate([start[None], start[None] + path]).astype(np.float32)


def draw(
    branches: list[Branch],
    canvas: NDArray[np.uint8],
    begin_mm: float,
    column_mm: float,
    row_mm: float,
    first_column: int,
) -> None:
    """Draws vessels onto a texture; strength grows with the diameter, the finest are about a texel wide.

    Args:
        canvas: (rows, columns) uint8, changed in place.
        begin_mm: station (in the branches' own coordinates) of the canvas's row 0.
        column_mm, row_mm: extent of a texel around and along the colon.
        first_column: column of the branches' arc 0 on the canvas.
    """
    one = 1 << _SUBPIXEL
    texel = (column_mm + row_mm) / 2
    for branch in branches:
        at = np.empty_like(branch.points)
        at[:, 0] = branch.points[:, 1] / column_mm + first_column
        at[:, 1] = (branch.points[:, 0] - begin_mm) / row_mm
        wide = branch.width_mm / texel
        strength = int(np.clip(60 + 360 * branch.width_mm, 60, 230) * min(wide, 1.0))
        cv2.polylines(
            canvas,
            [np.rint(at * one).astype(np.int32).reshape(-1, 1, 2)],
            False,
            strength,
            max(round(wide), 1),
            cv2.LINE_AA,
            _SUBPIXEL,
        )
