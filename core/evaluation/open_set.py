"""Known lesion or new one: how well best scores tell the two apart, on data the threshold never saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from core.evaluation.bootstrap import Interval, auroc_interval, fnir_interval, mean_interval
from core.evaluation.calibration import Choice, NoMatch
from core.evaluation.metrics import auroc
from core.evaluation.reliability import ReliabilityBin, reliability

Floats = npt.NDArray[np.floating[Any]]
FPIR = 0.05


class Asked(msgspec.Struct, frozen=True):
    """Q queries, each in its own patient's gallery.

    Attributes:
        best: (Q,) score of each query's best candidate.
        mate: (Q,) score of the true lesion's best clip; ignored where ``has_match`` is False.
        has_match: (Q,) whether the query's lesion is in its gallery.
        choices: what the queries can be.
        patients: whose they are.
    """

    best: Floats
    mate: Floats
    has_match: npt.NDArray[np.bool_]
    choices: Sequence[Choice]
    patients: Sequence[str]

    def of(self, has_match: bool) -> tuple[Floats, list[str]]:
        """Best scores and patients of the queries of one kind."""
        places = np.flatnonzero(self.has_match == has_match).tolist()
        return self.best[places], [self.patients[at] for at in places]


class NoMatchQuality(msgspec.Struct, frozen=True):
    """What :func:`judge_no_match` finds.

    ``auroc`` and ``fnir_at_fpir5`` are None where either kind of query is missing. ``recognised`` is the
    share of queries without a match that the model's threshold answers with "no good match", ``missed`` that
    of those with one which get the same answer: None without a threshold. ``ece`` is None without a curve
    that shows probabilities; ``bins`` are those of the reliability diagram. ``intervals`` are 95 % ones by
    the figure's name in :class:`core.evaluation.protocols.WithinPatient`.
    """

    auroc: float | None
    fnir_at_fpir5: float | None
    ece: float | None
    recognised: float | None
    missed: float | None
    bins: list[ReliabilityBin] | None = None
    intervals: dict[str, Interval] = {}


def fnir_at_fpir(mate_scores: Floats, unmated_best: Floats, fpir: float = FPIR) -> float | None:
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


def judge_no_match(rule: NoMatch | None, asked: Asked) -> NoMatchQuality:
    """AUROC, FNIR at FPIR 5 %, the threshold's own errors and the calibration error, with intervals.

    Args:
        rule: the bundle's rule, for its own errors; None leaves those out.
        asked: the queries and their scores.
    """
    (known, owners), (new, others) = asked.of(True), asked.of(False)
    mate = asked.mate[asked.has_match]
    held = reliability(rule, asked.choices, asked.patients)
    said_new = (new < rule.threshold).astype(np.float64) if rule is not None else new[:0]
    said_known = (known < rule.threshold).astype(np.float64) if rule is not None else known[:0]
    intervals = {
        "no_match_auroc": auroc_interval(known, owners, new, others),
        "fnir_at_fpir5": fnir_interval(mate, owners, new, others, FPIR),
        "no_match_recognised": mean_interval(said_new, others[: len(said_new)]),
        "no_match_missed": mean_interval(said_known, owners[: len(said_known)]),
        "ece": None if held is None else held.interval,
    }
    return NoMatchQuality(
        auroc=auroc(known, new),
        fnir_at_fpir5=fnir_at_fpir(mate, new),
        ece=None if held is None else held.ece,
        recognised=_mean(said_new),
        missed=_mean(said_known),
        bins=None if held is None else held.bins,
        intervals={name: interval for name, interval in intervals.items() if interval is not None},
    )


def _mean(answers: Floats) -> float | None:
    return float(answers.mean()) if len(answers) else None
