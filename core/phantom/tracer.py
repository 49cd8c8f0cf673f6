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
_ROOT_STEPS = 4
BLOCK = 16384
"""Rays that are worked on at a time, so that their arrays fit in a core's cache."""
_WIDE_MM = 2.2
"""A bracket wider than this is looked into before its root is sought."""
_NEAR_MM = 1.2
"""Where less than this is certainly free, the gap itself is asked."""


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


@dataclass(frozen=True)
class Hits:
    """Where a march found tissue: the last free and the first hit distance, and the station; each (n,)."""

    low: Array
    high: Array
    station: Array


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
        self._axes = centreline.components
        self._dots = [np.einsum("ni,ni->n", axis, shifted) for axis in axes]
        self._bend = [np.ascontiguousarray(centreline.bend[:, i]) for i in range(2)]

    def straighten(self, directions: Array, t: Array, guess: Array) -> Straight:
        """Straightened coordinates of the points at distance t along rays.

        One Newton step from the guessed station: exact to about the square of the guess's error times
            half the bend.

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
        """Like :meth:`straighten`, iterated once more, for rough guesses."""
        return self.straighten(directions, t, self.straighten(directions, t, guess).s)

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
        found = Hits(
            np.full(n, FAR_MM, np.float32), np.full(n, FAR_MM, np.float32), np.full(n, self._station)
        )
        index, d = np.arange(n), directions
        t = np.zeros(n, np.float32) if start is None else start
        guess = np.full(n, self._station, np.float32) if stations is None else stations
        before = t
        for _ in range(_MOST_STEPS):
            point = self.straighten(d, t, guess)
            free = self._tissue.free(point.s, point.u, point.v)
            done = t >= FAR_MM
            near = np.flatnonzero((free < _NEAR_MM) & ~done)
            hit = near[self._tissue.gap(point.s[near], point.u[near], point.v[near]) < 0]
            done[hit] = True
            if done.any():
                found.low[index[hit]], found.high[index[hit]] = before[hit], t[hit]
                found.station[index[done]] = point.s[done]
                keep = np.flatnonzero(~done)
                if keep.size == 0:
                    break
                index, d, t, free = index[keep], d[:, keep], t[keep], free[keep]
                point = Straight(
                    point.s[keep], point.u[keep], point.v[keep], point.row[keep], point.stretch[keep]
                )
            step = np.maximum(free * np.minimum(point.stretch, 1), np.float32(0.4) + t * np.float32(0.01))
            guess = point.s + step * self._along(d, point.row) / point.stretch
            before = t
            t = t + step
        hits = np.flatnonzero(found.low < FAR_MM)
        distance = np.full(n, FAR_MM, np.float32)
        distance[hits], found.station[hits] = self._root(
            directions[:, hits], found.low[hits], found.high[hits], found.station[hits]
        )
        return distance, found.station

    def trace_between(
        self, directions: Array, low: Array, high: Array, guess: Array, trust: NDArray[np.bool_]
    ) -> tuple[Array, Array]:
        """First hits that neighbouring rays let expect between two distances.

        Where the lower distance is free, the upper is not and the neighbours are trusted, the root is
        looked for in between; everywhere else the ray is marched, from the lower distance if that is free.

        Args:
            directions: (3, n). low, high: (n,) mm. guess: (n,) expected station of the hits.
            trust: (n,) whether the neighbours' hits lie on one smooth surface.

        Returns:
            As :meth:`trace`.
        """
        t, s = low.copy(), guess.copy()
        sure = np.zeros(len(t), bool)
        for begin in range(0, len(t), BLOCK):
            part = slice(begin, begin + BLOCK)
            sure[part], t[part], s[part] = self._bracket(
                directions[:, part], low[part], high[part], guess[part], trust[part]
            )
        rest = np.flatnonzero(~sure)
        if rest.size:
            t[rest], s[rest] = self.trace(directions[:, rest], t[rest], s[rest])
        return t, s

    def _bracket(
        self, d: Array, low: Array, high: Array, guess: Array, trust: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], Array, Array]:
        """Roots where the bracket holds one (then True); elsewhere distance and station to march from."""
        first = self.settle(d, low, guess)
        gap_low = self._tissue.gap(first.s, first.u, first.v)
        last = self.settle(d, high, guess)
        gap_high = self._tissue.gap(last.s, last.u, last.v)
        clear = gap_low > 0
        sure = trust & clear & (gap_high < 0)
        t = np.where(clear, low, np.float32(0))
        s = np.where(clear, first.s, self._station)
        high, gap_high = self._narrowed(d, low, high, last.s, gap_high, sure)
        where = np.flatnonzero(sure)
        t[where], s[where] = self._root(
            d[:, where], low[where], high[where], last.s[where], gap_low[where], gap_high[where]
        )
        return sure, t, s

    def _narrowed(
        self, d: Array, low: Array, high: Array, guess: Array, gap_high: Array, sure: NDArray[np.bool_]
    ) -> tuple[Array, Array]:
        """Upper ends moved to the first of three points between that lies in tissue.

        In a wide bracket the ray may cross a lesion's rim and come out before it meets the wall.
        """
        high, gap_high, waiting = high.copy(), gap_high.copy(), np.flatnonzero(sure & (high - low > _WIDE_MM))
        start, width = low[waiting], high[waiting] - low[waiting]
        for share in (0.25, 0.5, 0.75):
            t = start + np.float32(share) * width
            point = self.settle(d[:, waiting], t, guess[waiting])
            gap = self._tissue.gap(point.s, point.u, point.v)
            hit = gap < 0
            high[waiting[hit]], gap_high[waiting[hit]] = t[hit], gap[hit]
            waiting, start, width = waiting[~hit], start[~hit], width[~hit]
        return high, gap_high

    def _along(self, d: Array, row: NDArray[np.intp]) -> Array:
        along = (
            self._axes[0].take(row) * d[0] + self._axes[1].take(row) * d[1] + self._axes[2].take(row) * d[2]
        )
        return np.asarray(along, np.float32)

    def _root(
        self,
        d: Array,
        low: Array,
        high: Array,
        s: Array,
        gap_low: Array | None = None,
        gap_high: Array | None = None,
    ) -> tuple[Array, Array]:
        """Root of the gap between a free and a hit distance, by the Illinois variant of false position."""
        if gap_low is None or gap_high is None:
            first, last = self.straighten(d, low, s), self.straighten(d, high, s)
            gap_low = self._tissue.gap(first.s, first.u, first.v)
            gap_high = self._tissue.gap(last.s, last.u, last.v)
        gap_low, gap_high = np.maximum(gap_low, np.float32(1e-4)), np.minimum(gap_high, np.float32(-1e-4))
        side = np.zeros(len(low), np.int8)
        root = low
        for _ in range(_ROOT_STEPS):
            root = low + (high - low) * (gap_low / (gap_low - gap_high))
            point = self.straighten(d, root, s)
            s = point.s
            gap = self._tissue.gap(s, point.u, point.v)
            inside = gap < 0
            # The end that stays a second time counts half, which pulls the next guess to its side.
            gap_low = np.where(inside, np.where(side < 0, gap_low * np.float32(0.5), gap_low), gap)
            gap_high = np.where(inside, gap, np.where(side > 0, gap_high * np.float32(0.5), gap_high))
            low, high = np.where(inside, low, root), np.where(inside, root, high)
            side = np.where(inside, np.int8(-1), np.int8(1))
        root = low + (high - low) * (gap_low / np.maximum(gap_low - gap_high, np.float32(1e-6)))
        return root, s
