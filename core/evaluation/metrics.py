"""Retrieval metrics from the ranks of the true matches: average precision (two kinds), CMC, median rank.

No ranking is built: the rank of a true match is one plus the number of gallery items that stand before it.
Equal scores stand in gallery order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from core.errors import PolypTraceError
from core.evaluation.scores import Floats, Ints, check_finite, score_blocks

Labels = Sequence[Any] | npt.NDArray[Any]


class LeftOut(Protocol):
    """For each query the places of gallery items that don't stand in its ranking."""

    def __getitem__(self, query: int, /) -> Ints: ...


NO_POSITIVE = "No query has its lesion in the gallery."

_COUNT_UP_TO = 24
"""Up to so many true matches, counting what stands before each is cheaper than one sort (20 000 scores)."""


class CmcPoint(msgspec.Struct, frozen=True):
    """A step of the CMC curve: ``share`` of the queries is found up to ``rank``, and so until the next step.

    ``low`` and ``high`` are the ends of the 95 % interval at this rank; None where there is none.
    """

    rank: int
    share: float
    low: float | None = None
    high: float | None = None


class RetrievalFigures(msgspec.Struct, frozen=True):
    """Figures over all queries that have a true match in the gallery; None where no query has one.

    All but the counts and ``median_rank`` (1 = first) lie in 0…1. ``cmc`` is the whole curve: its steps from
    rank 1 to the rank at which the last query is found, where the share is 1. ``intervals`` holds 95 %
    intervals by the figure's name, ``reason`` says why figures are None.
    """

    mean_average_precision: float | None = msgspec.field(name="mAP")
    mean_average_precision_trapezoid: float | None = msgspec.field(name="mAP_trapezoid")
    rank1: float | None
    rank5: float | None
    rank10: float | None
    median_rank: float | None
    queries: int
    queries_without_match: int
    reason: str | None = None
    intervals: dict[str, tuple[float, float]] = {}
    cmc: list[CmcPoint] = []


def hit_ranks(scores: Floats, positives: Ints) -> Ints:
    """Ranks of one query's true matches, ascending, the best item being rank 1.

    Args:
        scores: (N,) similarity to every gallery item, higher is better; -inf leaves an item out of the
            ranking.
        positives: (P,) gallery positions of the true matches, ascending.

    Equal scores stand in gallery order: an earlier item beats a match with ≥, a later one only with >.
    """
    if len(positives) > _COUNT_UP_TO:
        return np.sort(_ranks_from_sorted(scores, positives))
    ranks = np.empty(len(positives), dtype=np.int64)
    for at, place in enumerate(positives):
        score = scores[place]
        before = np.count_nonzero(scores[:place] >= score) + np.count_nonzero(scores[place + 1 :] > score)
        ranks[at] = before + 1
    return np.sort(ranks)


def _ranks_from_sorted(scores: Floats, positives: Ints) -> Ints:
    """The same ranks by one sort of the values (no positions, which is why it is fast) and binary search."""
    ordered = np.sort(scores)
    own = scores[positives]
    not_above = np.searchsorted(ordered, own, side="right")
    ranks = (len(scores) - not_above + 1).astype(np.int64)
    tied = np.flatnonzero(not_above - np.searchsorted(ordered, own, side="left") > 1)
    for at in tied:
        ranks[at] += np.count_nonzero(scores[: positives[at]] == own[at])
    return ranks


def average_precision(ranks: Ints) -> float:
    """The usual average precision: the mean of the precision at each true match.

    Args:
        ranks: (P,) ranks of the true matches, ascending, P ≥ 1.
    """
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))


def average_precision_trapezoid(ranks: Ints) -> float:
    """Average precision of the Market-1501 toolkit: area under precision–recall by the trapezoidal rule.

    Each true match adds the mean of the precision at it and one place before it (1 at the very start).
    Never above :func:`average_precision`.

    Args:
        ranks: (P,) ranks of the true matches, ascending, P ≥ 1.
    """
    hits = np.arange(1, len(ranks) + 1)
    before = np.where(ranks > 1, (hits - 1) / np.maximum(ranks - 1, 1), 1.0)
    return float(np.mean((before + hits / ranks) / 2))


def average_precision_within(ranks: Ints, first: int) -> float:
    """Average precision of cross-modal retrieval: the mean precision at the true matches among the first few.

    Args:
        ranks: ranks of all true matches, ascending.
        first: how many places of the ranking count.

    Returns:
        In 0…1; 0 without a true match there.
    """
    own = ranks[ranks <= first]
    return average_precision(own) if len(own) else 0.0


def cmc(first_ranks: Ints, k: int) -> float | None:
    """Cumulative matching characteristic: share of queries whose first true match is at rank ≤ ``k``.

    Args:
        first_ranks: (Q,) rank of the first true match of every query that has one.
    """
    return float(np.mean(first_ranks <= k)) if len(first_ranks) else None


def cmc_curve(first_ranks: Ints) -> list[CmcPoint]:
    """The whole CMC curve by its steps, rank 1 always among them; empty without queries.

    Args:
        first_ranks: as in :func:`cmc`.
    """
    if not len(first_ranks):
        return []
    steps = cmc_steps(first_ranks)
    shares = np.searchsorted(np.sort(first_ranks), steps, side="right") / len(first_ranks)
    return [CmcPoint(int(rank), float(share)) for rank, share in zip(steps, shares, strict=True)]


