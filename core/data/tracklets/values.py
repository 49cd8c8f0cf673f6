"""A tracklet, and what two tracklets are to each other."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


class Tracklet(msgspec.Struct, frozen=True):
    """One place, followed for a moment: its pictures are views of the same thing.

    Args:
        film: what it was cut from: a video, an exam's pictures, or a single still.
        start, end: seconds in the film; None where the film has no times: then all of it is near.
        identity: whose lesion it is, where somebody said so; None = nobody knows.
        first, count: its crops in the store, ``first`` … ``first + count − 1``.
        marked: somebody marked a lesion in the film, and this is it.
    """

    film: str
    start: float | None
    end: float | None
    identity: str | None
    first: int
    count: int
    marked: bool = False


class Cut(msgspec.Struct, frozen=True):
    """A tracklet with its crops (h, w, 3) uint8 RGB, before they lie in a store."""

    film: str
    start: float | None
    end: float | None
    identity: str | None
    crops: tuple[Picture, ...]
    marked: bool = False


class Relations(msgspec.Struct, frozen=True):
    """What tracklets are to one tracklet; (N,) bool each.

    Args:
        unsure: may show the same place: neither positive nor negative.
        hard: surely another place, in the same film and near in time.
    """

    unsure: NDArray[np.bool_]
    hard: NDArray[np.bool_]


class Timeline:
    """Films, times and identities of tracklets as arrays, for :meth:`relations`.

    Args:
        tracklets: N of them.
        near_s: tracklets of one film that lie at most so many seconds apart are near.
        unsure_s: those that follow each other within so many seconds may show the same place. Tracklets of
            one film that overlap in time are sure: they were followed side by side, apart from each other.
            Not so marks: two of one film may be one lesion, unless it is known of both whose they are.
    """

    def __init__(self, tracklets: Sequence[Tracklet], near_s: float, unsure_s: float) -> None:
        self._near, self._unsure = near_s, unsure_s
        self.films = _numbers([tracklet.film for tracklet in tracklets])
        self._identities = _numbers([tracklet.identity for tracklet in tracklets])
        self._marked = np.array([tracklet.marked for tracklet in tracklets], dtype=bool)
        self._starts = np.array([np.nan if t.start is None else t.start for t in tracklets])
        self._ends = np.array([np.nan if t.end is None else t.end for t in tracklets])

    def relations(self, place: int, others: NDArray[np.int64]) -> Relations:
        """What the tracklets at ``others``, (N,) places, are to the one at ``place``; itself is neither."""
        film = self.films[others] == self.films[place]
        own, theirs = self._identities[place], self._identities[others]
        known = (own >= 0) & (theirs >= 0)
        gap = np.maximum(self._starts[others] - self._ends[place], self._starts[place] - self._ends[others])
        follows = film & ~known & (gap > 0) & (gap < self._unsure)
        marks = film & ~known & self._marked[others] & self._marked[place]
        unsure = follows | marks | (known & (own == theirs))
        near = film & (np.isnan(gap) | (gap <= self._near))
        itself = others == place
        return Relations(unsure & ~itself, near & ~unsure & ~itself)


def _numbers(names: Sequence[str | None]) -> NDArray[np.int64]:
    """Names as 0, 1, … in order of appearance; None is −1."""
    known: dict[str, int] = {}
    return np.array(
        [-1 if name is None else known.setdefault(name, len(known)) for name in names], dtype=np.int64
    )
