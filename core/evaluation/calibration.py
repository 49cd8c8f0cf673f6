"""From a cosine to a decision and a probability: "no good match", its threshold, and how well both hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from core.errors import PolypTraceError
from core.evaluation.metrics import auroc

Floats = npt.NDArray[np.floating[Any]]

MIN_PAIRS = 50
"""Below so many validation pairs only the rank and a verbal band are shown (clinical rules, section 6)."""

_WEAK_BELOW, _STRONG_FROM = 0.4, 0.75


class NoMatch(msgspec.Struct, frozen=True):
    """When the best candidate is too unlike the query to be called a match.

    Attributes:
        threshold: a best cosine below it means "no good match".
        slope: of the logistic curve over the cosine, ≥ 0: the probability that a clip of the same patient's
            earlier exams shows the query's lesion.
        intercept: of the same curve.
        pairs: how many pairs of a validation query and an earlier clip of its patient gave the curve.
        queries: how many validation queries the threshold was learnt from.
        learnt_on: whose queries those were, in words.
    """

    threshold: float
    slope: float
    intercept: float
    pairs: int
    queries: int = 0
    learnt_on: str = ""

    def is_no_match(self, best_score: float) -> bool:
        """Whether the best candidate's cosine is below the threshold."""
        return best_score < self.threshold

    def probability(self, score: float) -> float | None:
        """Calibrated probability in 0…1 that such a clip shows the lesion; None below 50 validation pairs."""
        return self._curve(score) if self.pairs >= MIN_PAIRS else None

    def band(self, score: float) -> str:
        """``weak``, ``moderate`` or ``strong`` resemblance: shown alone where there is no probability.

        Below the threshold it is never more than weak.
        """
        chance = self._curve(score)
        if score < self.threshold or chance < _WEAK_BELOW:
            return "weak"
        return "strong" if chance >= _STRONG_FROM else "moderate"

    def _curve(self, score: float) -> float:
        logit = self.slope * score + self.intercept
        return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


class Settings(Protocol):
    """What a bundle's manifest holds of the rule."""

    @property
    def threshold(self) -> float: ...
    @property
    def slope(self) -> float: ...
    @property
    def intercept(self) -> float: ...
    @property
    def pairs(self) -> int: ...
    @property
    def queries(self) -> int: ...
    @property
    def learnt_on(self) -> str: ...


def rule_from(settings: Settings | None) -> NoMatch | None:
    """The rule that a bundle's ``no_match`` settings describe; None for a model without calibration."""
    if settings is None:
        return None
    curve = (settings.slope, settings.intercept)
    return NoMatch(settings.threshold, *curve, settings.pairs, settings.queries, settings.learnt_on)


class NoMatchQuality(msgspec.Struct, frozen=True):
    """How well best scores tell queries with a match from those without, on data the threshold never saw.

    ``auroc`` and ``fnir_at_fpir5`` are None where either kind of query is missing. ``recognised`` is the
    share of queries without a match that the model's threshold answers with "no good match", ``missed`` that
    of those with one which get the same answer: None without a threshold. ``ece`` is None without a curve
    that shows probabilities.
    """

    auroc: float | None
    fnir_at_fpir5: float | None
    ece: float | None
    recognised: float | None
    missed: float | None


def fit_no_match(
    best_scores: Sequence[float] | Floats,
    has_match: Sequence[bool],
    pair_scores: Sequence[float] | Floats,
    pair_same: Sequence[bool],
) -> NoMatch:
    """Learns the threshold from validation queries and the probability from their pairs.

    The threshold is Youden's: it maximises (share of queries with a match at or above it) minus (share of
    queries without one at or above it), and lies midway between two neighbouring scores; of several equally
    good ones the middle one is taken. The probability is Platt's logistic curve (Platt 1999), whose
    softened targets keep the slope finite when the two kinds are perfectly apart. A curve that would fall
    with a rising cosine says nothing: it is replaced by the plain share of pairs of one lesion.

    Args:
        best_scores: (Q,) cosine of each validation query's best candidate.
        has_match: Q booleans, True where the query's lesion is in its gallery.
        pair_scores: (N,) cosines of queries with the earlier clips of their patients.
        pair_same: N booleans, True where both show one lesion.

    Raises:
        PolypTraceError: one of the two kinds is missing, or a score isn't a number.
    """
    scores = np.asarray(best_scores, dtype=np.float64)
    truth = np.asarray(has_match, dtype=bool)
    _check(scores, truth)
    pairs = np.asarray(pair_scores, dtype=np.float64)
    same = np.asarray(pair_same, dtype=bool)
    _check(pairs, same)
    slope, intercept = _platt(pairs, same)
    return NoMatch(_youden(scores, truth), slope, intercept, len(pairs), len(scores))


