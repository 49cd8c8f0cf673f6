"""The vessel network of the mucosa: branching trees on the unrolled wall, the same in every exam of a
patient.

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
Real = NDArray[np.float64]
Rng = np.random.Generator

_SUBPIXEL = 4
_AREA_PER_TREE = 190.0
_AREA_PER_VEIN = 1100.0
_VEIN_MM = 1.1
_THINNEST_MM = 0.10
_STEPS = (34, 16, 9, 5)
_CHILDREN = (6, 5, 4)


@dataclass(frozen=True)
class Branches:
    """Vessels of one order, each the way between its root and its tip.

    Attributes:
        points: (n, k, 2) float32, mm along the colon and mm of arc around it.
        width_mm: (n,) float32, diameters.
    """

    points: Array
    width_mm: Array


def grow(rng: Rng, length_mm: float, arc_mm: float) -> tuple[list[Branches], Branches]:
    """Vessel trees and deep veins that root in one stretch of the unrolled wall.

    Args:
        length_mm, arc_mm: the stretch's extent along the colon and around it.

    Returns:
        The trees' branches, one item an order, thin ones first; and the deep veins.
    """
    trees = max(int(length_mm * arc_mm / _AREA_PER_TREE), 1)
    root = rng.uniform(0, 1, (trees, 2)) * (length_mm, arc_mm)
    heading = rng.uniform(0, 2 * np.pi, trees)
    width, length = rng.uniform(0.2, 0.46, trees), rng.uniform(14, 30, trees)
    orders: list[Branches] = []
    for order, steps in enumerate(_STEPS):
        points = _walk(rng, root, heading, length, steps, 0.16 + 0.03 * order)
        orders.insert(0, Branches(points, width.astype(np.float32)))
        if order < len(_CHILDREN):
            root, heading, width, length = _fork(rng, points, width, length, _CHILDREN[order])
    veins = max(int(length_mm * arc_mm / _AREA_PER_VEIN), 1)
    start = rng.uniform(0, 1, (veins, 2)) * (length_mm, arc_mm)
    way = _walk(rng, start, rng.uniform(0, 2 * np.pi, veins), np.full(veins, 32.0), 40, 0.1)
    return orders, Branches(way, np.full(veins, _VEIN_MM, np.float32))


def _fork(rng: Rng, points: Array, width: Real, length: Real, children: int) -> tuple[Real, Real, Real, Real]:
    """Roots, headings, widths and lengths of the next order: children alternate sides along each parent."""
    count, steps = points.shape[0], points.shape[1] - 1
    share = (np.arange(children) + rng.uniform(0.15, 0.95, (count, children))) / children
    at = np.minimum((share * steps).astype(int) + 1, steps)
    parent = np.arange(count)[:, None]
    ahead = points[parent, at] - points[parent, at - 1]
    side = rng.choice([-1.0, 1.0], (count, 1)) * np.where(np.arange(children) % 2, 1.0, -1.0)
    side = np.where(rng.random((count, children)) < 0.2, -side, side)
    heading = np.arctan2(ahead[..., 1], ahead[..., 0]) + side * rng.uniform(0.5, 1.2, (count, children))
    thin = np.maximum(width[:, None] * rng.uniform(0.5, 0.8, (count, children)), _THINNEST_MM)
    short = length[:, None] * rng.uniform(0.28, 0.55, (count, children))
    sprouts = (rng.random((count, children)) < 0.9) & (width[:, None] > 1.35 * _THINNEST_MM)
    return points[parent, at][sprouts].astype(float), heading[sprouts], thin[sprouts], short[sprouts]


def _walk(rng: Rng, start: Real, heading: Real, length: Real, steps: int, wander: float) -> Array:
    """Meandering ways (n, steps + 1, 2): headings drift by a random walk and swing to and fro."""
    count = len(start)
    bend = 0.7 * np.cumsum(rng.normal(0, wander, (count, steps)), axis=1)
    bend += 0.35 * np.sin(np.arange(steps) * rng.uniform(0.25, 0.6, (count, 1)))
    turned = heading[:, None] + bend
    way = np.cumsum(np.stack([np.cos(turned), np.sin(turned)], -1), axis=1) * (length / steps)[:, None, None]
    return np.concatenate([start[:, None], start[:, None] + way], axis=1).astype(np.float32)


def draw(
    branches: Branches,
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
    rows = (branches.points[..., 0] - begin_mm) / row_mm
    inside = (rows.max(1) > -9) & (rows.min(1) < canvas.shape[0] + 9)
    columns = branches.points[inside, :, 1] / column_mm + first_column
    texels = np.rint(np.stack([columns, rows[inside]], -1) * (1 << _SUBPIXEL)).astype(np.int32)
    texel = (column_mm + row_mm) / 2
    sizes = np.rint(branches.width_mm[inside] * 30).astype(int)
    for size in np.unique(sizes):
        width = float(size) / 30
        strength = float(np.clip(60 + 360 * width, 60, 230)) * min(width / texel, 1.0)
        lines = list(texels[sizes == size])
        cv2.polylines(canvas, lines, False, strength, max(round(width / texel), 1), cv2.LINE_AA, _SUBPIXEL)
