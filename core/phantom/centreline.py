"""The curved centreline: a table of moving frames, and the way between space and straightened coordinates.

Straightened coordinates (s, u, v) of a point: station along the centreline, and its displacement to the right
and up in the cross-section. Frames are rotation-minimising, so x = C(s) + u·R(s) + v·U(s) with
dx/ds = T·(1 − kR·u − kU·v): exact as long as the bend is wider than the lumen.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.phantom.colon import SEGMENTS

Array = NDArray[np.float32]

STEP_MM = 0.5
MARGIN_MM = 60.0
SHARPEST_PER_MM = 1.0 / 46.0


class Centreline:
    """Frames every ``STEP_MM`` from ``MARGIN_MM`` before the anal verge to as far beyond the caecal pole.

    Attributes:
        tangent, right, up, centre: (n, 3) float32; bend: (n, 2) float32, curvature towards right and up
            in 1/mm.
        components: the nine components of tangent, right and up, each (n,), for fast look-ups.
    """

    def __init__(self, seed: int, length_mm: float) -> None:
        self.length_mm = length_mm
        stations = np.arange(-MARGIN_MM, length_mm + MARGIN_MM, STEP_MM)
        self.bend = _curvature(np.random.default_rng((seed, 21)), length_mm, stations).astype(np.float32)
        self.tangent, self.right, self.up, self.centre = _integrate(self.bend)
        axes = (self.tangent, self.right, self.up)
        self.components = [np.ascontiguousarray(axis[:, i]) for axis in axes for i in range(3)]

    def row(self, station_mm: Array) -> NDArray[np.int32]:
        """Index of the nearest frame for each station."""
        rows = np.rint((station_mm + MARGIN_MM) / STEP_MM).astype(np.int32)
        return np.asarray(np.clip(rows, 0, len(self.bend) - 1), np.int32)

    def row_at(self, station_mm: float) -> int:
        """Index of the nearest frame for one station."""
        return int(self.row(np.array([station_mm], np.float32))[0])

    def turned(self, vectors: Array, row: NDArray[np.intp]) -> Array:
        """Vectors (n, 3) in the moving axes right, up, tangent of frames ``row`` as vectors (3, n) in
        space.
        """
        out = np.empty((3, len(row)), np.float32)
        for i in range(3):
            tangent, right, up = (self.components[3 * k + i].take(row) for k in range(3))
            out[i] = vectors[:, 0] * right + vectors[:, 1] * up + vectors[:, 2] * tangent
        return out

    def frame(self, station_mm: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Smoothly interpolated frame at one station: centre (3,) and the matrix (3, 3) of rows right,
        up, tangent.
        """
        at = float(np.clip((station_mm + MARGIN_MM) / STEP_MM, 0, len(self.bend) - 1.001))
        i, part = int(at), at - int(at)

        def mix(table: Array) -> NDArray[np.float64]:
            return np.asarray((1 - part) * table[i].astype(np.float64) + part * table[i + 1])

        tangent = mix(self.tangent)
        tangent /= np.linalg.norm(tangent)
        up = mix(self.up)
        up -= tangent * (up @ tangent)
        up /= np.linalg.norm(up)
        return mix(self.centre), np.stack([np.cross(tangent, up), up, tangent])

    def to_space(self, station_mm: float, u: float, v: float) -> NDArray[np.float64]:
        """Point in space (3,) of straightened coordinates, mm."""
        centre, axes = self.frame(station_mm)
        return np.asarray(centre + u * axes[0] + v * axes[1], np.float64)

    def to_straight(self, point: NDArray[np.float64], guess_mm: float) -> tuple[float, float, float]:
        """Straightened coordinates of a point in space, by Newton's method from a guessed station."""
        station = guess_mm
        for _ in range(30):
            centre, axes = self.frame(station)
            u, v, along = (float(x) for x in axes @ (point - centre))
            bend = self.bend[self.row_at(station)]
            step = along / max(1.0 - float(bend[0]) * u - float(bend[1]) * v, 0.3)
            station += step
            if abs(step) < 1e-4:
                break
        return station, u, v


def _curvature(
    rng: np.random.Generator, length_mm: float, stations: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum of bends: each a bell of curvature with its own direction; the descending colon stays nearly
    straight.
    """
    total = np.zeros((len(stations), 2))
    begin = 0.0
    for segment in SEGMENTS:
        end = segment.end * length_mm
        for i in range(segment.bends):
            at = begin + (i + float(rng.uniform(0.3, 0.7))) * (end - begin) / segment.bends
            turn = segment.bend_rad * float(rng.uniform(0.7, 1.2))
            towards = float(rng.uniform(0, 2 * np.pi))
            width = segment.bend_mm / 2.5
            bell = np.exp(-0.5 * ((stations - at) / width) ** 2) * turn / (width * np.sqrt(2 * np.pi))
            total += bell[:, None] * np.array([np.cos(towards), np.sin(towards)])
        begin = end
    size = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(total * (np.tanh(size / SHARPEST_PER_MM) * SHARPEST_PER_MM / np.maximum(size, 1e-9)))


def _integrate(bend: Array) -> tuple[Array, Array, Array, Array]:
    """Rotation-minimising frames T' = kR·R + kU·U, R' = −kR·T, U' = −kU·T, one small rotation a step.

    Starts at the origin looking along +z, right = −x, up = +y: a right-handed space, so nothing is mirrored.
    """
    half = bend.astype(np.float64) * (STEP_MM / 2)
    w, x, y, z = 1.0, 0.0, 0.0, 0.0
    quaternions = np.empty((len(bend), 4))
    for i, (k, m) in enumerate(half.tolist()):
        quaternions[i] = w, x, y, z
        # The moving axes are (left, up, tangent); the tangent turns towards right by k and towards up by m.
        ax, ay = -m, -k
        w, x, y, z = w - x * ax - y * ay, x + w * ax - z * ay, y + w * ay + z * ax, z + x * ay - y * ax
        norm = (w * w + x * x + y * y + z * z) ** -0.5
        w, x, y, z = w * norm, x * norm, y * norm, z * norm
    w_, x_, y_, z_ = quaternions.T
    one = np.ones_like(w_)
    # Columns of the rotation matrix are the moving axes left, up, tangent.
    e_x = np.stack([one - 2 * (y_ * y_ + z_ * z_), 2 * (x_ * y_ + w_ * z_), 2 * (x_ * z_ - w_ * y_)], 1)
    e_y = np.stack([2 * (x_ * y_ - w_ * z_), one - 2 * (x_ * x_ + z_ * z_), 2 * (y_ * z_ + w_ * x_)], 1)
    e_z = np.stack([2 * (x_ * z_ + w_ * y_), 2 * (y_ * z_ - w_ * x_), one - 2 * (x_ * x_ + y_ * y_)], 1)
    tangent, right, up = e_z, -e_x, e_y
    steps = (tangent[:-1] + tangent[1:]) / 2 * STEP_MM
    centre = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    t32, r32, u32, c32 = (np.ascontiguousarray(table, np.float32) for table in (tangent, right, up, centre))
    return t32, r32, u32, c32


@lru_cache(maxsize=16)
def centreline_of(seed: int, length_mm: float) -> Centreline:
    """The centreline for a seed; cached, because exams of one patient share it."""
    return Centreline(seed, length_mm)
