"""Which report fits a clip, and which clip fits a report: by kind, the same patient's first. Reads only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.catalog import identity, queries
from core.catalog.engine import Catalog
from core.catalog.values import Ints, LegacyFinding, LegacyReport, LegacyState
from core.domain import RESEARCH_BANNER, Verdict
from core.errors import PolypTraceError
from core.matching.context import ClipContext, contexts
from core.search.coded import Codes
from core.search.codes import codes_of, codes_of_read
from core.search.features import Floats, Words
from core.search.indexing import words_of
from core.search.prepared import PreparedClips
from core.search.query import NO_IDENTITY
from core.search.vectors import WordSpace
from core.text.note import model_note
from core.text.place import place_of


class ReportedFinding(msgspec.Struct, frozen=True):
    """A finding of a legacy report as it is compared: as read, or as it was accepted.

    Attributes:
        values: of its description.
        words: what it says: its codes, and where its sentence names it alone the sentence's too.
    """

    report: LegacyReport
    read: LegacyFinding
    values: dict[str, Any]
    words: Words


class Fit(msgspec.Struct, frozen=True):
    """A report's finding and a clip side by side.

    Attributes:
        legacy: id of the report's finding.
        finding: of the catalogue, once it is accepted.
        clip: whose finding is compared.
        same_patient: as far as codes tell.
        same_exam: the report is of the clip's own exam, and may name the very finding that the clip shows.
        score: cosine in the common space, −1…1. It says how alike in kind.
        agree, differ: fields that both name, with the same value or another.
        verdict: that stands between the two, if any.
    """

    legacy: int
    report: int
    finding: int | None
    state: LegacyState
    patient: str
    date: dt.date
    words: str
    place: str
    clip: int
    clip_patient: str
    clip_exam: int
    clip_date: dt.date
    clip_place: str
    same_patient: bool
    same_exam: bool
    score: float
    agree: tuple[str, ...]
    differ: tuple[str, ...]
    verdict: str | None


class Fits(msgspec.Struct, frozen=True):
    """Best first, the same patient's before all others.

    Attributes:
        searched: how many were compared.
        unprepared: clips that weren't, because they aren't prepared for search yet.
    """

    fits: tuple[Fit, ...]
    searched: int
    unprepared: int
    model: str
    note: str = NO_IDENTITY
    notice: str = RESEARCH_BANNER

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``legacy reports`` and ``legacy clips``."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def reported(catalog: Catalog, reports: Sequence[LegacyReport]) -> list[ReportedFinding]:
    """The findings of reports that weren't dismissed, with what is known of them now."""
    return _as_known(
        catalog,
        [(one, read) for one in reports for read in one.findings if read.state is not LegacyState.DISMISSED],
    )


def _as_known(catalog: Catalog, there: Sequence[tuple[LegacyReport, LegacyFinding]]) -> list[ReportedFinding]:
    """Findings with their descriptions where they are accepted, else as they were read."""
    made = {
        read.finding for _, read in there if read.finding is not None and read.state is LegacyState.ACCEPTED
    }
    described = queries.descriptions(catalog, made) if made else {}
    found = []
    for report, read in there:
        known = described.get(read.finding) if read.finding in made else None
        values = known.values if known else read.values
        found.append(ReportedFinding(report, read, values, _words(report, read, values)))
    return found


def _words(report: LegacyReport, read: LegacyFinding, values: dict[str, Any]) -> Words:
    own = codes_of(values) if read.state is LegacyState.ACCEPTED else codes_of_read(read.fields)
    alone = sum(one.words == read.words for one in report.findings) == 1
    if not alone or not read.words:
        return Words(own, model_note(read.words))
    whole = Words.of_text(read.words)
    looked_at = read.state is LegacyState.ACCEPTED  # what was taken out of it then stays out
    return Words(own if looked_at else {**whole.codes, **own}, whole.free)


