"""95 % intervals by bootstrap over patients: patients drawn with replacement, each with all of its queries.

Queries of one patient are alike, so drawing queries would make the intervals too narrow. The gallery stays
whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
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
    codes, counts = _codes(patients)
    if len(counts) < 2:
        return None
    sums = np.bincount(codes, weights=values, minlength=len(counts))
    weights = _draw(len(counts), draws, seed)
    return _interval((weights @ sums) / (weights @ counts))


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
    codes, counts = _codes([*positive_patients, *negative_patients])
    ours, theirs = codes[: len(positive)], codes[len(positive) :]
    if len(set(ours.tolist())) < 2 or len(set(theirs.tolist())) < 2:
        return None
    wins = (positive[:, None] > negative[None]) + 0.5 * (positive[:, None] == negative[None])
    of_patient = np.eye(len(counts))
    by_patient = of_patient[ours].T @ wins @ of_patient[theirs]
    weights = _draw(len(counts), draws, seed)
    won = np.einsum("bi,ij,bj->b", weights, by_patient, weights, optimize=True)
    pairs = (weights @ of_patient[ours].sum(axis=0)) * (weights @ of_patient[theirs].sum(axis=0))
    return _interval(won[pairs > 0] / pairs[pairs > 0])


def _codes(patients: Sequence[Any]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Patients as 0…P-1, and how many queries each has."""
    numbers: dict[Any, int] = {}
    codes = np.array([numbers.setdefault(patient, len(numbers)) for patient in patients], dtype=np.intp)
    return codes, np.bincount(codes, minlength=len(numbers)).astype(np.float64)


def _draw(patients: int, draws: int, seed: int) -> npt.NDArray[np.float64]:
    """(draws, patients): how often each patient was drawn."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(patients, np.full(patients, 1 / patients), size=draws).astype(np.float64)


def _interval(values: Floats) -> Interval:
    tail = (1 - _LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
