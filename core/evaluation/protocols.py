"""The three galleries that a query is ranked against.

A (headline) the same patient's earlier exams, B the whole catalogue, C the catalogue without the patient.
What the data's rule ignores (own exam, own camera, junk) stands in none of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from core.data.rules import LESIONS, RankingRule
from core.evaluation.bootstrap import auroc_interval, mean_interval
from core.evaluation.calibration import Choice, NoMatch, NoMatchQuality, choice_of, judge_no_match
from core.evaluation.ignored import ignored_pairs
from core.evaluation.items import Items
from core.evaluation.metrics import (
    RetrievalFigures,
    all_hit_ranks,
    average_precision,
    average_precision_trapezoid,
    figures_of,
)
from core.evaluation.scores import Floats, Ints, score_blocks


class WithinPatient(msgspec.Struct, frozen=True):
    """Gallery A: each query clip among the clips of its own patient's earlier exams.

    ``rank1`` and ``chance`` (the Rank-1 of guessing, 1/k among k earlier lesions with one clip each) count
    the queries whose lesion is there; ``no_match_auroc`` and ``fnir_at_fpir5`` set them against those whose
    lesion is new; ``no_match_recognised`` and ``no_match_missed`` are the shares of new and of known lesions
    that the model's own threshold answers with "no good match". None has its reason under the same name in
    ``reasons``. Patients without an earlier clip aren't asked.
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
    intervals: dict[str, tuple[float, float]]
    reasons: dict[str, str]


class OtherPatients(msgspec.Struct, frozen=True):
    """Gallery C: how often somebody else's clip is more like the query than all of its own patient's."""

    wrong_patient: float | None
    queries: int
    interval: tuple[float, float] | None = None
    reason: str | None = None


def catalogue(query: Items, gallery: Items, ranking: RankingRule = LESIONS) -> RetrievalFigures:
    """Gallery B: every query against the whole gallery but what ``ranking`` ignores, with intervals over
    patients (over identities where there are no patients)."""
    ignored = ignored_pairs(query, gallery, ranking)
    ranks = all_hit_ranks(query.vectors, gallery.vectors, query.identities, gallery.identities, ignored)
    figures = figures_of(ranks)
    found = [at for at, own in enumerate(ranks) if len(own)]
    patients = [query.patients[at] for at in found]
    intervals: dict[str, tuple[float, float]] = {}
    for name, values in _per_query([ranks[at] for at in found]).items():
        interval = mean_interval(values, patients)
        if interval is not None:
            intervals[name] = interval
    return msgspec.structs.replace(figures, intervals=intervals)


def within_patient(
    query: Items, gallery: Items, rule: NoMatch | None = None, ranking: RankingRule = LESIONS
) -> WithinPatient:
    """Gallery A. ``rule`` is the model's "no good match", whose calibration error is measured."""
    if not ranking.patients:
        return _NO_PATIENT_GALLERY
    asked, heard = _ask_all(query, gallery, ranking)
    has_match = np.array([answer.mate is not None for answer in heard], dtype=bool)
    best = np.array([answer.best for answer in heard], dtype=np.float64)
    mate = np.array([-np.inf if a.mate is None else a.mate for a in heard], dtype=np.float64)
    patients = [answer.patient for answer in heard]
    with_match = [answer for answer in heard if answer.mate is not None]
    first = np.array([answer.first_is_right for answer in with_match], dtype=np.float64)
    quality = judge_no_match(rule, best, mate, has_match, [answer.choice for answer in heard])
    intervals = {
        "rank1": mean_interval(first, [answer.patient for answer in with_match]),
        "no_match_auroc": auroc_interval(
            best[has_match],
            [who for who, has in zip(patients, has_match, strict=True) if has],
            best[~has_match],
            [who for who, has in zip(patients, has_match, strict=True) if not has],
        ),
    }
    return WithinPatient(
        rank1=float(first.mean()) if len(first) else None,
        chance=float(np.mean([answer.chance for answer in with_match])) if with_match else None,
        no_match_auroc=quality.auroc,
        fnir_at_fpir5=quality.fnir_at_fpir5,
        no_match_recognised=quality.recognised,
        no_match_missed=quality.missed,
        ece=quality.ece,
        queries=len(with_match),
        queries_without_match=len(heard) - len(with_match),
        queries_without_earlier_clip=asked - len(heard),
        intervals={name: interval for name, interval in intervals.items() if interval is not None},
        reasons=_reasons(has_match, quality, rule),
    )