def reports_for_clip(
    catalog: Catalog, space: WordSpace, clip_id: int, top: int = 20, prepared: PreparedClips | None = None
) -> Fits:
    """The reports' findings that are most alike in kind to a clip; first what waits of its own exam's.

    What was accepted of its own exam's reports is left out.

    ``prepared`` keeps the clips' vectors for the next comparison.

    Raises:
        PolypTraceError: ``clip-unknown``; ``search-like-unprepared``; ``report-none`` without any report.
    """
    (own,) = contexts(catalog, [queries.clip(catalog, clip_id)])
    clips = (prepared or PreparedClips()).of(catalog, space)
    place = np.flatnonzero(clips.clips == clip_id)
    if not len(place):
        raise PolypTraceError(
            "search-like-unprepared",
            f"Clip {clip_id} isn't prepared: neither its pictures nor a description could be read.",
            "Describe it, or bring its video back.",
        )
    there = [
        one
        for one in reported(catalog, _reports(catalog))
        if not _same_exam(one, own) or one.read.state is LegacyState.PROPOSED
    ]
    asked = space.reports_of([one.words for one in there])
    scores = asked @ clips.mixed[place[0]]
    told = _Told.read(catalog, own.clip.finding_id)
    return _fits(told, space, [(one, own) for one in there], scores, top)


def clips_for_report(
    catalog: Catalog, space: WordSpace, legacy_id: int, top: int = 20, prepared: PreparedClips | None = None
) -> Fits:
    """The clips that are most alike in kind to a report's finding; first those of its own exam.

    Those are left out once it is accepted.

    ``prepared`` as for :func:`reports_for_clip`.

    Raises:
        PolypTraceError: ``report-finding-unknown``.
    """
    report, read = queries.legacy_finding(catalog, legacy_id)
    if read.state is LegacyState.DISMISSED:
        read = msgspec.structs.replace(read, state=LegacyState.PROPOSED)
    (asked,) = _as_known(catalog, [(report, read)])
    vectors = (prepared or PreparedClips()).of(catalog, space)
    present = queries.narrowed_clips(catalog)
    own, same_exam = _clips_of_patient(catalog, report)
    there = np.isin(vectors.clips, present)
    accepted = read.state is LegacyState.ACCEPTED
    rows = np.flatnonzero(there & ~(np.isin(vectors.clips, same_exam) & accepted))
    scores = vectors.mixed[rows] @ space.reports_of([asked.words])[0]
    told = _Told.read(catalog, read.finding if accepted else None)
    at = _may_be_shown(np.isin(vectors.clips[rows], own), scores, top + len(told.pairs))
    clips = queries.clips(catalog, ids=vectors.clips[rows[at]].tolist())
    at = at[np.isin(vectors.clips[rows[at]], [clip.id for clip in clips])]  # removed in this very moment
    fits = _fits(told, space, [(asked, one) for one in contexts(catalog, clips)], scores[at], top)
    return msgspec.structs.replace(fits, searched=len(rows), unprepared=len(present) - int(there.sum()))


def _clips_of_patient(catalog: Catalog, report: LegacyReport) -> tuple[Ints, Ints]:
    """Ids of the clips of a report's patient, and of those from the day of the report."""
    patient = queries.patient_by_code(catalog, report.patient)
    if patient is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    day = report.date
    that_day = queries.narrowed_clips(catalog, patient_id=patient.id, since=day, until=day)
    return queries.narrowed_clips(catalog, patient_id=patient.id), that_day


def _may_be_shown(own: NDArray[np.bool_], scores: Floats, most: int) -> Ints:
    """Rows that an answer can hold: the patient's own, and so many of the others, the best; rising."""
    others = np.flatnonzero(~own)
    best = others[np.argsort(-scores[others], kind="stable")[:most]]
    return np.sort(np.concatenate([np.flatnonzero(own), best]))