def cmc_steps(first_ranks: Ints) -> Ints:
    """The ranks at which the CMC curve rises, ascending, and rank 1."""
    return np.unique(np.append(first_ranks, 1))


def all_hit_ranks(
    query: Floats,
    gallery: Floats,
    query_labels: Labels,
    gallery_labels: Labels,
    left_out: LeftOut | None = None,
) -> list[Ints]:
    """Ranks of the true matches of every query, by cosine (inner product of the rows).

    Args:
        query: (Q, d) vectors with L2-normalised rows.
        gallery: (N, d) vectors with L2-normalised rows.
        query_labels: Q identities; None where the identity isn't known.
        gallery_labels: N identities; None likewise, such an item is a distractor.
        left_out: for each query the places of gallery items that don't stand in its ranking
            (:func:`core.evaluation.ignored.ignored_pairs`).

    Returns:
        For each query its ranks, ascending; empty for a query without a true match.

    Raises:
        PolypTraceError: sizes don't fit or a vector holds NaN or infinity.
    """
    query, gallery = _checked(query, gallery, query_labels, gallery_labels)
    return ranks_in(score_blocks(query, gallery), query_labels, gallery_labels, left_out)


def ranks_in(
    blocks: Iterable[tuple[int, Floats]],
    query_labels: Labels,
    gallery_labels: Labels,
    left_out: LeftOut | None = None,
) -> list[Ints]:
    """Ranks of the true matches of every query from scores that are there already.

    Args:
        blocks: the first query of each block and its (block, N) scores, which are written to.
        query_labels: as in :func:`all_hit_ranks`, as all the rest.
    """
    members = _positions_by_label(query_labels, gallery_labels)
    ranks: list[Ints] = []
    for start, scores in blocks:
        for row, own in enumerate(scores, start):
            positives = members[row]
            if left_out is not None and len(ignored := left_out[row]):
                own[ignored] = -np.inf
                positives = positives[np.isfinite(own[positives])]
            ranks.append(hit_ranks(own, positives) if len(positives) else positives)
    return ranks


def figures_of(ranks: Sequence[Ints]) -> RetrievalFigures:
    """Figures from :func:`all_hit_ranks`. A query without a true match counts for no mAP and no CMC."""
    found = [own for own in ranks if len(own)]
    first = np.array([own[0] for own in found], dtype=np.int64)
    return RetrievalFigures(
        mean_average_precision=float(np.mean([average_precision(own) for own in found])) if found else None,
        mean_average_precision_trapezoid=(
            float(np.mean([average_precision_trapezoid(own) for own in found])) if found else None
        ),
        rank1=cmc(first, 1),
        rank5=cmc(first, 5),
        rank10=cmc(first, 10),
        median_rank=float(np.median(first)) if found else None,
        queries=len(found),
        queries_without_match=len(ranks) - len(found),
        reason=None if found else NO_POSITIVE,
        cmc=cmc_curve(first),
    )


def retrieval_figures(
    query: Floats,
    gallery: Floats,
    query_labels: Labels,
    gallery_labels: Labels,
    left_out: LeftOut | None = None,
) -> RetrievalFigures:
    """:func:`figures_of` :func:`all_hit_ranks`, of the queries whose identity is known; the same arguments
    and errors."""
    ranks = all_hit_ranks(query, gallery, query_labels, gallery_labels, left_out)
    return figures_of([ranks[at] for at in known_places(query_labels)])


def known_places(labels: Labels) -> list[int]:
    """Places of the items whose identity is known: nobody can say whether another query has a true match."""
    return [at for at, label in enumerate(labels) if label is not None]


def auroc(positive: Floats, negative: Floats) -> float | None:
    """Chance that a positive scores above a negative, ties half; None unless both sides have scores.

    Args:
        positive: (P,) scores.
        negative: (N,) scores.
    """
    if not len(positive) or not len(negative):
        return None
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float(np.mean((below + not_above) / (2 * len(negative))))


def _checked(query: Floats, gallery: Floats, ours: Labels, theirs: Labels) -> tuple[Floats, Floats]:
    fits = query.ndim == gallery.ndim == 2 and query.shape[1] == gallery.shape[1]
    if not fits or len(query) != len(ours) or len(gallery) != len(theirs):
        raise PolypTraceError(
            "evaluation-shape",
            "The query and gallery vectors don't fit each other or their labels.",
            "Each needs one row and one label an item, and both the same width.",
        )
    check_finite(query, gallery)
    return query, gallery


def _positions_by_label(ours: Labels, theirs: Labels) -> list[Ints]:
    """Gallery positions, ascending, of each query's identity; the label None matches nothing."""
    members: dict[Any, list[int]] = {}
    for place, label in enumerate(theirs):
        if label is not None:
            members.setdefault(label, []).append(place)
    arrays = {label: np.array(places, dtype=np.int64) for label, places in members.items()}
    none = np.empty(0, dtype=np.int64)
    return [arrays.get(label, none) for label in ours]
