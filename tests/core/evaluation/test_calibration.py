"""“No good match”: threshold, probability, and how both are judged."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PolypTraceError
from core.evaluation.calibration import (
    Choice,
    NoMatch,
    choice_of,
    fit_no_match,
    rule_from,
)
from core.evaluation.open_set import Asked, fnir_at_fpir, judge_no_match
from core.evaluation.reliability import expected_calibration_error, reliability


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose true chance of a match is logistic: slope 8, even chance at 0.6."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0, 1, n)
    return scores, rng.random(n) < 1 / (1 + np.exp(-8 * (scores - 0.6)))


def single(scores: Any, truth: Any) -> list[Choice]:
    """Queries whose patients have one earlier lesion each."""
    return [Choice((float(score),), 0 if same else None) for score, same in zip(scores, truth, strict=False)]


def fit(scores: Any, truth: Any) -> NoMatch:
    """Both parts of the rule from the same scores."""
    return fit_no_match(scores, truth, single(scores, truth))


def alone(rule: NoMatch, score: float) -> float | None:
    """The chance of a patient's only earlier lesion."""
    shown = rule.probabilities([score])
    return None if shown is None else shown[0]


def drawn_choices(n: int, seed: int) -> list[Choice]:
    """Queries of patients with one to four earlier lesions, with chances by slope 8 and intercept -5."""
    rng = np.random.default_rng(seed)
    choices = []
    for _ in range(n):
        scores = rng.uniform(0, 1, rng.integers(1, 5))
        weights = np.append(np.exp(8 * scores - 5), 1.0)
        picked = int(rng.choice(len(weights), p=weights / weights.sum()))
        choices.append(Choice(tuple(scores.tolist()), picked if picked < len(scores) else None))
    return choices


def test_the_curve_that_made_the_data_is_found() -> None:
    rule = fit(*drawn(20_000))
    assert rule.slope == pytest.approx(8, rel=0.05)
    assert -rule.intercept / rule.slope == pytest.approx(0.6, abs=0.01)
    # Youden's best threshold is where the curve crosses the share of queries with a match, here 0.404.
    assert rule.threshold == pytest.approx(0.551, abs=0.04)
    assert (rule.pairs, rule.queries) == (20_000, 20_000)


def test_shown_probability_holds_on_new_data() -> None:
    rule = fit(*drawn(4000))
    scores, truth = drawn(4000, seed=1)
    shown = [alone(rule, float(score)) or 0.0 for score in scores]
    good = expected_calibration_error(shown, truth.tolist())
    bad = expected_calibration_error([chance**3 for chance in shown], truth.tolist())
    assert good is not None
    assert good < 0.03
    assert bad is not None
    assert bad > 0.1


def test_youden_by_hand() -> None:
    rule = fit([0.9, 0.8, 0.4, 0.5, 0.3, 0.2], [True, True, True, False, False, False])
    # At 0.35: 3/3 kept, 1/3 let through. At 0.65: 2/3 kept, none let through. Both gain 2/3; 0.45 gains 1/3.
    assert rule.threshold in (pytest.approx(0.35), pytest.approx(0.65))
    clean = fit([0.9, 0.7, 0.3, 0.1], [True, True, False, False])
    assert clean.threshold == pytest.approx(0.5)
    assert clean.is_no_match(0.49)
    assert not clean.is_no_match(0.5)


def test_perfectly_apart_stays_finite() -> None:
    rule = fit([0.8] * 30 + [0.2] * 30, [True] * 30 + [False] * 30)
    low, high = alone(rule, 0.2), alone(rule, 0.8)
    assert low is not None
    assert high is not None
    assert 0 < low < 0.05
    assert 0.95 < high < 1


@pytest.mark.parametrize("scores", [[0.5] * 60, [0.2] * 30 + [0.8] * 30])
def test_scores_that_say_nothing_give_the_plain_share(scores: list[float]) -> None:
    rule = fit(scores, [True] * 30 + [False] * 30)
    assert rule.slope == pytest.approx(0, abs=1e-6)
    assert alone(rule, 0.1) == alone(rule, 0.9) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("pairs", [1, 49])
