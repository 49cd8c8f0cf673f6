"""How well shown probabilities hold: the calibration error, and the bins of a reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from core.evaluation.bootstrap import Interval, gap_interval, mean_interval
from core.evaluation.calibration import Choice, NoMatch

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.intp]
BINS = 10
"""Of equal width over 0…1."""


class ReliabilityBin(msgspec.Struct, frozen=True):
    """Probabilities between ``low`` and ``high``: their mean, and how often the lesion was the one.

    ``shown`` and ``observed`` in 0…1; ``interval`` is the 95 % interval of ``observed`` over patients, None
    with fewer than two.
    """

    low: float
    high: float
    shown: float
    observed: float
    count: int
    interval: Interval | None


class Reliability(msgspec.Struct, frozen=True):
    """The expected calibration error with its interval, and the bins that hold anything."""

    ece: float
    interval: Interval | None
    bins: list[ReliabilityBin]


def expected_calibration_error(
    probabilities: Sequence[float] | Floats, outcomes: Sequence[bool], bins: int = BINS
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
    gaps = np.bincount(_bin_of(shown, bins), weights=shown - true, minlength=bins)
    return float(np.abs(gaps).sum() / len(shown))


def reliability(
    rule: NoMatch | None, choices: Sequence[Choice], patients: Sequence[str]
) -> Reliability | None:
    """What a rule's probabilities are worth on queries that it never saw.

    Args:
        rule: the bundle's rule.
        choices: what each query can be; one probability is shown for each of a query's earlier lesions.
        patients: whose query each is.

    Returns:
        None where no probability is shown: no rule, one without enough pairs, or no queries.
    """
    shown = [rule.probabilities(choice.scores) for choice in choices] if rule is not None else []
    if not shown or any(one is None for one in shown):
        return None
    chances = np.array([chance for one in shown for chance in one or ()])
    true = np.array(
        [place == choice.right for choice in choices for place in range(len(choice.scores))], dtype=bool
    )
    query = np.repeat(np.arange(len(choices)), [len(choice.scores) for choice in choices])
    ece = expected_calibration_error(chances, true.tolist())
    if ece is None:
        return None
    gaps = np.zeros((len(choices), BINS))
    np.add.at(gaps, (query, _bin_of(chances, BINS)), chances - true)
    sizes = np.bincount(query, minlength=len(choices)).astype(np.float64)
    return Reliability(ece, gap_interval(gaps, sizes, patients), _bins(chances, true, query, patients))


def _bins(
    chances: Floats, true: npt.NDArray[np.bool_], query: Ints, patients: Sequence[str]
) -> list[ReliabilityBin]:
    made, place = [], _bin_of(chances, BINS)
    for number in np.unique(place).tolist():
        inside = place == number
        observed = true[inside].astype(np.float64)
        made.append(
            ReliabilityBin(
                low=number / BINS,
                high=(number + 1) / BINS,
                shown=float(chances[inside].mean()),
                observed=float(observed.mean()),
                count=int(inside.sum()),
                interval=mean_interval(observed, [patients[at] for at in query[inside]]),
            )
        )
    return made


def _bin_of(chances: Floats, bins: int) -> Ints:
    """A probability of 1 stands in the last bin."""
    return np.minimum((chances * bins).astype(np.intp), bins - 1)