def _reports(catalog: Catalog) -> list[LegacyReport]:
    found = queries.legacy_reports(catalog)
    if not found:
        raise PolypTraceError(
            "report-none",
            "There are no reports of exams without video.",
            "Import some: `polyptrace legacy import FILE`, or Reports → Import in the window.",
        )
    return found


def _same_patient(one: ReportedFinding, clip: ClipContext) -> bool:
    return one.report.patient.casefold() == clip.patient.code.casefold()


def _same_exam(one: ReportedFinding, clip: ClipContext) -> bool:
    return _same_patient(one, clip) and one.report.date == clip.exam.date


def _fits(
    told: _Told,
    space: WordSpace,
    pairs: Sequence[tuple[ReportedFinding, ClipContext]],
    scores: Floats,
    top: int,
) -> Fits:
    own = np.array([_same_patient(one, clip) for one, clip in pairs], dtype=bool)
    here = np.array([_same_exam(one, clip) for one, clip in pairs], dtype=bool)
    verdicts = [told.of(one, clip) for one, clip in pairs]
    last = np.array([verdict == Verdict.REJECT for verdict in verdicts], dtype=bool)
    best: list[int] = np.lexsort((-np.asarray(scores), last, ~here, ~own))[:top].tolist()
    fits = tuple(_fit(*pairs[at], score=float(scores[at]), verdict=verdicts[at]) for at in best)
    return Fits(fits, len(pairs), 0, space.model_id)


class _Told(msgspec.Struct, frozen=True):
    """What verdicts have said of pairs of findings, and which lesion each belongs to."""

    pairs: dict[frozenset[int], str]
    lesions: dict[int, int]

    @classmethod
    def read(cls, catalog: Catalog, finding: int | None) -> _Told:
        """What was said of a finding's patient: verdicts and lesions never leave one."""
        if finding is None:
            return cls({}, {})
        patient = queries.exam(catalog, queries.finding(catalog, finding).exam_id).patient_id
        standing = identity.standing(queries.link_events(catalog, patient_id=patient))
        pairs = {frozenset(pair): event.verdict.value for pair, event in standing.pairs.items()}
        lesions = queries.lesion_of_findings(catalog, patient)
        return cls(pairs, {one: lesion.id for one, lesion in lesions.items()})

    def of(self, one: ReportedFinding, clip: ClipContext) -> str | None:
        """The verdict on an accepted finding and a clip's; those of one lesion over others are the same."""
        if one.read.finding is None or one.read.state is not LegacyState.ACCEPTED:
            return None
        ends = (one.read.finding, clip.clip.finding_id)
        if frozenset(ends) in self.pairs:
            return self.pairs[frozenset(ends)]
        lesions = {self.lesions.get(finding, -finding) for finding in ends}
        return Verdict.SAME.value if len(lesions) == 1 else None


def _fit(
    one: ReportedFinding,
    clip: ClipContext,
    *,
    score: float,
    verdict: str | None,
) -> Fit:
    agree, differ = _compared(one.words.codes, words_of(clip.description))
    accepted = one.read.state is LegacyState.ACCEPTED
    return Fit(
        legacy=one.read.id,
        report=one.report.id,
        finding=one.read.finding if accepted else None,
        state=one.read.state,
        patient=one.report.patient,
        date=one.report.date,
        words=one.read.words,
        place=place_of(one.values),
        clip=clip.clip.id,
        clip_patient=clip.patient.code,
        clip_exam=clip.exam.id,
        clip_date=clip.exam.date,
        clip_place=clip.place,
        same_patient=_same_patient(one, clip),
        same_exam=_same_exam(one, clip),
        score=score,
        agree=agree,
        differ=differ,
        verdict=verdict,
    )


def _compared(said: Codes, words: Words | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    seen = words.codes if words is not None else {}
    both = [key for key in said if key in seen]
    same = [key for key in both if set(said[key]) & set(seen[key])]
    differ = tuple(key for key in both if key not in same)
    return tuple(key for key in same if key != "state"), differ  # most are just polyps
