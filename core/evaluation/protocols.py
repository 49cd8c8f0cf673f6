"""The three galleries that a query is ranked against.

A (headline) the same patient's earlier exams, B the whole catalogue, C the catalogue without the patient.
What the data's rule ignores (own exam, own camera, junk) stands in none of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from core.evaluation.asking import Answers
from core.evaluation.bootstrap import Interval, mean_band, mean_interval, median_interval
from core.evaluation.calibration import NoMatch
from core.evaluation.comparison import Comparison
from core.evaluation.metrics import (
    CmcPoint,
    RetrievalFigures,
    average_precision,
    average_precision_trapezoid,
    cmc_curve,
    cmc_steps,
    figures_of,
    known_places,
    ranks_in,
)
from core.evaluation.open_set import NoMatchQuality, judge_no_match
from core.evaluation.reliability import ReliabilityBin
from core.evaluation.scores import Ints


class WithinPatient(msgspec.Struct, frozen=True):
    """Gallery A: each query clip among the clips of its own patient's earlier exams.

    ``rank1`` and ``chance`` (the Rank-1 of guessing, 1/k among k earlier lesions with one clip each) count
    the queries whose lesion is there; ``no_match_auroc`` and ``fnir_at_fpir5`` set them against those whose
    lesion is new; ``no_match_recognised`` and ``no_match_missed`` are the shares of new and of known lesions
    that the model's own threshold answers with "no good match"; ``ece`` and ``reliability`` judge the shown
    probabilities. None has its reason under the same name in ``reasons``. Patients without an earlier clip
    aren't asked.
    """

    rank1: float | None
    chance: float | None
    no_match_auroc: float | None
    fnir_at_fpir5: float | None
    no_match_recognised: float | None
    no_match_missed: float | None
    ece: float | None
    queries: int
    queries_without_match: int
    queries_without_earlier_clip: int
    intervals: dict[str, Interval]
    reasons: dict[str, str]
    reliability: list[ReliabilityBin] | None = None


class OtherPatients(msgspec.Struct, frozen=True):
    """Gallery C: how often somebody else's clip is more like the query than all of its own patient's."""

    wrong_patient: float | None
    queries: int
    interval: Interval | None = None
    reason: str | None = None


def catalogue(compared: Comparison, ranks: Sequence[Ints] | None = None) -> RetrievalFigures:
    """Gallery B: every query of known identity against the whole gallery but what the data's rule ignores,
    with intervals over patients (over identities where there are no patients).

    Args:
        compared: frames or clips.
        ranks: its :func:`catalogue_ranks`, where they are there already.
    """
    found = catalogue_ranks(compared) if ranks is None else ranks
    asked = known_places(compared.query.identities)
    return figures_with_intervals([found[at] for at in asked], [compared.query.patients[at] for at in asked])


def catalogue_ranks(compared: Comparison) -> list[Ints]:
    """Gallery B: for each query the ranks of its true matches, ascending; empty without any."""
    ours, theirs = compared.query.identities, compared.gallery.identities
    return ranks_in(compared.blocks(), ours, theirs, compared.left_out)


def figures_with_intervals(ranks: Sequence[Ints], patients: Sequence[str]) -> RetrievalFigures:
    """The figures of these queries, with intervals over their patients.

    Args:
        ranks: as :func:`catalogue_ranks` gives them.
        patients: whose query each is.
    """
    found = [at for at, own in enumerate(ranks) if len(own)]
    owners = [patients[at] for at in found]
    first = np.array([ranks[at][0] for at in found], dtype=np.int64)
    values = {
        "mAP": np.array([average_precision(ranks[at]) for at in found]),
        "mAP_trapezoid": np.array([average_precision_trapezoid(ranks[at]) for at in found]),
        **{f"rank{k}": (first <= k).astype(np.float64) for k in (1, 5, 10)},
    }
    intervals = {name: mean_interval(value, owners) for name, value in values.items()}
    intervals["median_rank"] = median_interval(first.astype(np.float64), owners)
    return msgspec.structs.replace(
        figures_of(ranks),
        intervals={name: interval for name, interval in intervals.items() if interval is not None},
        cmc=_curve(first, owners),
    )


def _curve(first: Ints, patients: Sequence[str]) -> list[CmcPoint]:
    """The CMC curve with its intervals."""
    plain = cmc_curve(first)
    band = mean_band((first[:, None] <= cmc_steps(first)).astype(np.float64), patients) if plain else None
    if band is None:
        return plain
    return [
        CmcPoint(point.rank, point.share, float(low), float(high))
        for point, low, high in zip(plain, *band, strict=True)
    ]


def within_patient(answers: Answers, rule: NoMatch | None = None) -> WithinPatient:
    """Gallery A. ``rule`` is the model's "no good match", whose calibration error is measured."""
    if not answers.patients:
        return _NO_PATIENT_GALLERY
    asked, known = answers.asked(), answers.known
    quality = judge_no_match(rule, asked)
    first = np.array([answer.first_is_right for answer in known], dtype=np.float64)
    rank1 = mean_interval(first, [answer.patient for answer in known])
    return WithinPatient(
        rank1=float(first.mean()) if len(first) else None,
        chance=float(np.mean([answer.chance for answer in known])) if known else None,
        no_match_auroc=quality.auroc,
        fnir_at_fpir5=quality.fnir_at_fpir5,
        no_match_recognised=quality.recognised,
        no_match_missed=quality.missed,
        ece=quality.ece,
        queries=len(known),
        queries_without_match=len(answers.heard) - len(known),
        queries_without_earlier_clip=answers.without_earlier_clip,
        intervals=({} if rank1 is None else {"rank1": rank1}) | quality.intervals,
        reasons=_reasons(asked.has_match, quality, rule),
        reliability=quality.bins,
    )