def fnir_at_fpir(mate_scores: Floats, unmated_best: Floats, fpir: float = 0.05) -> float | None:
    """False negative identification rate at a false positive identification rate (open-set identification).

    The threshold is the lowest that lets at most ``fpir`` of the queries without a match through; then the
    share of queries with a match whose true lesion doesn't pass it. With fewer than 1/``fpir`` queries
    without a match none may pass.

    Args:
        mate_scores: (P,) best cosine of the *true* lesion of each query that has one.
        unmated_best: (N,) best cosine of each query without a match.
        fpir: in 0…1.

    Returns:
        In 0…1, or None when either kind is missing.
    """
    if not len(mate_scores) or not len(unmated_best):
        return None
    allowed = math.floor(fpir * len(unmated_best) + 1e-9)
    if allowed >= len(unmated_best):
        return 0.0
    threshold = np.sort(unmated_best)[::-1][allowed]
    return float(np.mean(mate_scores <= threshold))


def expected_calibration_error(
    probabilities: Sequence[float] | Floats, outcomes: Sequence[bool], bins: int = 10
) -> float | None:
    """Gap between shown probability and observed share: mean over bins, weighted by their queries.

    Args:
        probabilities: (Q,) in 0…1.
        outcomes: Q booleans.
        bins: how many bins of equal width.

    Returns:
        In 0…1; None without queries (Guo 2017, eq. 3).
    """
    shown = np.asarray(probabilities, dtype=np.float64)
    true = np.asarray(outcomes, dtype=np.float64)
    if not len(shown):
        return None
    place = np.minimum((shown * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=shown - true, minlength=bins)
    return float(np.abs(gaps).sum() / len(shown))


def judge_no_match(
    rule: NoMatch | None,
    best_scores: Floats,
    mate_scores: Floats,
    has_match: npt.NDArray[np.bool_],
    pair_scores: Floats,
    pair_same: npt.NDArray[np.bool_],
) -> NoMatchQuality:
    """AUROC, FNIR at FPIR 5 %, the threshold's own errors and the calibration error.

    Every query stands in its own patient's gallery.

    Args:
        rule: the bundle's rule, for the calibration error; None leaves that out.
        best_scores: (Q,) cosine of each query's best candidate.
        mate_scores: (Q,) cosine of the true lesion's best clip; ignored where ``has_match`` is False.
        has_match: (Q,) whether the query's lesion is in its gallery.
        pair_scores: (N,) cosines of the queries with all clips of their galleries.
        pair_same: (N,) whether both show one lesion.
    """
    shown = [rule.probability(float(score)) for score in pair_scores] if rule is not None else []
    known = [chance for chance in shown if chance is not None]
    complete = len(known) == len(pair_scores)
    below = best_scores < rule.threshold if rule is not None else None
    return NoMatchQuality(
        auroc=auroc(best_scores[has_match], best_scores[~has_match]),
        fnir_at_fpir5=fnir_at_fpir(mate_scores[has_match], best_scores[~has_match]),
        ece=expected_calibration_error(known, pair_same.tolist()) if complete else None,
        recognised=_mean(below[~has_match]) if below is not None else None,
        missed=_mean(below[has_match]) if below is not None else None,
    )


def _mean(answers: npt.NDArray[np.bool_]) -> float | None:
    return float(answers.mean()) if len(answers) else None


def _check(scores: Floats, truth: npt.NDArray[np.bool_]) -> None:
    if len(scores) != len(truth) or not np.isfinite(scores).all():
        raise PolypTraceError(
            "calibration-data",
            "The validation scores don't fit their truth or aren't all numbers.",
            "Evaluate the model on the validation part again.",
        )
    if truth.all() or not truth.any():
        kind = "without a match" if truth.all() else "with a match"
        raise PolypTraceError(
            "calibration-one-kind",
            f"The validation part has no query {kind}, so no threshold for “no good match” can be learnt.",
            "Give it patients with lesions that come back and lesions that are new.",
        )


def _platt(scores: Floats, truth: npt.NDArray[np.bool_]) -> tuple[float, float]:
    # scikit-learn takes a second to load and only training needs it.
    from sklearn.linear_model import LogisticRegression

    positives, negatives = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    base = float(np.log(positives / negatives))
    spread = float(scores.std())
    if spread < 1e-9:
        return 0.0, base
    scaled = (scores - scores.mean()) / spread
    # A soft target is a sample seen twice, once as each kind, with the target as its weight.
    model = LogisticRegression(C=1e6, max_iter=1000)
    model.fit(
        np.concatenate([scaled, scaled])[:, None],
        np.repeat([1, 0], len(scaled)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    slope = float(model.coef_[0, 0]) / spread
    if slope <= 0:
        return 0.0, base
    return slope, float(model.intercept_[0]) - slope * float(scores.mean())


def _youden(scores: Floats, truth: npt.NDArray[np.bool_]) -> float:
    distinct = np.unique(scores)
    between = (distinct[:-1] + distinct[1:]) / 2
    candidates = np.concatenate([[distinct[0]], between])
    with_match, without = np.sort(scores[truth]), np.sort(scores[~truth])
    kept = 1 - np.searchsorted(with_match, candidates) / len(with_match)
    let_through = 1 - np.searchsorted(without, candidates) / len(without)
    gain = kept - let_through
    best = np.flatnonzero(gain >= gain.max() - 1e-12)
    return float(candidates[best[len(best) // 2]])
