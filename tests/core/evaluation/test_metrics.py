"""Metrics against rankings worked out by hand, and planted faults that these rankings must catch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PolypTraceError
from core.evaluation import metrics, scores
from core.evaluation.metrics import (
    CmcPoint,
    RetrievalFigures,
    all_hit_ranks,
    auroc,
    average_precision,
    average_precision_trapezoid,
    cmc,
    hit_ranks,
    retrieval_figures,
)

Score = Callable[[np.ndarray, np.ndarray, Sequence[Any], Sequence[Any]], RetrievalFigures]

# Scores of three queries against seven gallery items a a b b c a d, written as the product query @ gallery.T.
GALLERY = np.eye(7)
LABELS = list("aabbcad")
QUERIES = np.array(
    [
        [0.9, 0.2, 0.8, 0.1, 0.7, 0.6, 0.5],  # a: order 0 2 4 5 6 1 3, hits at 1, 4, 6
        [0.9, 0.8, 0.3, 0.2, 0.7, 0.6, 0.5],  # b: order 0 1 4 5 6 2 3, hits at 6, 7
        [0.1, 0.9, 0.8, 0.2, 0.7, 0.6, 0.5],  # c: order 1 2 4 …, hit at 3
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],  # e: nowhere in the gallery
    ]
)
ASKED = list("abce")


def check_by_hand(score: Score) -> None:
    figures = score(QUERIES, GALLERY, ASKED, LABELS)
    aps = [(1 + 2 / 4 + 3 / 6) / 3, (1 / 6 + 2 / 7) / 2, 1 / 3]
    trapezoid = [
        ((1 + 1) / 2 + (1 / 3 + 2 / 4) / 2 + (2 / 5 + 3 / 6) / 2) / 3,
        ((0 + 1 / 6) / 2 + (1 / 6 + 2 / 7) / 2) / 2,
        (0 + 1 / 3) / 2,
    ]
    assert figures.mean_average_precision == pytest.approx(np.mean(aps))
    assert figures.mean_average_precision_trapezoid == pytest.approx(np.mean(trapezoid))
    assert (figures.rank1, figures.rank5, figures.rank10) == pytest.approx((1 / 3, 2 / 3, 1))
    assert figures.median_rank == 3
    assert (figures.queries, figures.queries_without_match) == (3, 1)
    # First hits at 1, 6 and 3.
    assert [point.rank for point in figures.cmc] == [1, 3, 6]
    assert [point.share for point in figures.cmc] == pytest.approx([1 / 3, 2 / 3, 1])


def test_hand_made_ranking() -> None:
    check_by_hand(retrieval_figures)


def replaced(**changes: Any) -> Score:
    """Our figures with some of them computed wrongly from the right ranks."""

    def score(q: np.ndarray, g: np.ndarray, ours: Sequence[Any], theirs: Sequence[Any]) -> RetrievalFigures:
        ranks = all_hit_ranks(q, g, ours, theirs)
        right = metrics.figures_of(ranks)
        values = {name: getattr(right, name) for name in RetrievalFigures.__struct_fields__}
        return RetrievalFigures(**(values | {name: wrong(ranks) for name, wrong in changes.items()}))

    return score


def first_ranks(ranks: list[np.ndarray]) -> np.ndarray:
    return np.array([own[0] for own in ranks if len(own)])


def first_identity_only(
    q: np.ndarray, g: np.ndarray, ours: Sequence[Any], theirs: Sequence[Any]
) -> RetrievalFigures:
    again = [at for _ in ours for at, label in enumerate(ours) if label == ours[0]]
    return retrieval_figures(q[again], g, [ours[at] for at in again], theirs)


FAULTS: dict[str, Score] = {
    "Rank-2 printed as Rank-5": replaced(rank5=lambda r: cmc(first_ranks(r), 2)),
    "Rank-3 printed as Rank-10": replaced(rank10=lambda r: cmc(first_ranks(r), 3)),
    "the first identity's queries scored for every identity": first_identity_only,
    "the trapezoidal AP printed as the usual one": replaced(
        mean_average_precision=lambda r: np.mean([average_precision_trapezoid(x) for x in r if len(x)])
    ),
    "the usual AP printed as the trapezoidal one": replaced(
        mean_average_precision_trapezoid=lambda r: np.mean([average_precision(x) for x in r if len(x)])
    ),
    "a query without a positive counts as zero": replaced(
        mean_average_precision=lambda r: np.mean([average_precision(x) if len(x) else 0 for x in r])
    ),
    "a query without a positive counts in the CMC": replaced(
        rank1=lambda r: np.mean([len(x) > 0 and x[0] == 1 for x in r])
    ),
    "only the first positive counts in the AP": replaced(
        mean_average_precision=lambda r: np.mean([1 / x[0] for x in r if len(x)])
    ),
    "a CMC curve over all queries": replaced(
        cmc=lambda r: [CmcPoint(k, sum(len(x) > 0 and x[0] <= k for x in r) / len(r)) for k in (1, 3, 6)]
    ),
    "ranks from zero": replaced(median_rank=lambda r: float(np.median(first_ranks(r) - 1))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_caught(fault: str) -> None:
    with pytest.raises(AssertionError):
        check_by_hand(FAULTS[fault])


def test_ties_stand_in_gallery_order() -> None:
    scores = np.array([0.5, 0.9, 0.5, 0.5, 0.1])
    assert hit_ranks(scores, np.array([0])).tolist() == [2]
    assert hit_ranks(scores, np.array([2])).tolist() == [3]
    assert hit_ranks(scores, np.array([0, 3])).tolist() == [2, 4]


@pytest.mark.parametrize("k", [1, 5, 10, 1000])
def test_all_tied(k: int) -> None:
    figures = retrieval_figures(np.zeros((1, 2)), np.zeros((4, 2)), ["x"], ["a", "b", "x", "x"])
    assert figures.median_rank == 3
    assert figures.mean_average_precision == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert cmc(np.array([3]), k) == (k >= 3)


def test_k_beyond_the_gallery() -> None:
    figures = retrieval_figures(np.eye(2), np.eye(2), ["a", "b"], ["b", "a"])
    assert (figures.rank1, figures.rank5, figures.rank10) == (0.0, 1.0, 1.0)
    assert [(point.rank, point.share) for point in figures.cmc] == [(1, 0.0), (2, 1.0)]


def test_no_positive_at_all_is_null_with_a_reason() -> None:
    figures = retrieval_figures(np.eye(2), np.eye(2), ["a", "b"], ["c", "d"])
    assert figures.mean_average_precision is figures.rank1 is figures.median_rank is None
    assert figures.reason
    assert figures.cmc == []
    assert figures.queries_without_match == 2


def test_an_unknown_identity_matches_nothing() -> None:
    figures = retrieval_figures(np.eye(2), np.eye(2), [None, "a"], [None, "a"])
    # Nor is it asked.
    assert (figures.queries, figures.queries_without_match, figures.rank1) == (1, 0, 1.0)


def test_left_out_items_have_no_rank() -> None:
    scores = np.array([[0.9, 0.8, 0.7, 0.6]])
    left_out = np.array([[True, False, True, False]])
    ranks = all_hit_ranks(scores, np.eye(4), ["a"], ["a", "b", "a", "a"], left_out)
    assert ranks[0].tolist() == [2]


def by_sorting(scores: np.ndarray, positives: np.ndarray) -> list[int]:
    order = np.argsort(-scores, kind="stable").tolist()
    return sorted(order.index(place) + 1 for place in positives)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
def test_counting_equals_sorting(levels: list[int], data: st.DataObject) -> None:
    scores = np.array(levels, dtype=np.float32) / 4
    some = data.draw(st.sets(st.integers(0, len(levels) - 1), min_size=1))
    positives = np.array(sorted(some))
    assert hit_ranks(scores, positives).tolist() == by_sorting(scores, positives)


@settings(max_examples=200, deadline=None)
@given(st.sets(st.integers(1, 200), min_size=1))
def test_trapezoid_is_the_toolkits_loop_and_never_above_the_usual(hits: set[int]) -> None:
    ranks = np.array(sorted(hits))
    area, recall, precision, found = 0.0, 0.0, 1.0, 0
    for place in range(1, ranks[-1] + 1):
        found += place in hits
        area += (found / len(hits) - recall) * (precision + found / place) / 2
        recall, precision = found / len(hits), found / place
    assert average_precision_trapezoid(ranks) == pytest.approx(area)
    assert average_precision_trapezoid(ranks) <= average_precision(ranks) + 1e-12


def test_blocks_don_t_change_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(37, 8)), rng.normal(size=(90, 8))
    ours, theirs = rng.integers(0, 3, 37).tolist(), rng.integers(0, 3, 90).tolist()
    whole = retrieval_figures(query, gallery, ours, theirs)
    monkeypatch.setattr(scores, "_BLOCK_BYTES", 8 * 90 * 4)
    assert retrieval_figures(query, gallery, ours, theirs) == whole


def test_auroc_counts_ties_half() -> None:
    assert auroc(np.array([0.9, 0.5]), np.array([0.5, 0.1])) == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert auroc(np.array([]), np.array([1.0])) is None


@pytest.mark.parametrize(
    ("query", "labels", "code"),
    [
        (np.zeros((1, 3)), ["a"], "evaluation-shape"),
        (np.zeros((1, 2)), ["a", "b"], "evaluation-shape"),
        (np.full((1, 2), np.nan), ["a"], "evaluation-not-finite"),
    ],
)
def test_refused_in_words(query: np.ndarray, labels: list[str], code: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        retrieval_figures(query, np.eye(2), labels, ["a", "b"])
    assert caught.value.code == code
    assert caught.value.hint
