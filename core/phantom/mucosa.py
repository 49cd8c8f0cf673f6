"""What colours the bare wall: vessels, blood, mucus and the fine relief that breaks up highlights.

All of it is fixed to the surface in (station, angle) and depends on the patient's seed alone, so a place
looks the same from everywhere and in every exam.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.phantom.colon import shape_of
from core.phantom.sampling import look_up
from core.phantom.vessels import Branches, draw, grow

Array = NDArray[np.float32]
Texture = NDArray[np.uint8]

CHUNK_MM = 96
ROW_MM = 0.15
ROWS = int(CHUNK_MM / ROW_MM)
COLUMNS = 1024
COARSER = 4
"""The second level of detail has texels this many times as large; it serves distant wall without aliasing."""
_PAD = 4
_REACH = 416
"""Columns by which vessels may run over the seam of the unrolled wall."""
_KEPT = 12
SLOPE_UNIT = 1.0 / 160.0


@dataclass(frozen=True)
class Skin:
    """Substances of surface points, each (n,) float32.

    Attributes:
        vessel: fine vessels, 0…1. vein: deep, blurred veins, 0…1.
        blood: amount of capillary blood, 1 = normal. bile: yellow film, 0 = none.
        film: thickness of the wet film, 0…1.
        slope: (n, 2) of the fine relief, along the colon and around it.
    """

    vessel: Array
    vein: Array
    blood: Array
    bile: Array
    film: Array
    slope: Array


class Mucosa:
    """The mucosa of one colon.

    Args:
        seed, length_mm: of the colon.

    Attributes:
        blood, bile: this patient's level of blood and of yellow in the mucosa, about 1 and 0.15 on average.
        visibility: how clearly vessels shine through, about 0.3…1.3.
        patchy, rough: factors on how uneven the blood is, and on the fine relief.
        mottled: how much of the fine relief shows in the colour.
    """

    def __init__(self, seed: int, length_mm: float) -> None:
        self._seed, self._shape = seed, shape_of(seed, length_mm)
        rng = np.random.default_rng((seed, 41))
        self.blood = float(np.exp(rng.uniform(np.log(0.6), np.log(1.5))))
        self.bile = float(min(rng.exponential(0.16), 0.7))
        self.visibility = float(rng.uniform(0.3, 1.3))
        self.patchy, self.rough = (float(np.exp(rng.uniform(np.log(0.6), np.log(2.0)))) for _ in range(2))
        self.mottled = float(rng.uniform(0.2, 2.0))
        self._broad = _broad(rng, int(length_mm / 4) + 100)
        self._relief = _relief(rng)
        self._trees: dict[int, tuple[list[Branches], Branches]] = {}
        self._chunks: dict[int, Texture] = {}
        self._stretches: dict[int, tuple[Texture, Texture]] = {}

    def at(self, first_chunk: int, chunks: int, s: Array, angle: Array, footprint_mm: Array) -> Skin:
        """Substances at wall points.

        Args:
            first_chunk, chunks: the stretch of ``CHUNK_MM`` pieces that the points lie in.
            s, angle: (n,) station in mm and angle in radians, 0…2π.
            footprint_mm: (n,) how much wall one pixel covers; decides the level of detail.
        """
        fine, coarse = self._stretch(first_chunk, chunks)
        turn = angle * np.float32(COLUMNS / (2 * np.pi))
        row = (s - np.float32(first_chunk * CHUNK_MM)) * np.float32(1 / ROW_MM) - np.float32(0.5)
        shift = np.float32((COARSER - 1) / 2)
        far = np.clip((footprint_mm - np.float32(1.2 * ROW_MM)) * np.float32(1 / (2.5 * ROW_MM)), 0, 1)[
            :, None
        ]
        near = look_up(fine, turn + np.float32(_PAD), row)
        scale = np.float32(1 / COARSER)
        distant = look_up(coarse, (turn - shift) * scale + np.float32(_PAD), (row - shift) * scale)
        mix = (near + (distant - near) * far) * np.float32(1 / 255)
        relief = look_up(
            self._relief,
            turn + np.float32(_PAD),
            row - np.floor(row * np.float32(1 / ROWS)) * np.float32(ROWS) + np.float32(_PAD),
        )
        unit = np.float32(SLOPE_UNIT * self.rough)
        slope = (relief - np.float32(128)) * (unit * (1 - np.float32(0.75) * far))
        blood = np.float32(self.blood) * (np.float32(0.5) + mix[:, 2])
        blood *= np.clip(1 + np.float32(self.mottled / self.rough) * (slope[:, 0] - slope[:, 1]), 0.4, 2)
        bile = np.float32(self.bile) + np.float32(0.9) * np.clip(mix[:, 3] - np.float32(0.72), 0, None)
        shown = np.float32(self.visibility)
        return Skin(shown * mix[:, 0], shown * mix[:, 1], blood, bile, mix[:, 3], slope)

    def _stretch(self, first: int, count: int) -> tuple[Texture, Texture]:
        if first not in self._stretches:
            if len(self._stretches) > 1:
                self._stretches.pop(next(iter(self._stretches)))
            whole = np.concatenate([self._chunk(k) for k in range(first, first + count)])
            small = cv2.resize(whole, None, fx=1 / COARSER, fy=1 / COARSER, interpolation=cv2.INTER_AREA)
            self._stretches[first] = (_wrapped(whole), _wrapped(np.asarray(small, np.uint8)))
        return self._stretches[first]

    def _chunk(self, chunk: int) -> Texture:
        if chunk not in self._chunks:
            if len(self._chunks) >= _KEPT:
                self._chunks.pop(next(iter(self._chunks)))
            self._chunks[chunk] = self._paint(chunk)
        return self._chunks[chunk]

    def _paint(self, chunk: int) -> Texture:
        """Texture (ROWS, COLUMNS, 4) of a chunk: vessels, veins, blood (128 = normal), wet film."""
        wide = COLUMNS + 2 * _REACH
        vessels, veins = np.zeros((2, ROWS, wide), np.uint8)
        for other in (chunk - 1, chunk + 1, chunk):
            column_mm = self._arc_mm(other) / COLUMNS
            trees, deep = self._grown(other)
            begin = float((chunk - other) * CHUNK_MM)
            draw(deep, veins, begin, column_mm, ROW_MM, _REACH)
            for order in trees:
                draw(order, vessels, begin, column_mm, ROW_MM, _REACH)
        # The lower the vascular visibility of a place, the more mucosa covers its vessels.
        shows = self._slow(chunk, 0)
        veiled = np.clip(0.62 + 0.55 * shows, 0.08, 1.0)
        fine = cv2.GaussianBlur(_folded(vessels), (0, 0), 0.9) * veiled
        deep_blur = cv2.GaussianBlur(_folded(veins), (0, 0), 5.0) * np.clip(veiled, 0.3, 1)
        blood = 128 + 40 * self.patchy * self._slow(chunk, 1)
        film = 120 + 66 * self._slow(chunk, 2)
        return np.asarray(np.clip(np.stack([fine, deep_blur, blood, film], -1), 0, 255), np.uint8)

    def _arc_mm(self, chunk: int) -> float:
        middle = np.array([(chunk + 0.5) * CHUNK_MM], np.float32)
        return float(2 * np.pi * np.clip(self._shape.calibre_mm(middle)[0], 9.0, 30.0))

    def _grown(self, chunk: int) -> tuple[list[Branches], Branches]:
        if chunk not in self._trees:
            rng = np.random.default_rng((self._seed, 42, chunk + 64))
            self._trees[chunk] = grow(rng, CHUNK_MM, self._arc_mm(chunk))
        return self._trees[chunk]

    def _slow(self, chunk: int, kind: int) -> Array:
        """A chunk of slow variation kind 0…2, (ROWS, COLUMNS), about −2…2."""
        table = self._broad[kind]
        row = (chunk * CHUNK_MM + (np.arange(ROWS, dtype=np.float32) + 0.5) * ROW_MM) / 4 + 40
        column = (np.arange(COLUMNS, dtype=np.float32) * (_BROAD_COLUMNS / COLUMNS)) + 2
        x, y = np.meshgrid(column, row.astype(np.float32))
        return np.asarray(
            cv2.remap(table, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
        )


_BROAD_COLUMNS = 48


def _broad(rng: np.random.Generator, rows: int) -> Array:
    """Three maps of slow variation over the whole colon, 4 mm a row: a broad and a finer octave, spread 1."""
    maps = []
    for _ in range(3):
        total = np.zeros((rows, _BROAD_COLUMNS))
        for spread, share in ((5.0, 0.8), (1.6, 0.6)):
            noise = ndimage.gaussian_filter(
                rng.normal(size=(rows, _BROAD_COLUMNS)), (spread, spread * 1.3), mode="wrap"
            )
            total += share * noise / noise.std()
        maps.append(np.concatenate([total[:, -2:], total, total[:, :3]], axis=1))
    return np.stack(maps).astype(np.float32)


def _relief(rng: np.random.Generator) -> Texture:
    """Slopes of the fine relief (rows, columns, 2) around 128, periodic in both directions with one chunk.

    Three scales: soft undulation, the innominate grooves about 1 mm apart, and the gland openings.
    """
    height = np.zeros((ROWS, COLUMNS), np.float32)
    for texels, coarser, amount in ((26.0, 8, 0.75), (8.0, 2, 0.34), (2.4, 1, 0.085)):
        noise = rng.normal(size=(ROWS // coarser, COLUMNS // coarser)).astype(np.float32)
        soft = ndimage.gaussian_filter(noise, texels / coarser, mode="wrap")
        padded = np.pad(soft / soft.std(), 2, mode="wrap")
        wide = cv2.resize(padded, None, fx=coarser, fy=coarser, interpolation=cv2.INTER_CUBIC)
        height += np.float32(amount) * wide[2 * coarser : -2 * coarser, 2 * coarser : -2 * coarser]
    along = (np.roll(height, -1, 0) - np.roll(height, 1, 0)) / 2
    around = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) / 2
    slopes = np.stack([along, around], -1)
    coded = np.clip(128 + slopes / slopes.std() * 0.14 / SLOPE_UNIT, 0, 255).astype(np.uint8)
    return np.asarray(np.pad(coded, ((_PAD, _PAD), (_PAD, _PAD), (0, 0)), mode="wrap"), np.uint8)


def _folded(canvas: Texture) -> Texture:
    """Joins what ran over the seam of the unrolled wall to the other side."""
    whole = canvas[:, _REACH:-_REACH].copy()
    np.maximum(whole[:, -_REACH:], canvas[:, :_REACH], out=whole[:, -_REACH:])
    np.maximum(whole[:, :_REACH], canvas[:, -_REACH:], out=whole[:, :_REACH])
    return whole


def _wrapped(texture: Texture) -> Texture:
    return np.concatenate([texture[:, -_PAD:], texture, texture[:, :_PAD]], axis=1)


@lru_cache(maxsize=3)
def mucosa_of(seed: int, length_mm: float) -> Mucosa:
    """The mucosa for a seed; cached, because exams of one patient share it."""
    return Mucosa(seed, length_mm)
