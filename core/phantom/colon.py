"""Anatomy of the invented colon: segments along the centreline, calibre, taeniae and haustral folds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

Array = NDArray[np.float32]

TAENIAE = 3
SECTOR = 2.0 * np.pi / TAENIAE


@dataclass(frozen=True)
class SegmentAnatomy:
    """One segment's typical shape.

    Args:
        name: vocabulary word.
        end: where it ends, as a fraction of the way from the anal verge to the caecal pole.
        radius_mm: calibre at nominal inflation.
        spacing_mm: mean distance between haustral folds; 0 = no folds.
        depth: how far a fold reaches in, as a fraction of the radius.
        triangular: 0 = ring-like folds, 1 = folds whose free edges are chords between the taeniae.
        thickness_mm: half thickness of a fold.
        bend_rad, bend_mm: mean turn of one bend and the length over which it turns.
        bends: number of bends.
    """

    name: str
    end: float
    radius_mm: float
    spacing_mm: float
    depth: float
    triangular: float
    thickness_mm: float
    bend_rad: float
    bend_mm: float
    bends: int


SEGMENTS: tuple[SegmentAnatomy, ...] = (
    SegmentAnatomy("anal canal", 0.030, 11.0, 0.0, 0.00, 0.0, 3.0, 0.2, 30.0, 1),
    SegmentAnatomy("rectum", 0.170, 25.0, 38.0, 0.30, 0.1, 3.4, 0.5, 60.0, 2),
    SegmentAnatomy("rectosigmoid", 0.210, 17.0, 22.0, 0.26, 0.2, 2.6, 1.1, 55.0, 1),
    SegmentAnatomy("sigmoid", 0.420, 17.0, 21.0, 0.27, 0.2, 2.2, 0.9, 60.0, 3),
    SegmentAnatomy("descending", 0.580, 19.0, 25.0, 0.24, 0.4, 2.2, 0.2, 80.0, 1),
    SegmentAnatomy("splenic flexure", 0.630, 21.0, 26.0, 0.30, 0.6, 2.3, 1.6, 75.0, 1),
    SegmentAnatomy("transverse", 0.800, 22.0, 26.0, 0.38, 1.0, 2.0, 0.4, 90.0, 2),
    SegmentAnatomy("hepatic flexure", 0.840, 24.0, 27.0, 0.34, 0.7, 2.4, 1.6, 80.0, 1),
    SegmentAnatomy("ascending", 0.940, 25.0, 27.0, 0.36, 0.8, 2.6, 0.2, 80.0, 1),
    SegmentAnatomy("ileocaecal valve", 0.950, 26.0, 30.0, 0.30, 0.6, 3.0, 0.0, 80.0, 0),
    SegmentAnatomy("caecum", 1.000, 27.0, 26.0, 0.24, 0.6, 3.0, 0.0, 80.0, 0),
)
"""From the anal verge to the caecal pole. Proportions and calibres are those of textbooks of anatomy,
rounded.
"""


def segment_span(length_mm: float, segment: str) -> tuple[float, float]:
    """Where a segment begins and ends, in mm from the anal verge.

    Raises:
        KeyError: the word is none of ``SEGMENTS`` (the terminal ileum is not part of the tube).
    """
    begin = 0.0
    for anatomy in SEGMENTS:
        if anatomy.name == segment:
            return begin * length_mm, anatomy.end * length_mm
        begin = anatomy.end
    raise KeyError(segment)


def segment_at(length_mm: float, station_mm: float) -> str:
    """The vocabulary word of the segment at a station."""
    fraction = station_mm / length_mm
    return next((a.name for a in SEGMENTS if fraction < a.end), SEGMENTS[-1].name)


def neighbours(segment: str) -> tuple[str, ...]:
    """The segments before and after, for observers who are off by one."""
    names = [a.name for a in SEGMENTS]
    i = names.index(segment)
    return tuple(names[j] for j in (i - 1, i + 1) if 0 <= j < len(names))


@dataclass(frozen=True)
class Fold:
    """One semilunar fold between two taeniae.

    Args:
        station_mm: of its free edge in the middle of the sector.
        sector: 0, 1 or 2.
        depth: fraction of the radius that it reaches in.
        triangular: 0 ring-like … 1 chord-like free edge.
        thickness_mm: half thickness.
        slant_mm: how much the station shifts from one end of the fold to the other.
    """

    station_mm: float
    sector: int
    depth: float
    triangular: float
    thickness_mm: float
    slant_mm: float


class ColonShape:
    """The bare wall of one colon (without lesions): radius over station and angle.

    Deterministic in ``seed`` and ``length_mm``; knows nothing of lesions or exams.
    """

    def __init__(self, seed: int, length_mm: float) -> None:
        self.seed = seed
        self.length_mm = length_mm
        rng = np.random.default_rng((seed, 11))
        self._taenia_phase = float(rng.uniform(0, 2 * np.pi))
        self._taenia_twist = float(rng.normal(0, 0.4)) / 500.0
        self._calibre = float(rng.uniform(0.93, 1.07))
        rows = int(length_mm / 30.0) + 6
        self._waves = rng.normal(0, 1, (rows, 5)).astype(np.float32)
        self.folds = self._grow_folds(np.random.default_rng((seed, 12)))

    def _grow_folds(self, rng: np.random.Generator) -> tuple[Fold, ...]:
        folds: list[Fold] = []
        begin = 0.0
        for segment in SEGMENTS:
            end = segment.end * self.length_mm
            station = begin + 0.3 * max(segment.spacing_mm, 1.0)
            while segment.spacing_mm and station < end - 4.0:
                folds += self._ring(rng, segment, station)
                station += segment.spacing_mm * float(rng.uniform(0.7, 1.35))
            begin = end
        return tuple(folds)

    @staticmethod
    def _ring(rng: np.random.Generator, segment: SegmentAnatomy, station: float) -> list[Fold]:
        ring = []
        for sector in range(TAENIAE):
            strength = float(rng.beta(5, 1.6)) if rng.uniform() > 0.12 else float(rng.uniform(0, 0.35))
            ring.append(
                Fold(
                    station_mm=station + float(rng.normal(0, 0.09)) * segment.spacing_mm,
                    sector=sector,
                    depth=segment.depth * (0.35 + 0.75 * strength),
                    triangular=float(np.clip(segment.triangular + rng.normal(0, 0.1), 0, 1)),
                    thickness_mm=segment.thickness_mm * float(rng.uniform(0.85, 1.25)),
                    slant_mm=float(rng.normal(0, 2.2)),
                )
            )
        return ring

    def taenia_angle(self, station_mm: Array | float) -> Array:
        """Angle of taenia 0 in radians; the other two lie a third of the circle further."""
        return np.asarray(self._taenia_phase + self._taenia_twist * np.asarray(station_mm), np.float32)

    def calibre_mm(self, station_mm: Array) -> Array:
        """Mean radius of the lumen at each station, without folds; closed at the caecal pole."""
        ends = np.array([a.end for a in SEGMENTS]) * self.length_mm
        begins = np.concatenate([[0.0], ends[:-1]])
        radii = np.array([a.radius_mm for a in SEGMENTS])
        fine = np.arange(-40.0, self.length_mm + 40.0, 4.0)
        smooth = gaussian_filter1d(np.interp(fine, (begins + ends) / 2, radii), 4.0, mode="nearest")
        radius = CubicSpline(fine, smooth)(station_mm)
        to_pole = np.clip(self.length_mm - station_mm, 0.0, 30.0) / 30.0
        dome = np.sqrt(np.clip(1.0 - (1.0 - to_pole) ** 2, 0.0, 1.0))
        anus = 0.25 + 0.75 * np.clip(0.5 + 0.5 * np.tanh((station_mm - 6.0) / 5.0), 0.0, 1.0)
        return np.asarray(self._calibre * radius * dome * anus, np.float32)

    def radius_mm(self, station_mm: Array, angle: Array) -> Array:
        """Radius of the wall with folds, at nominal inflation.

        Args:
            station_mm: (n,) ascending stations, mm from the anal verge.
            angle: (m,) radians, 0 = right, π/2 = up, looking towards the caecum.

        Returns:
            (n, m) float32, mm.
        """
        s = station_mm[:, None].astype(np.float32)
        calibre = self.calibre_mm(station_mm)[:, None]
        relative = angle[None, :] - self.taenia_angle(s)
        wall = calibre * (1.0 + self._irregularity(station_mm, angle))
        to_taenia = (relative + SECTOR / 2) % SECTOR - SECTOR / 2
        wall = wall - 0.045 * calibre * np.exp(-((to_taenia / 0.16) ** 2))
        reach = np.zeros_like(wall)
        lowest, highest = float(station_mm[0]) - 26.0, float(station_mm[-1]) + 26.0
        for fold in self.folds:
            if lowest < fold.station_mm < highest:
                near = slice(*np.searchsorted(station_mm, (fold.station_mm - 26, fold.station_mm + 26)))
                reach[near] = _smooth_max(reach[near], _fold_reach(fold, s[near], relative[near]))
        return np.asarray(wall - calibre * reach, np.float32)

    def _irregularity(self, station_mm: Array, angle: Array) -> Array:
        """Slow, seeded deviations from the round: a few low harmonics that wander along the colon."""
        at = station_mm / 30.0 + 1.0
        knots = np.arange(len(self._waves))
        w = CubicSpline(knots, self._waves)(at)
        a = angle[None, :]
        harmonics = (
            w[:, 0:1] * 0.05
            + 0.04 * (w[:, 1:2] * np.cos(2 * a) + w[:, 2:3] * np.sin(2 * a))
            + 0.02 * (w[:, 3:4] * np.cos(3 * a) + w[:, 4:5] * np.sin(3 * a))
        )
        return np.asarray(harmonics, np.float32)

    def fold_relation(self, station_mm: float, angle: float) -> str:
        """Vocabulary word for a place: ``on fold``, ``behind fold`` (its caecal side) or ``between
        folds``.
        """
        relative = float(angle - self.taenia_angle(station_mm)) % (2 * np.pi)
        sector = int(relative // SECTOR)
        near = [
            f
            for f in self.folds
            if f.sector == sector and f.depth > 0.12 and abs(f.station_mm - station_mm) < 14
        ]
        gaps = [station_mm - f.station_mm for f in near]
        if any(abs(gap) < 4.0 for gap in gaps):
            return "on fold"
        return "behind fold" if any(0 < gap < 10.0 for gap in gaps) else "between folds"


def _fold_reach(fold: Fold, s: Array, relative: Array) -> Array:
    """How far one fold reaches in, as a fraction of the calibre. The free edge of a triangular lumen is a
    chord.
    """
    delta = (relative - (fold.sector + 0.5) * SECTOR + np.pi) % (2 * np.pi) - np.pi
    inside = np.clip(np.abs(delta) / (SECTOR / 2), 0.0, 1.12)
    chord = np.clip(2.0 - 1.0 / np.cos(np.minimum(np.abs(delta), 1.2)), 0.0, 1.0)
    ring = np.clip(1.0 - inside**4, 0.0, 1.0) * 0.9
    edge = fold.triangular * chord + (1.0 - fold.triangular) * ring
    x = s - fold.station_mm - fold.slant_mm * delta
    ridge = np.exp(-(np.abs(x / fold.thickness_mm) ** 2.2))
    skirt = np.exp(-((x / 8.5) ** 2))
    return np.asarray(fold.depth * edge * (0.72 * ridge + 0.28 * skirt), np.float32)


def _smooth_max(a: Array, b: Array) -> Array:
    return np.asarray(0.5 * (a + b + np.sqrt((a - b) ** 2 + 0.0004) - 0.02), np.float32)


@lru_cache(maxsize=16)
def shape_of(seed: int, length_mm: float) -> ColonShape:
    """The shape for a seed; cached, because exams of one patient share it."""
    return ColonShape(seed, length_mm)
