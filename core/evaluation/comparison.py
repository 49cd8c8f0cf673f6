"""Queries, what they are compared with, and the score of every pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from core.evaluation.items import Items, own_exam
from core.evaluation.scores import Floats, Ints, score_blocks


class Comparison(msgspec.Struct, frozen=True):
    """What the figures are made of.

    Attributes:
        query: Q items that ask.
        gallery: N items that answer.
        left_out: for each query the gallery places that don't stand in its ranking.
        scores: (Q, N) higher is more alike; None for the cosine of the items' vectors.
    """

    query: Items
    gallery: Items
    left_out: Sequence[Ints]
    scores: Floats | None = None

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """The scores in blocks of queries: the first query of the block and its own (block, N) array."""
        if self.scores is None:
            yield from score_blocks(self.query.vectors, self.gallery.vectors)
        else:
            for at in range(len(self.scores)):
                yield at, self.scores[at : at + 1].copy()

    def earlier(self) -> list[list[int]]:
        """For each query the gallery places of its patient's exams before its own, as far as they stand in
        its ranking."""
        owned: dict[str, list[int]] = {}
        for place, owner in enumerate(self.gallery.patients):
            owned.setdefault(owner, []).append(place)
        exams, found = self.gallery.exams, []
        for patient, exam, out in zip(self.query.patients, self.query.exams, self.left_out, strict=True):
            hidden = set(out.tolist())
            own = owned.get(patient, [])
            found.append([place for place in own if exams[place] < exam and place not in hidden])
        return found

    def row(self, at: int) -> Floats:
        """(N,) scores of one query; minus infinity where an item doesn't stand in its ranking."""
        if self.scores is None:
            one = self.query.vectors[at : at + 1]
            row: Floats = next(score_blocks(one, self.gallery.vectors))[1][0]
        else:
            row = self.scores[at].copy()
        row[self.left_out[at]] = -np.inf
        return row


def compare(query: Items, gallery: Items, scores: Floats | None = None) -> Comparison:
    """The comparison in which the query's own exam is left out of its ranking."""
    return Comparison(query, gallery, own_exam(query, gallery), scores)
