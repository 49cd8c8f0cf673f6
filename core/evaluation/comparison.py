"""Queries, what they are compared with, and the score of every pair."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from core.data.rules import LESIONS, RankingRule
from core.evaluation.ignored import IgnoredPairs, ignored_pairs
from core.evaluation.items import Items
from core.evaluation.scores import Floats, check_finite, score_blocks


class Comparison(msgspec.Struct, frozen=True):
    """What the figures are made of.

    Attributes:
        query: Q items that ask.
        gallery: N items that answer.
        ranking: the data's rule.
        left_out: what it leaves out of each query's ranking.
        scores: (Q, N) higher is more alike; None for the cosine of the items' vectors.

    Raises:
        PolypTraceError: ``evaluation-not-finite`` where a vector or a score isn't a number.
    """

    query: Items
    gallery: Items
    ranking: RankingRule
    left_out: IgnoredPairs
    scores: Floats | None = None

    def __post_init__(self) -> None:
        given = () if self.scores is None else (self.scores,)
        check_finite(self.query.vectors, self.gallery.vectors, *given)

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """The scores in blocks of queries: the first query of the block and its own (block, N) array."""
        if self.scores is None:
            yield from score_blocks(self.query.vectors, self.gallery.vectors)
        else:
            for at in range(len(self.scores)):
                yield at, self.scores[at : at + 1].copy()

    def earlier(self) -> list[list[int]]:
        """Gallery A: for each query the places of its patient's exams before its own (of all others, where
        the rule says so), as far as they stand in its ranking; nothing where identities are persons."""
        if not self.ranking.patients:
            return [[] for _ in self.query.clips]
        owned: dict[str, list[int]] = {}
        for place, owner in enumerate(self.gallery.patients):
            owned.setdefault(owner, []).append(place)
        return [self._before(at, owned.get(patient, [])) for at, patient in enumerate(self.query.patients)]

    def _before(self, at: int, own: list[int]) -> list[int]:
        out, exam = set(self.left_out[at].tolist()) if own else set(), self.query.exams[at]
        return [
            place
            for place in own
            if (self.ranking.any_order or self.gallery.exams[place] < exam) and place not in out
        ]


def compare(
    query: Items, gallery: Items, ranking: RankingRule = LESIONS, scores: Floats | None = None
) -> Comparison:
    """The comparison from which ``ranking`` leaves out what it does."""
    return Comparison(query, gallery, ranking, ignored_pairs(query, gallery, ranking), scores)