def test_below_fifty_pairs_only_a_band(pairs: int) -> None:
    rule = NoMatch(threshold=0.5, slope=10, intercept=-5, pairs=pairs)
    assert rule.probabilities([0.9]) is None
    assert [rule.band(score) for score in (0.1, 0.55, 0.9)] == ["weak", "moderate", "strong"]
    assert alone(NoMatch(0.5, 10, -5, 50), 0.5) == pytest.approx(0.5)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_probability_rises_with_the_score(a: float, b: float) -> None:
    rule = NoMatch(0.5, 400.0, -200.0, 100)
    low, high = alone(rule, min(a, b)), alone(rule, max(a, b))
    assert low is not None
    assert high is not None
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize(
    ("scores", "truth", "words"),
    [
        ([0.1, 0.2], [True, True], "without a match"),
        ([0.1, 0.2], [False, False], "with a match"),
        ([], [], "without a match"),
        ([float("nan"), 0.2], [True, False], "numbers"),
        ([0.2], [True, False], "fit"),
    ],
)
def test_degenerate_data_is_refused_in_words(scores: list[float], truth: list[bool], words: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        fit(scores, truth)
    assert words in caught.value.message
    assert caught.value.hint


def test_fnir_by_hand() -> None:
    unmated = np.linspace(0, 0.99, 100)
    # Five of a hundred may pass: the threshold is the sixth highest, 0.94.
    assert fnir_at_fpir(np.array([0.95, 0.945, 0.94, 0.2]), unmated) == pytest.approx(2 / 4)
    # Fewer than twenty: none may pass.
    assert fnir_at_fpir(np.array([0.9, 0.5, 0.4]), np.array([0.5, 0.1])) == pytest.approx(2 / 3)
    assert fnir_at_fpir(np.array([0.9]), np.array([])) is None
    assert fnir_at_fpir(np.array([]), np.array([0.9])) is None
    assert fnir_at_fpir(np.array([0.1]), np.array([0.9]), fpir=1.0) == 0.0


@settings(deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=40),
    st.lists(st.floats(-1, 1), min_size=1, max_size=40),
    st.floats(0, 0.99),
)
def test_fnir_against_trying_every_threshold(mates: list[float], unmated: list[float], fpir: float) -> None:
    mated, others = np.array(mates), np.array(unmated)
    thresholds = np.concatenate([np.unique(np.concatenate([mated, others])), [2.0]])
    allowed = [
        np.mean(mated < t) for t in thresholds if np.sum(others >= t) <= np.floor(fpir * len(others) + 1e-9)
    ]
    assert fnir_at_fpir(mated, others, fpir) == pytest.approx(min(allowed))


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8))
def test_the_lesions_of_a_patient_share_one(scores: list[float]) -> None:
    shown = NoMatch(0.5, 30.0, -12.0, 100).probabilities(scores)
    assert shown is not None
    assert all(0 <= chance <= 1 for chance in shown)
    assert sum(shown) <= 1 + 1e-9
    order = np.argsort(scores, kind="stable")
    assert all(shown[a] <= shown[b] + 1e-12 for a, b in itertools.pairwise(order))


def test_shares_by_hand() -> None:
    # Weights e^0 = 1 and e^ln3 = 3 beside 1 for "none": 1/5, 3/5, and 1/5 for none.
    rule = NoMatch(0.5, math.log(3), 0.0, 50)
    assert rule.probabilities([0.0, 1.0]) == pytest.approx([1 / 5, 3 / 5])
    assert rule.probabilities([]) == []