def other_patients(answers: Answers) -> OtherPatients:
    """Gallery C, over the query clips whose lesion is in an earlier exam."""
    if not answers.patients:
        return OtherPatients(None, 0, reason=NO_PATIENTS)
    asked = [
        (answer.stranger > answer.best, answer.patient)
        for answer in answers.known
        if answer.stranger is not None
    ]
    if not asked:
        reason = "No query has an earlier clip of its lesion and clips of other patients beside it."
        return OtherPatients(None, 0, reason=reason)
    # A stranger's clip that is exactly as like as the patient's own raises no alarm.
    alarms = np.array([alarm for alarm, _ in asked], dtype=np.float64)
    interval = mean_interval(alarms, [patient for _, patient in asked])
    return OtherPatients(float(alarms.mean()), len(asked), interval)


NO_PATIENTS = (
    "These data know persons, not patients with several lesions: there is no gallery of one patient."
)
_FIGURES = (
    "rank1", "chance", "no_match_auroc", "fnir_at_fpir5", "no_match_recognised", "no_match_missed", "ece",
)  # fmt: skip
_NO_PATIENT_GALLERY = WithinPatient(
    **dict.fromkeys(_FIGURES),
    queries=0,
    queries_without_match=0,
    queries_without_earlier_clip=0,
    intervals={},
    reasons=dict.fromkeys(_FIGURES, NO_PATIENTS),
)


def _reasons(
    has_match: npt.NDArray[np.bool_], quality: NoMatchQuality, rule: NoMatch | None
) -> dict[str, str]:
    reasons: dict[str, str] = {}
    if not has_match.any():
        nobody = "No query's lesion is in an earlier exam of its patient."
        reasons |= dict.fromkeys(("rank1", "chance", "no_match_auroc", "fnir_at_fpir5"), nobody)
    elif has_match.all():
        everybody = "Every query's lesion is in an earlier exam of its patient: nothing to tell apart."
        reasons |= dict.fromkeys(("no_match_auroc", "fnir_at_fpir5"), everybody)
    if quality.ece is None and len(has_match):
        reasons["ece"] = "The model shows no probability: calibrated on fewer than 50 pairs, or never."
    elif quality.ece is None:
        reasons["ece"] = "No query's patient has an earlier exam."
    for name, value, kind in (
        ("no_match_recognised", quality.recognised, "new"),
        ("no_match_missed", quality.missed, "known"),
    ):
        if value is None:
            reasons[name] = "The model has no threshold." if rule is None else f"No query's lesion is {kind}."
    return reasons
