"""Figures of retrieval across modalities: every modality asks every other one (methods, section 2.6).

A gallery item is a true match where it shares a category with the query. The ranking is by cosine, ties stand
in gallery order. Average precision is taken over the first R places, ``Σ precision at hits / hits there``; a
query without a hit there scores 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from core.errors import PolypTraceError
from core.evaluation.metrics import average_precision_within, hit_ranks
from core.evaluation.scores import Floats, Ints, check_finite, score_blocks

FIRST = 50
"""R of MAP@50."""
RECALLS = tuple(round(0.05 * step, 2) for step in range(21))
"""Recalls at which the precision–recall curves are given."""


class Embedded(msgspec.Struct, frozen=True):
    """One modality in the common space.

    Args:
        vectors: (N, d), L2 rows; double precision keeps ties true.
        labels: (N, C), more than 0 where the sample belongs to the category.
    """

    vectors: Floats
    labels: npt.NDArray[Any]


class CrossModalFigures(msgspec.Struct, frozen=True):
    """Figures by direction, ``"image->text"``: images ask, texts are ranked; all in 0…1.

    Args:
        map_all, map_50: mean average precision over the whole ranking and over its first 50 places.
        precision_recall: mean interpolated precision at :data:`RECALLS`, over queries with a true match.
        queries, gallery: how many asked and how many were ranked.
    """

    map_all: dict[str, float]
    map_50: dict[str, float]
    precision_recall: dict[str, tuple[float, ...]]
    queries: dict[str, int]
    gallery: dict[str, int]

    @property
    def average(self) -> float:
        """MAP@all averaged over the directions."""
        return float(np.mean(list(self.map_all.values())))


def across_modalities(sides: Mapping[str, Embedded]) -> CrossModalFigures:
    """Every modality against every other one.

    Raises:
        PolypTraceError: ``evaluation-shape`` or ``evaluation-not-finite``.
    """
    figures = CrossModalFigures({}, {}, {}, {}, {})
    for (name, asking), (other, answering) in permutations(sides.items(), 2):
        way = f"{name}->{other}"
        ranks = category_ranks(asking, answering)
        figures.map_all[way] = _mean_within(ranks, len(answering.vectors))
        figures.map_50[way] = _mean_within(ranks, FIRST)
        figures.precision_recall[way] = precision_recall(ranks)
        figures.queries[way], figures.gallery[way] = len(asking.vectors), len(answering.vectors)
    return figures


def category_ranks(asking: Embedded, answering: Embedded) -> list[Ints]:
    """For each query the ranks of the items that share a category with it, ascending; may be empty."""
    _check(asking, answering)
    theirs = (answering.labels > 0).T.astype(np.float32)
    ranks: list[Ints] = []
    for start, scores in score_blocks(asking.vectors, answering.vectors):
        ours = asking.labels[start : start + len(scores)] > 0
        shared = ours.astype(np.float32) @ theirs > 0
        ranks += [hit_ranks(own, np.flatnonzero(hits)) for own, hits in zip(scores, shared, strict=True)]
    return ranks


def precision_recall(ranks: list[Ints]) -> tuple[float, ...]:
    """Mean precision at each recall of :data:`RECALLS`, interpolated: the best at that recall or beyond.

    Args:
        ranks: of each query's true matches, ascending; queries without one count for nothing.
    """
    curves = [_interpolated(own) for own in ranks if len(own)]
    return tuple(float(value) for value in np.mean(curves, axis=0)) if curves else ()


def _interpolated(ranks: Ints) -> npt.NDArray[np.float64]:
    hits = np.arange(1, len(ranks) + 1)
    best = np.maximum.accumulate((hits / ranks)[::-1])[::-1]
    first = np.ceil(np.asarray(RECALLS) * len(ranks) - 1e-9).astype(np.int64) - 1
    return np.asarray(best[np.maximum(first, 0)])


def _mean_within(ranks: list[Ints], first: int) -> float:
    return float(np.mean([average_precision_within(own, first) for own in ranks])) if ranks else 0.0


def _check(asking: Embedded, answering: Embedded) -> None:
    check_finite(asking.vectors, answering.vectors)
    fits = asking.vectors.shape[1:] == answering.vectors.shape[1:]
    fits = fits and asking.labels.shape[1:] == answering.labels.shape[1:]
    if not fits or any(len(one.vectors) != len(one.labels) for one in (asking, answering)):
        raise PolypTraceError(
            "evaluation-shape",
            "The vectors of two modalities don't fit each other or their labels.",
            "Each needs one row and one label an item, and all the same width.",
        )