def other_patients(query: Items, gallery: Items, ranking: RankingRule = LESIONS) -> OtherPatients:
    """Gallery C, over the query clips whose lesion is in an earlier exam."""
    if not ranking.patients:
        return OtherPatients(None, 0, reason=NO_PATIENTS)
    asked = [
        (answer.stranger > answer.best, answer.patient)
        for answer in _ask_all(query, gallery, ranking)[1]
        if answer.mate is not None and answer.stranger is not None
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

_NO_PATIENT_GALLERY = WithinPatient(
    rank1=None,
    chance=None,
    no_match_auroc=None,
    fnir_at_fpir5=None,
    no_match_recognised=None,
    no_match_missed=None,
    ece=None,
    queries=0,
    queries_without_match=0,
    queries_without_earlier_clip=0,
    intervals={},
    reasons=dict.fromkeys(
        (
            "rank1",
            "chance",
            "no_match_auroc",
            "fnir_at_fpir5",
            "no_match_recognised",
            "no_match_missed",
            "ece",
        ),
        NO_PATIENTS,
    ),
)


class _Answer(msgspec.Struct, frozen=True):
    """One query: the best cosine of its patient's earlier clips, of its lesion's and of other patients'; and
    which of the earlier lesions it can be (``choice``)."""

    patient: str
    choice: Choice
    best: float
    mate: float | None
    stranger: float | None
    first_is_right: bool
    chance: float


def _ask_all(query: Items, gallery: Items, ranking: RankingRule) -> tuple[int, list[_Answer]]:
    """How many queries have a known identity, and the answers of those whose patient has an earlier clip."""
    owned: dict[str, list[int]] = {}
    for place, owner in enumerate(gallery.patients):
        owned.setdefault(owner, []).append(place)
    known = query.take([at for at, identity in enumerate(query.identities) if identity is not None])
    ignored = ignored_pairs(known, gallery, ranking)
    answers = [
        _ask(known, at, gallery, owned.get(known.patients[at], []), ignored[at], scores, ranking.any_order)
        for start, block in score_blocks(known.vectors, gallery.vectors)
        for at, scores in enumerate(block, start)
    ]
    return len(known.clips), [answer for answer in answers if answer is not None]


def _ask(
    query: Items, at: int, gallery: Items, own: list[int], ignored: Ints, scores: Floats, any_order: bool
) -> _Answer | None:
    scores[ignored] = -np.inf
    earlier = [
        place
        for place in own
        if (any_order or gallery.exams[place] < query.exams[at]) and np.isfinite(scores[place])
    ]
    if not earlier:
        return None
    near = scores[earlier]
    right = np.array([gallery.identities[place] == query.identities[at] for place in earlier])
    scores[own] = -np.inf
    return _Answer(
        patient=query.patients[at],
        choice=choice_of(near, [gallery.identities[place] for place in earlier], query.identities[at]),
        best=float(near.max()),
        mate=float(near[right].max()) if right.any() else None,
        stranger=float(stranger) if np.isfinite(stranger := scores.max()) else None,
        first_is_right=bool(right[int(np.argmax(near))]),
        chance=float(right.mean()),
    )


def _per_query(ranks: Sequence[Ints]) -> dict[str, npt.NDArray[np.float64]]:
    """The values whose means are the figures, by the figure's name."""
    first = np.array([own[0] for own in ranks], dtype=np.int64)
    return {
        "mAP": np.array([average_precision(own) for own in ranks]),
        "mAP_trapezoid": np.array([average_precision_trapezoid(own) for own in ranks]),
        **{f"rank{k}": (first <= k).astype(np.float64) for k in (1, 5, 10)},
    }


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
