"""95 % intervals by bootstrap over patients: patients drawn with replacement, each with all of its queries.

Queries of one patient are alike, so drawing queries would make the intervals too narrow. The gallery stays
whole. Every draw is a row of weights (how often each patient was drawn), so that no figure needs a loop over
the draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Doubles = npt.NDArray[np.float64]
Interval = tuple[float, float]

DRAWS = 2000
_LEVEL = 0.95


def mean_interval(
    values: Floats, patients: Sequence[Any], draws: int = DRAWS, seed: int = 0
) -> Interval | None:
    """The interval of a mean over queries, e.g. mAP (average precisions) or Rank-1 (zeros and ones).

    Args:
        values: (Q,) one value a query.
        patients: Q patients.
        draws: how many times patients are drawn.
        seed: of the draws; the same seed gives the same interval.

    Returns:
        (low, high), or None with fewer than two patients.
    """
    band = mean_band(np.asarray(values, dtype=np.float64)[:, None], patients, draws, seed)
    return None if band is None else (float(band[0, 0]), float(band[1, 0]))


def mean_band(values: Floats, patients: Sequence[Any], draws: int = DRAWS, seed: int = 0) -> Doubles | None:
    """The intervals of several means at once, each for itself: (2, K), low above high.

    Args:
        values: (Q, K), e.g. whether each query is found within each of K ranks.
        patients: as in :func:`mean_interval`; so are ``draws``, ``seed`` and None.
    """
    codes, counts = _codes(patients)
    if len(counts) < 2:
        return None
    weights = _draw(len(counts), draws, seed)
    means = (weights @ _by_patient(values, codes, len(counts))) / (weights @ counts)[:, None]
    return _ends(means)


def runs_interval(
    values: Floats, patients: Sequence[Any], over_runs: bool = True, draws: int = DRAWS, seed: int = 0
) -> Interval | None:
    """The interval of a mean over queries and over training runs that differ in their seed.

    Args:
        values: (Q, R) one value a query and run.
        patients: as in :func:`mean_interval`; so are ``draws``, ``seed`` and None.
        over_runs: draw runs with replacement too, so that the interval also holds what another seed would
            have changed; with three runs that part of it is rough.
    """
    codes, counts = _codes(patients)
    if len(counts) < 2:
        return None
    weights = _draw(len(counts), draws, seed)
    means = (weights @ _by_patient(values, codes, len(counts))) / (weights @ counts)[:, None]
    runs = values.shape[1]
    drawn = _draw(runs, draws, seed + 1) / runs if over_runs else np.full((draws, runs), 1 / runs)
    return _interval((means * drawn).sum(axis=1))


def median_interval(
    values: Floats, patients: Sequence[Any], draws: int = DRAWS, seed: int = 0
) -> Interval | None:
    """The interval of a median over queries, e.g. of the rank of the first true match.

    Args:
        values: (Q,) one value a query; the other arguments are those of :func:`mean_interval`.
    """
    codes, counts = _codes(patients)
    if len(counts) < 2:
        return None
    levels, places = np.unique(values, return_inverse=True)
    table = np.zeros((len(counts), len(levels)))
    np.add.at(table, (codes, places), 1)
    reached = np.cumsum(_draw(len(counts), draws, seed) @ table, axis=1)
    total = reached[:, -1]
    # The middle value, or the mean of the two middle ones.
    middles = [(reached < place[:, None]).sum(axis=1) for place in (np.ceil(total / 2), total // 2 + 1)]
    return _interval((levels[middles[0]] + levels[middles[1]]) / 2)


def auroc_interval(
    positive: Floats,
    positive_patients: Sequence[Any],
    negative: Floats,
    negative_patients: Sequence[Any],
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval | None:
    """The interval of an AUROC. A draw without positives or without negatives doesn't count.

    Args:
        positive: (P,) scores, of ``positive_patients``.
        negative: (N,) scores, of ``negative_patients``.
        draws: as in :func:`mean_interval`; so is ``seed``.

    Returns:
        (low, high), or None with fewer than two patients on either side.
    """
    sides = _two_sides(positive_patients, negative_patients)
    if sides is None:
        return None
    ours, theirs, patients = sides
    wins = (positive[:, None] > negative[None]) + 0.5 * (positive[:, None] == negative[None])
    of_patient = np.eye(patients)
    by_patient = of_patient[ours].T @ wins @ of_patient[theirs]
    weights = _draw(patients, draws, seed)
    won = np.einsum("bi,ij,bj->b", weights, by_patient, weights, optimize=True)
    pairs = (weights @ of_patient[ours].sum(axis=0)) * (weights @ of_patient[theirs].sum(axis=0))
    return _interval(won[pairs > 0] / pairs[pairs > 0])


def fnir_interval(
    mate: Floats,
    mate_patients: Sequence[Any],
    unmated: Floats,
    unmated_patients: Sequence[Any],
    fpir: float = 0.05,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval | None:
    """The interval of :func:`core.evaluation.calibration.fnir_at_fpir`; each draw sets its own threshold.

    Args:
        mate: (P,) best cosine of the true lesion of each query that has one, of ``mate_patients``.
        unmated: (N,) best cosine of each query without a match, of ``unmated_patients``.
        fpir: in 0…1.
        draws: as in :func:`mean_interval`; so is ``seed``.

    Returns:
        (low, high), or None with fewer than two patients on either side.
    """
    sides = _two_sides(mate_patients, unmated_patients)
    if sides is None:
        return None
    ours, theirs, patients = sides
    weights = _draw(patients, draws, seed)
    falling, rising = np.argsort(-unmated, kind="stable"), np.argsort(mate, kind="stable")
    passed = np.cumsum(weights[:, theirs[falling]], axis=1)
    reached = np.cumsum(weights[:, ours[rising]], axis=1)
    counts = (passed[:, -1] > 0) & (reached[:, -1] > 0)
    passed, reached = passed[counts], reached[counts]
    allowed = np.floor(fpir * passed[:, -1:] + 1e-9)
    # The first score that no longer passes is the threshold; with FPIR 1 all pass and nothing is missed.
    at = (passed <= allowed).sum(axis=1)
    threshold = np.append(unmated[falling], -np.inf)[at]
    below = np.searchsorted(mate[rising], threshold, side="right")
    missed = np.concatenate([np.zeros((len(reached), 1)), reached], axis=1)[np.arange(len(reached)), below]
    return _interval(missed / reached[:, -1])


def gap_interval(
    gaps: Floats, sizes: Floats, patients: Sequence[Any], draws: int = DRAWS, seed: int = 0
) -> Interval | None:
    """The interval of an expected calibration error.

    Args:
        gaps: (Q, bins) sum of (shown probability − truth) of each query in each bin.
        sizes: (Q,) how many probabilities each query showed.
        patients: as in :func:`mean_interval`; so are ``draws``, ``seed`` and None.
    """
    codes, counts = _codes(patients)
    if len(counts) < 2:
        return None
    weights = _draw(len(counts), draws, seed)
    drawn = np.abs(weights @ _by_patient(gaps, codes, len(counts))).sum(axis=1)
    shown = (weights @ _by_patient(sizes[:, None], codes, len(counts)))[:, 0]
    return _interval(drawn[shown > 0] / shown[shown > 0])


def _codes(patients: Sequence[Any]) -> tuple[npt.NDArray[np.intp], Doubles]:
    """Patients as 0…P-1, and how many queries each has."""
    numbers: dict[Any, int] = {}
    codes = np.array([numbers.setdefault(patient, len(numbers)) for patient in patients], dtype=np.intp)
    return codes, np.bincount(codes, minlength=len(numbers)).astype(np.float64)


def _two_sides(
    ours: Sequence[Any], theirs: Sequence[Any]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], int] | None:
    """Codes of both sides and how many patients there are; None with fewer than two on either side."""
    codes, counts = _codes([*ours, *theirs])
    left, right = codes[: len(ours)], codes[len(ours) :]
    if len(set(left.tolist())) < 2 or len(set(right.tolist())) < 2:
        return None
    return left, right, len(counts)


def _by_patient(values: Floats, codes: npt.NDArray[np.intp], patients: int) -> Doubles:
    """(Q, K) values summed over each patient's queries, (patients, K)."""
    sums = np.zeros((patients, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def _draw(patients: int, draws: int, seed: int) -> Doubles:
    """(draws, patients): how often each patient was drawn."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(patients, np.full(patients, 1 / patients), size=draws).astype(np.float64)


def _interval(values: Floats) -> Interval:
    low, high = _ends(np.asarray(values, dtype=np.float64))
    return float(low), float(high)


def _ends(values: Doubles) -> Doubles:
    """The quantiles over the draws, (2, …)."""
    tail = (1 - _LEVEL) / 2
    return np.asarray(np.quantile(values, [tail, 1 - tail], axis=0))
