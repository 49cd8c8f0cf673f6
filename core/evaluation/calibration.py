"""From a cosine to a decision and a probability: "no good match" and its threshold, learnt and applied."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from core.errors import PolypTraceError

Floats = npt.NDArray[np.floating[Any]]

FEWEST_QUERIES = 10
"""Below so many validation queries not even a verbal band is shown."""
MIN_PAIRS = 50
"""Below so many validation pairs only the rank and a verbal band are shown (clinical rules, section 6)."""

_WEAK_BELOW, _STRONG_FROM = 0.4, 0.75
_PRIOR_SPREAD = 5.0
"""Of slope (a standard deviation of cosines) and intercept: odds of 1 to 150 are still likely."""


class NoMatch(msgspec.Struct, frozen=True):
    """When the best candidate is too unlike the query to be called a match.

    Attributes:
        threshold: a best cosine below it means "no good match".
        slope: how fast the log odds of "this lesion" to "none of them" rise with its best cosine, ≥ 0.
        intercept: those log odds at a cosine of 0.
        pairs: how many pairs of a validation query and an earlier lesion of its patient gave the two.
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

    def probabilities(self, scores: Sequence[float]) -> list[float] | None:
        """Chance of each of a patient's earlier lesions to be the query's; what is left is "none of them".

        The query is one lesion or a new one, so the chances never add up to more than 1: each lesion weighs
        exp(slope · cosine + intercept), "none" weighs 1 (multinomial logit with an outside option, McFadden
        1974).

        Args:
            scores: best cosine of each lesion, all the lesions that it can be.

        Returns:
            One probability in 0…1 for each; None below 50 validation pairs.
        """
        return _shares(self, scores) if self.pairs >= MIN_PAIRS else None

    def band(self, score: float) -> str | None:
        """``weak``, ``moderate`` or ``strong`` resemblance: shown alone where there is no probability.

        By the chance that the lesion would have if it were the patient's only one; below the threshold it is
        never more than weak. None where the curve was learnt from a handful of queries: no word is better
        than one that stands on nothing.
        """
        if 0 < self.queries < FEWEST_QUERIES:
            return None
        (alone,) = _shares(self, [score])
        if score < self.threshold or alone < _WEAK_BELOW:
            return "weak"
        return "strong" if alone >= _STRONG_FROM else "moderate"


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


class Choice(msgspec.Struct, frozen=True):
    """What one query can be: an earlier lesion of its patient, or none of them.

    Attributes:
        scores: (L,) best cosine of each earlier lesion.
        right: place of the query's lesion among them; None when it is new.
    """

    scores: tuple[float, ...]
    right: int | None


def choice_of(
    cosines: Sequence[float] | Floats, lesions: Sequence[Hashable | None], own: Hashable | None
) -> Choice:
    """A query's choice from its cosines with the earlier clips of its patient.

    Args:
        cosines: (N,) one a clip.
        lesions: N identities; a clip of unknown lesion stands for one of its own.
        own: the query's identity.
    """
    best: dict[Hashable, float] = {}
    for cosine, lesion in zip(cosines, lesions, strict=True):
        key = object() if lesion is None else lesion
        best[key] = max(float(cosine), best.get(key, -math.inf))
    keys = list(best)
    return Choice(tuple(best.values()), keys.index(own) if own is not None and own in best else None)


def fit_no_match(
    best_scores: Sequence[float] | Floats,
    has_match: Sequence[bool],
    choices: Sequence[Choice],
) -> NoMatch:
    """Learns the threshold and the probability from validation queries.

    The threshold is Youden's: it maximises (share of queries with a match at or above it) minus (share of
    queries without one at or above it), and lies midway between two neighbouring scores; of several equally
    good ones the middle one is taken. Slope and intercept are the most likely ones (see
    :meth:`NoMatch.probabilities`) under a wide normal prior, which keeps them finite when the two kinds are
    perfectly apart. A slope below 0 would say nothing: 0 is taken instead.

    Args:
        best_scores: (Q,) cosine of each validation query's best candidate.
        has_match: Q booleans, True where the query's lesion is in its gallery.
        choices: what the queries can be, each with at least one earlier lesion.

    Raises:
        PolypTraceError: one of the two kinds is missing, or a score isn't a number.
    """
    scores = np.asarray(best_scores, dtype=np.float64)
    truth = np.asarray(has_match, dtype=bool)
    _check(scores, truth)
    pairs = np.array([score for choice in choices for score in choice.scores], dtype=np.float64)
    same = [place == choice.right for choice in choices for place in range(len(choice.scores))]
    _check(pairs, np.array(same, dtype=bool))
    slope, intercept = _most_likely(choices, pairs)
    return NoMatch(_youden(scores, truth), slope, intercept, len(pairs), len(scores))


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


def _shares(rule: NoMatch, scores: Sequence[float]) -> list[float]:
    weights = np.array([rule.slope * score + rule.intercept for score in scores] + [0.0])
    weights = np.exp(weights - weights.max())
    return [float(share) for share in (weights / weights.sum())[:-1]]


def _most_likely(choices: Sequence[Choice], pairs: Floats) -> tuple[float, float]:
    # scipy.optimize takes half a second to load and only training needs it.
    from scipy.optimize import minimize

    middle, spread = float(pairs.mean()), float(pairs.std())
    spread = spread if spread > 1e-9 else 1.0
    scaled = [(np.array(choice.scores) - middle) / spread for choice in choices]

    def surprise(curve: npt.NDArray[np.float64]) -> float:
        total = float(np.sum((curve / _PRIOR_SPREAD) ** 2)) / 2
        for scores, choice in zip(scaled, choices, strict=True):
            odds = curve[0] * scores + curve[1]
            chosen = 0.0 if choice.right is None else odds[choice.right]
            total += float(np.logaddexp.reduce([*odds, 0.0]) - chosen)
        return total

    # Convex: any start leads to the one lowest place.
    found = minimize(surprise, np.zeros(2), bounds=[(0, None), (None, None)]).x
    slope = float(found[0]) / spread
    return slope, float(found[1]) - slope * middle


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
