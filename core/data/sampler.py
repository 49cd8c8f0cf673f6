"""P×K batches: P lesions with K pictures each, so that every picture has positives and negatives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import msgspec
import numpy as np

from core.counting import count
from core.errors import PolypTraceError


class Sample(msgspec.Struct, frozen=True):
    """What the sampler must know of a picture: whose lesion it shows and in which exam."""

    patient: str
    identity: Hashable
    exam: int


class PKSampler:
    """Deals P×K batches; every batch is a pure function of (seed, step).

    An epoch shows every lesion once. Lesions of one patient stand next to each other, so that a batch holds
    them as the negatives that matter most: the same colon, scope and processor. The K pictures of a lesion
    come from as many exams as it has, so that a positive means "seen at another time". A lesion with fewer
    than K pictures gives some of them more than once.

    Args:
        samples: the pictures; batches hold indices into this sequence.
        identities: P, wished-for lesions a batch (16 in the paper).
        pictures: K, pictures a lesion (4 in the paper).
        seed: of all choices.

    Attributes:
        notes: sentences on what had to differ from the wish.

    Raises:
        PolypTraceError: ``too-few-identities`` with fewer than two lesions: without a negative nothing can be
            learnt. ``batch-too-small`` below 2×2.
    """

    def __init__(
        self, samples: Sequence[Sample], identities: int = 16, pictures: int = 4, seed: int = 0
    ) -> None:
        if identities < 2 or pictures < 2:
            raise PolypTraceError(
                "batch-too-small",
                f"A batch of {identities} × {pictures} holds no pair to compare.",
                "Take at least two lesions and two pictures of each.",
            )
        self._seed = seed
        self._order: tuple[int, list[Hashable]] = (-1, [])
        self._views: dict[Hashable, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._of_patient: dict[str, list[Hashable]] = defaultdict(list)
        for index, sample in enumerate(samples):
            if sample.identity not in self._views:
                self._of_patient[sample.patient].append(sample.identity)
            self._views[sample.identity][sample.exam].append(index)
        known = len(self._views)
        if known < 2:
            raise PolypTraceError(
                "too-few-identities",
                f"Training needs at least two known lesions; to learn from there are {known}.",
                "Link more findings, or choose data with more lesions; patients held back don't count.",
            )
        self.identities, self.pictures = min(identities, known), pictures
        self.notes = _notes(identities, pictures, self._views)

    @property
    def steps_per_epoch(self) -> int:
        """Batches until every lesion was shown once."""
        return -(-len(self._views) // self.identities)

    def batch(self, step: int) -> np.ndarray:
        """(P·K,) int64 indices of the samples of batch ``step`` ≥ 0; the K of a lesion are neighbours."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if self._order[0] != epoch:  # many batches ask for the same one
            self._order = epoch, self._epoch_order(epoch)
        order = self._order[1]
        chosen = order[place * self.identities : (place + 1) * self.identities]
        # The last batch of an epoch is filled up from its start: the count of negatives stays the same.
        known = set(chosen)
        chosen += [lesion for lesion in order if lesion not in known][: self.identities - len(chosen)]
        rng = np.random.default_rng([self._seed, 1, step])
        return np.concatenate([self._pictures_of(lesion, rng) for lesion in chosen])

    def _epoch_order(self, epoch: int) -> list[Hashable]:
        rng = np.random.default_rng([self._seed, 0, epoch])
        patients = list(self._of_patient)
        return [
            self._of_patient[patients[p]][i]
            for p in rng.permutation(len(patients))
            for i in rng.permutation(len(self._of_patient[patients[p]]))
        ]

    def _pictures_of(self, lesion: Hashable, rng: np.random.Generator) -> np.ndarray:
        """K pictures, dealt exam by exam, each at most once until all were used."""
        exams = list(self._views[lesion].values())
        decks = [list(rng.permutation(exams[e])) for e in rng.permutation(len(exams))]
        dealt: list[int] = []
        while len(dealt) < self.pictures and any(decks):
            dealt += [int(deck.pop()) for deck in decks if deck]
        dealt = dealt[: self.pictures]
        again = [dealt[i % len(dealt)] for i in range(self.pictures - len(dealt))]
        return np.asarray(dealt + again, dtype=np.int64)


def _notes(wish_p: int, wish_k: int, views: dict[Hashable, dict[int, list[int]]]) -> list[str]:
    notes = []
    if len(views) < wish_p:
        notes.append(f"{count(len(views), 'lesion')} a batch instead of {wish_p}: the data hold no more.")
    few = sum(1 for exams in views.values() if sum(map(len, exams.values())) < wish_k)
    if few:
        notes.append(
            f"{few} of {count(len(views), 'lesion')} with fewer than {wish_k} pictures: "
            "these are shown repeatedly."
        )
    single = sum(1 for exams in views.values() if len(exams) < 2)
    if single:
        notes.append(f"{single} of {count(len(views), 'lesion')} seen in one exam only.")
    return notes
