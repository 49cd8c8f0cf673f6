"""The wall as tables: radius and slopes over station and angle, and a volume of safe distances to march."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.phantom.colon import ColonShape
from core.phantom.sampling import look_up, wrap_columns

Array = NDArray[np.float32]
Inside = Callable[[Array, Array, Array], NDArray[np.bool_]]
Relief = Callable[[Array, Array], Array]

CHUNK_MM = 96
ROW_MM = 0.5
COLUMNS = 384
PAD = 4
VOXEL_MM = 1.5
HALF_SIDE = 26
"""Half the side of the distance volume's cross-section, in voxels."""
REACH_MM = 24.0
"""Distances are known up to here; farther ones count as this."""
SLACK_MM = 1.9
"""What a voxel's distance may be too long by: half a voxel diagonal on the query's side, some on the wall."""


@dataclass(frozen=True)
class WallStretch:
    """A stretch of wall.

    Attributes:
        begin_mm: station of row 0.
        radius: (n, COLUMNS + 2·PAD) float32, mm.
        slopes: (n, COLUMNS + 2·PAD, 3) float32: dr/ds, dr/dθ in mm, openness 0…1 (dark in recesses).
        free: flat float32 volume of safe steps in mm, station by up by right.
        slices: number of its slices along the station.
    """

    begin_mm: float
    radius: Array
    slopes: Array
    free: Array
    slices: int

    def texel(self, s: Array, angle: Array) -> tuple[Array, Array]:
        """Column and row coordinates of wall points; angles are 0…2π."""
        column = angle * np.float32(COLUMNS / (2 * np.pi)) + np.float32(PAD)
        return column, np.asarray((s - np.float32(self.begin_mm)) * np.float32(1 / ROW_MM), np.float32)

    def radius_at(self, s: Array, angle: Array) -> Array:
        """Radius of the wall, mm."""
        column, row = self.texel(s, angle)
        return look_up(self.radius, column, row)

    def free_at(self, s: Array, u: Array, v: Array) -> Array:
        """Distance in straightened coordinates that is certainly free of tissue, mm; negative near tissue."""
        scale = np.float32(1 / VOXEL_MM)
        side = 2 * HALF_SIDE
        i = np.clip((s - self.begin_mm) * scale, 0, self.slices - 1).astype(np.intp)
        j = np.clip(v * scale + HALF_SIDE, 0, side - 1).astype(np.intp)
        k = np.clip(u * scale + HALF_SIDE, 0, side - 1).astype(np.intp)
        return np.asarray(self.free.take((i * side + j) * side + k), np.float32)


class Wall:
    """Makes and keeps the wall's tables, chunk by chunk.

    Args:
        shape: the colon's shape.
        inflation: factor on the calibre.
        solid: tells which points (s, u, v) lie inside lesions that stand off the wall.
        relief: height of flat lesions, mm, over a grid of wall points (stations (n, 1), angles (1, m)).
    """

    def __init__(self, shape: ColonShape, inflation: float, solid: Inside, relief: Relief) -> None:
        self._shape = shape
        self._inflation = inflation
        self._solid = solid
        self._relief = relief
        self._radii: dict[int, Array] = {}
        self._volumes: dict[int, Array] = {}
        self._stretches: dict[int, WallStretch] = {}

    def around(self, station_mm: float) -> WallStretch:
        """The stretch that a tip at this station can see: its own chunk and two on either side."""
        centre = int(station_mm // CHUNK_MM)
        if centre not in self._stretches:
            if len(self._stretches) > 3:
                self._stretches.pop(next(iter(self._stretches)))
            self._stretches[centre] = self._assemble(range(centre - 2, centre + 3))
        return self._stretches[centre]

    def _assemble(self, chunks: range) -> WallStretch:
        radius = np.concatenate([self._radius(c) for c in chunks])
        slopes = np.empty((*radius.shape, 3), np.float32)
        padded = wrap_columns(radius, PAD)
        slopes[..., 0] = np.gradient(radius, ROW_MM, axis=0)
        slopes[..., 1] = np.gradient(padded, 2 * np.pi / COLUMNS, axis=1)[:, PAD:-PAD]
        recess = radius - ndimage.gaussian_filter(radius, (14, 9), mode=("nearest", "wrap"), truncate=2.0)
        slopes[..., 2] = np.exp(-np.clip(recess, 0, None) / 5.0)
        free = np.concatenate([self._volume(c) for c in chunks])
        return WallStretch(
            begin_mm=float(chunks[0] * CHUNK_MM),
            radius=padded,
            slopes=np.stack([wrap_columns(slopes[..., i], PAD) for i in range(3)], axis=-1),
            free=free.reshape(-1),
            slices=len(free),
        )

    def _radius(self, chunk: int) -> Array:
        if chunk not in self._radii:
            nominal = _nominal_radius(self._shape, chunk)
            self._radii[chunk] = np.maximum(nominal * np.float32(self._inflation), np.float32(0.05))
        return self._radii[chunk]

    def _volume(self, chunk: int) -> Array:
        """Distance transform of a chunk with margins, so that neighbours' tissue counts too."""
        if chunk not in self._volumes:
            radius = np.concatenate([self._radius(c) for c in (chunk - 1, chunk, chunk + 1)])
            per_chunk, margin = int(CHUNK_MM / VOXEL_MM), int(REACH_MM / VOXEL_MM)
            slices = np.arange(per_chunk - margin, 2 * per_chunk + margin)
            s = ((slices + 0.5) * VOXEL_MM).astype(np.float32)
            cross = ((np.arange(2 * HALF_SIDE) + 0.5 - HALF_SIDE) * VOXEL_MM).astype(np.float32)
            v, u = np.meshgrid(cross, cross, indexing="ij")
            column = np.rint(np.arctan2(v, u) * (COLUMNS / (2 * np.pi))).astype(int) % COLUMNS
            stations = ((chunk - 1) * CHUNK_MM + np.arange(len(radius)) * ROW_MM).astype(np.float32)
            angles = (np.arange(COLUMNS) * (2 * np.pi / COLUMNS)).astype(np.float32)
            radius = radius - self._relief(stations[:, None], angles[None, :])
            rows = radius[np.clip((s / ROW_MM).astype(int), 0, len(radius) - 1)]
            lumen = np.hypot(u, v)[None] < rows[:, column]
            station = s + np.float32((chunk - 1) * CHUNK_MM)
            lumen &= ~self._solid(station[:, None, None], u[None], v[None])
            distance = ndimage.distance_transform_edt(lumen, sampling=VOXEL_MM)[margin:-margin]
            self._volumes[chunk] = (np.minimum(distance, REACH_MM) - SLACK_MM).astype(np.float32)
        return self._volumes[chunk]


@lru_cache(maxsize=48)
def _nominal_radius(shape: ColonShape, chunk: int) -> Array:
    """Radius of one chunk without inflation; exams of one patient share it."""
    s = (chunk * CHUNK_MM + np.arange(int(CHUNK_MM / ROW_MM)) * ROW_MM).astype(np.float32)
    angle = (np.arange(COLUMNS) * (2 * np.pi / COLUMNS)).astype(np.float32)
    return shape.radius_mm(s, angle)
