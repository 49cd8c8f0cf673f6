"""Marches rays through the straightened lumen until they meet tissue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.phantom.centreline import MARGIN_MM, STEP_MM, Centreline

Array = NDArray[np.float32]

FAR_MM = 150.0
"""Beyond this the lamp shows nothing; such rays end here."""
_MOST_STEPS = 110


class Tissue(Protocol):
    """What the rays are traced against, in straightened coordinates."""

    def gap(self, s: Array, u: Array, v: Array) -> Array:
        """Positive in the lumen, negative in tissue, zero on the surface, about mm."""

    def free(self, s: Array, u: Array, v: Array) -> Array:
        """A distance that is certainly free of tissue, mm."""


@dataclass(frozen=True)
class Straight:
    """Points in straightened coordinates: station, right, up, and the row of their frame; each (n,)."""

    s: Array
    u: Array
    v: Array
    row: NDArray[np.intp]
    stretch: Array
    """1 − kR·u − kU·v: mm in space per mm of station at that point."""


class Tracer:
    """Rays from one point.

    Args:
        centreline: the colon's frames.
        tissue: what can be hit.
        origin: (3,) where all rays start, in space.
        station_mm: the station of the origin.
    """

    def __init__(
        self, centreline: Centreline, tissue: Tissue, origin: NDArray[np.float64], station_mm: float
    ) -> None:
        self._tissue = tissue
        self._station = np.float32(station_mm)
        shifted = (centreline.centre - origin).astype(np.float32)
        axes = (centreline.tangent, centreline.right, centreline.up)
        self._axes = [np.ascontiguousarray(axis[:, i]) for axis in axes for i in range(3)]
        self._dots = [np.einsum("ni,ni->n", axis, shifted) for axis in axes]
        self._bend = [np.ascontiguousarray(centreline.bend[:, i]) for i in range(2)]

    def straighten(self, directions: Array, t: Array, guess: Array) -> Straight:
        """Straightened coordinates of the points at distance t along rays.

        One Newton step from the guessed station: exact to about the square of the guess's error times half the bend.

        Args:
            directions: (3, n). t: (n,) mm. guess: (n,) stations.
        """
        x, y, z = directions[0] * t, directions[1] * t, directions[2] * t
        row = np.rint((guess + np.float32(MARGIN_MM)) * np.float32(1 / STEP_MM)).astype(np.intp)
        np.clip(row, 0, len(self._dots[0]) - 1, out=row)
        along, u, v = (
            self._axes[3 * i].take(row) * x
            + self._axes[3 * i + 1].take(row) * y
            + self._axes[3 * i + 2].take(row) * z
            - self._dots[i].take(row)
            for i in range(3)
        )
        stretch = np.maximum(1 - self._bend[0].take(row) * u - self._bend[1].take(row) * v, np.float32(0.3))
        s = row.astype(np.float32) * np.float32(STEP_MM) - np.float32(MARGIN_MM) + along / stretch
        return Straight(s, u, v, row, stretch)

    def settle(self, directions: Array, t: Array, guess: Array) -> Straight:
        """Like :meth:`straighten`, iterated until exact also from a rough guess."""
        point = self.straighten(directions, t, guess)
        for _ in range(2):
            point = self.straighten(directions, t, point.s)
        return point

    def trace(
        self, directions: Array, start: Array | None = None, stations: Array | None = None
    ) -> tuple[Array, Array]:
        """First hits.

        Args:
            directions: (3, n) float32 unit vectors in space.
            start: (n,) distances known to be free, mm; None = from the origin.
            stations: (n,) station of the points at ``start``.

        Returns:
            distance (n,) in mm, at most ``FAR_MM``, and station (n,) of the hits.
        """
        n = directions.shape[1]
        found_t = np.full(n, FAR_MM, np.float32)
        found_s = np.full(n, self._station, np.float32)
        index = np.arange(n)
        d = directions
        t = np.zeros(n, np.float32) if start is None else start.copy()
        guess = np.full(n, self._station, np.float32) if stations is None else stations
        before = t.copy()
        for _ in range(_MOST_STEPS):
            point = self.straighten(d, t, guess)
            free = self._tissue.free(point.s, point.u, point.v)
            hit = np.zeros(len(t), bool)
            near = np.flatnonzero(free < 1.2)
            gap = self._tissue.gap(point.s[near], point.u[near], point.v[near])
            hit[near] = gap < 0
            over = t >= FAR_MM
            done = hit | over
            if done.any():
                ends = np.flatnonzero(done)
                refine = np.flatnonzero(hit & ~over)
                found_t[index[ends]] = np.minimum(t[ends], FAR_MM)
                found_s[index[ends]] = point.s[ends]
                if refine.size:
                    low, high = before[refine], t[refine]
                    root, where = self._bisect(d[:, refine], low, high, point.s[refine])
                    found_t[index[refine]], found_s[index[refine]] = root, where
                keep = np.flatnonzero(~done)
                if keep.size == 0:
                    break
                index, d, t, free = index[keep], d[:, keep], t[keep], free[keep]
                point = Straight(
                    point.s[keep], point.u[keep], point.v[keep], point.row[keep], point.stretch[keep]
                )
            step = np.maximum(free * np.minimum(point.stretch, 1), np.float32(0.4) + t * np.float32(0.01))
            along = self._along(d, point.row) / point.stretch
            guess = point.s + step * along
            before = t
            t = t + step
        return found_t, found_s

    def _along(self, d: Array, row: NDArray[np.intp]) -> Array:
        return self._axes[0].take(row) * d[0] + self._axes[1].take(row) * d[1] + self._axes[2].take(row) * d[2]

    def _bisect(self, d: Array, low: Array, high: Array, s: Array) -> tuple[Array, Array]:
        """Root of the gap between a free and a hit distance: four halvings, then one secant step."""
        gap_high = np.full(len(low), -1e-3, np.float32)
        gap_low = np.full(len(low), 1e-3, np.float32)
        for _ in range(5):
            middle = (low + high) / 2
            point = self.straighten(d, middle, s)
            gap = self._tissue.gap(point.s, point.u, point.v)
            inside = gap < 0
            low, gap_low = np.where(inside, low, middle), np.where(inside, gap_low, gap)
            high, gap_high = np.where(inside, middle, high), np.where(inside, gap, gap_high)
            s = point.s
        share = gap_low / np.maximum(gap_low - gap_high, np.float32(1e-6))
        root = low + (high - low) * np.clip(share, 0, 1)
        point = self.straighten(d, root, s)
        return root, point.s
