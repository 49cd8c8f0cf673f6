"""Batches of tracklets: some from anywhere, each with neighbours in time as hard negatives."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.data.augment import Augmentation, augment
from core.data.tracklets.store import CropFile
from core.data.tracklets.values import Timeline, Tracklet
from core.errors import PolypTraceError

_KEPT_ORDERS = 2


class TrackletBatch(msgspec.Struct, frozen=True):
    """One batch of B = tracklets × views pictures.

    Args:
        images: (B, S, S, 3) uint8 RGB.
        labels: (B,) int64 tracklet numbers: pictures of one number are positives.
        unsure: (B, B) bool, pairs that are neither positive nor negative.
        hard: (B, B) bool, negatives from near in time.
    """

    step: int
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    unsure: NDArray[np.bool_]
    hard: NDArray[np.bool_]


class TrackletBatches:
    """Makes batch number ``step``; every batch is a pure function of (seed, step).

    Args:
        tracklets: to learn from, at least two.
        crops: their pictures.
        timeline: of the same tracklets.
        size: side of the network's input.
        many: tracklets a batch; fewer where there are fewer.
        views: pictures of each. A tracklet with fewer pictures gives some more than once, changed otherwise.
        neighbours: how many near-in-time tracklets of its film come with a tracklet.

    Raises:
        PolypTraceError: ``too-few-tracklets``.
    """

    def __init__(
        self,
        tracklets: Sequence[Tracklet],
        crops: CropFile,
        timeline: Timeline,
        size: int,
        augmentation: Augmentation,
        many: int,
        views: int,
        neighbours: int,
        seed: int,
    ) -> None:
        if len(tracklets) < 2:
            raise too_few(len(tracklets))
        self._tracklets, self._crops, self._timeline = list(tracklets), crops, timeline
        self._size, self._augmentation, self._seed = size, augmentation, seed
        self._many, self._views = min(many, len(tracklets)), views
        self._of_film: dict[int, NDArray[np.int64]] = {}
        for film in np.unique(timeline.films):
            self._of_film[int(film)] = np.flatnonzero(timeline.films == film).astype(np.int64)
        # Where most stand alone, as stills do, no places are kept free for neighbours.
        company = int(np.median([len(self._of_film[int(film)]) for film in timeline.films])) - 1
        self._neighbours = min(neighbours, company)
        self._orders: dict[int, NDArray[np.int64]] = {}

    def batch(self, step: int) -> TrackletBatch:
        """Batch ``step`` ≥ 0."""
        rng = np.random.default_rng([self._seed, 5, step])
        chosen = self.choose(step, rng)
        labels = np.repeat(chosen, self._views)
        images = np.empty((len(labels), self._size, self._size, 3), dtype=np.uint8)
        for row, place in enumerate(chosen):
            for view, crop in enumerate(self._pictures(int(place), rng)):
                square = self._crops.square(crop)
                images[row * self._views + view] = augment(square, self._size, self._augmentation, rng)
        unsure, hard = self.pairs(chosen)
        wide = np.ones((self._views, self._views), dtype=bool)
        return TrackletBatch(step, images, labels, np.kron(unsure, wide), np.kron(hard, wide))

    def choose(self, step: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """The tracklets of a batch, each once: the next of this epoch's order, each with its neighbours."""
        alone = -(-self._many // (1 + self._neighbours))
        start = step * alone
        chosen: dict[int, None] = {}
        for number in range(start, start + len(self._tracklets)):
            if len(chosen) >= self._many:
                break
            place = self._in_order(number)
            chosen.setdefault(place)
            near = self._near(place)
            for at in rng.permutation(len(near))[: self._neighbours]:
                chosen.setdefault(int(near[at]))
        return np.array(list(chosen)[: self._many], dtype=np.int64)

    def pairs(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(T, T) bool each: unsure and hard pairs among ``chosen``; a tracklet is neither to itself."""
        found = [self._timeline.relations(int(place), chosen) for place in chosen]
        return np.stack([own.unsure for own in found]), np.stack([own.hard for own in found])

    def _near(self, place: int) -> NDArray[np.int64]:
        others = self._of_film[int(self._timeline.films[place])]
        return others[self._timeline.relations(place, others).hard]

    def _in_order(self, number: int) -> int:
        """Tracklet ``number`` of an endless row of shuffled epochs."""
        epoch, at = divmod(number, len(self._tracklets))
        if epoch not in self._orders:
            while len(self._orders) >= _KEPT_ORDERS:
                self._orders.pop(min(self._orders))
            rng = np.random.default_rng([self._seed, 4, epoch])
            self._orders[epoch] = rng.permutation(len(self._tracklets))
        return int(self._orders[epoch][at])

    def _pictures(self, place: int, rng: np.random.Generator) -> list[int]:
        """Places of this tracklet's crops, each at most once until all were used."""
        own = self._tracklets[place]
        dealt = rng.permutation(own.count)[: self._views]
        return [own.first + int(dealt[at % len(dealt)]) for at in range(self._views)]


def too_few(found: int) -> PolypTraceError:
    """The refusal where there is nothing to tell apart."""
    return PolypTraceError(
        "too-few-tracklets",
        f"Learning without labels needs at least two tracklets or stills; {found} could be made.",
        "Give more or longer videos, or a folder with more stills.",
    )