def test_several_lesions_the_curve_is_found_and_holds_on_new_patients() -> None:
    choices = drawn_choices(3000, seed=0)
    rule = fit_no_match([0.9, 0.1], [True, False], choices)
    assert rule.slope == pytest.approx(8, rel=0.08)
    assert rule.intercept == pytest.approx(-5, abs=0.4)
    assert rule.pairs == sum(len(choice.scores) for choice in choices)
    unseen = drawn_choices(3000, seed=1)
    same = [place == choice.right for choice in unseen for place in range(len(choice.scores))]
    joint = [chance for choice in unseen for chance in rule.probabilities(choice.scores) or ()]
    each = [alone(rule, score) or 0.0 for choice in unseen for score in choice.scores]
    assert (expected_calibration_error(joint, same) or 0) < 0.02
    # As if each were the only one: far too sure.
    assert (expected_calibration_error(each, same) or 0) > 0.05


def test_a_choice_takes_each_lesions_best_clip() -> None:
    known = choice_of([0.2, 0.7, 0.5, 0.6], ["a", "b", "a", None], "a")
    assert known == Choice((0.5, 0.7, 0.6), 0)
    assert choice_of([0.2, 0.3], ["a", None], "c").right is None
    assert choice_of([0.2, 0.3], [None, None], None) == Choice((0.2, 0.3), None)


def test_judgement_names_what_is_missing_as_none() -> None:
    best, mate = np.array([0.9, 0.8, 0.2]), np.array([0.9, 0.1, -np.inf])
    truth = np.array([True, True, False])
    choices = single(best, truth)
    asked = Asked(best, mate, truth, choices, ["p", "q", "q"])
    quality = judge_no_match(None, asked)
    assert (quality.auroc, quality.fnir_at_fpir5, quality.ece) == (1.0, 0.5, None)
    assert quality.recognised is quality.missed is quality.bins is None
    assert judge_no_match(NoMatch(0.5, 1, 0, 49), asked).ece is None
    judged = judge_no_match(NoMatch(0.85, 1, 0, 50), asked)
    assert judged.ece is not None
    assert (judged.recognised, judged.missed) == (1.0, 0.5)
    only = Asked(best[:2], mate[:2], truth[:2], choices[:2], ["p", "q"])
    assert judge_no_match(None, only).auroc is None


def test_the_bins_of_the_diagram_by_hand() -> None:
    """One lesion each: even odds at 0 (0.5), 9 to 1 at 1 (0.9)."""
    rule = NoMatch(0.5, float(np.log(9)), 0.0, 50)
    choices = single([0.0, 0.0, 1.0, 1.0, 1.0], [True, False, True, True, False])
    held = reliability(rule, choices, ["p", "q", "p", "q", "p"])
    assert held is not None
    (middle, top) = held.bins
    assert (middle.low, middle.high, middle.shown, middle.observed, middle.count) == (0.5, 0.6, 0.5, 0.5, 2)
    assert (top.low, top.high, top.count) == (0.9, 1.0, 3)
    assert (top.shown, top.observed) == (pytest.approx(0.9), pytest.approx(2 / 3))
    assert held.ece == pytest.approx((0 + 3 * (0.9 - 2 / 3)) / 5)
    assert top.interval == (0.5, 1.0)  # q alone: 1; p alone: 1/2
    assert reliability(None, choices, ["p"] * 5) is None
    assert reliability(rule, [], []) is None


def test_a_bundles_settings_become_the_rule() -> None:
    assert rule_from(None) is None
    assert rule_from(NoMatch(0.1, 2, 3, 4, 5, "us")) == NoMatch(0.1, 2, 3, 4, 5, "us")


def test_calibration_error_by_hand() -> None:
    assert expected_calibration_error([], []) is None
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0
    # Bin 0.9…1: shown 0.95 twice, one true; gap 0.45. Bin 0.1…0.2: shown 0.15, true; gap 0.85.
    assert expected_calibration_error([0.95, 0.95, 0.15], [True, False, True]) == pytest.approx(
        (2 * 0.45 + 0.85) / 3
    )


@pytest.mark.parametrize(("queries", "said"), [(2, None), (10, "strong"), (0, "strong")])
def test_a_handful_of_queries_gives_no_band(queries: int, said: str | None) -> None:
    """0 is a bundle that doesn't say how many there were."""
    assert NoMatch(0.5, 20.0, -10.0, 60, queries).band(0.9) == said
