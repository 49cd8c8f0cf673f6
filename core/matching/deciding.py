"""A verdict on a clip: what was seen before it, whether it can be meant, and what it makes of the lesion."""

from __future__ import annotations

from typing import Any

import msgspec

from core.catalog import operations, queries
from core.catalog.changes import CatalogChanges
from core.catalog.engine import Catalog
from core.catalog.values import LegacyFinding, LegacyReport, LegacyState
from core.domain import JOINING, Clip, Lesion, Verdict
from core.errors import PolypTraceError
from core.matching.values import MatchResult
from core.text.description import size_change_warning

RANKING_SHOWN = "ranking-shown"
"""The audit log's word for a ranking that was on the screen; a later verdict refers to it."""


class Decided(msgspec.Struct, frozen=True):
    """A verdict on record: the finding it is about and its lesion now; ``warning`` is for the user.

    ``other`` is the earlier clip that it names.
    """

    changes: CatalogChanges
    verdict: Verdict
    other: int | None
    finding: int
    lesion: Lesion | None
    warning: str | None


def note_shown(catalog: Catalog, result: MatchResult, *, author: str) -> None:
    """Puts on record that a ranking was shown, so that the verdict which follows can name it."""
    ranking = [[one.clip, one.score] for one in result.patient]
    detail = {"model": result.model.id, "ranking": ranking}
    operations.record_event(catalog, RANKING_SHOWN, _subject(result.query.clip), detail=detail, author=author)


def decide(
    catalog: Catalog,
    verdict: Verdict,
    clip_id: int,
    *,
    other: int | None = None,
    lesion_id: int | None = None,
    author: str,
    merge: bool = False,
    removed: bool = False,
) -> Decided:
    """Gives a verdict on a clip's finding, with the ranking that was last shown for it.

    Args:
        other: the earlier clip, or
        lesion_id: the earlier lesion.
        merge, removed: see :func:`core.catalog.operations.give_verdict`.

    Raises:
        PolypTraceError: ``link-order`` when a joining verdict names a later exam's clip, and what
            :func:`core.catalog.operations.give_verdict` refuses.
    """
    if verdict in JOINING:
        _refuse_backwards(catalog, clip_id, other, lesion_id)
    event = queries.last_audit_event(catalog, RANKING_SHOWN, _subject(clip_id))
    seen: dict[str, Any] = (event.after if event else None) or {}
    changes = operations.give_verdict(
        catalog,
        verdict,
        clip_id=clip_id,
        with_clip_id=other,
        with_lesion_id=lesion_id,
        author=author,
        model_id=seen.get("model"),
        ranking_shown=seen.get("ranking"),
        merge=merge,
        removed=removed,
    )
    finding = queries.clip(catalog, clip_id).finding_id
    lesion = queries.lesion_of_findings(catalog).get(finding)
    return Decided(changes, verdict, other, finding, lesion, _size_warning(catalog, finding, lesion))


def decide_report(
    catalog: Catalog,
    verdict: Verdict,
    clip_id: int,
    legacy_id: int,
    *,
    author: str,
    merge: bool = False,
    removed: bool = False,
) -> Decided:
    """Gives a verdict on a clip's finding and one of a report without video; the later one is asked about.

    Args:
        legacy_id: id of the report's finding, which is accepted.
        merge, removed: see :func:`core.catalog.operations.give_verdict`.

    Raises:
        PolypTraceError: ``report-finding-unknown``, ``report-not-accepted``; ``report-own-exam`` where both
            are of one exam, so that there is nothing to recognise; and what
            :func:`core.catalog.operations.give_verdict` refuses.
    """
    report, read = queries.legacy_finding(catalog, legacy_id)
    clip = queries.clip(catalog, clip_id)
    _refuse_own_exam(catalog, clip, report, read)
    if read.finding is None or read.state is not LegacyState.ACCEPTED:
        raise PolypTraceError(
            "report-not-accepted",
            f"Finding {legacy_id} of the reports isn't accepted yet, so nothing can be linked to it.",
            f"Look at what was read and accept it: `polyptrace legacy accept {legacy_id}`.",
        )
    ends = (clip.finding_id, read.finding)
    later, earlier = ends if queries.exam(catalog, clip.exam_id).date >= report.date else ends[::-1]
    changes = operations.give_verdict(
        catalog,
        verdict,
        finding_id=later,
        with_finding_id=earlier,
        author=author,
        merge=merge,
        removed=removed,
    )
    lesion = queries.lesion_of_findings(catalog).get(later)
    return Decided(changes, verdict, None, later, lesion, _size_warning(catalog, later, lesion))


def _refuse_own_exam(catalog: Catalog, clip: Clip, report: LegacyReport, read: LegacyFinding) -> None:
    exam = queries.exam(catalog, clip.exam_id)
    code = queries.patient(catalog, exam.patient_id).code
    if (report.patient.casefold(), report.date) != (code.casefold(), exam.date):
        return
    as_clip = f"`polyptrace legacy accept {read.id} --as-clip {clip.id}`"
    first = f"`polyptrace legacy dismiss {read.id}`, then " if read.state is LegacyState.ACCEPTED else ""
    hint = f"If it is the finding that the clip shows: {first}{as_clip}."
    if (read.finding, read.state) == (clip.finding_id, LegacyState.ACCEPTED):
        hint = "It is the clip's finding already."
    raise PolypTraceError(
        "report-own-exam",
        f"Finding {read.id} of the reports is of the same exam as clip {clip.id}: verdicts join findings of "
        "two exams.",
        hint,
    )


def _subject(clip_id: int) -> str:
    return f"clip {clip_id}"


def _refuse_backwards(catalog: Catalog, clip: int, other: int | None, lesion: int | None) -> None:
    """The verdict stands on the later finding: it is the one that is recognised."""
    own = queries.exam(catalog, queries.clip(catalog, clip).exam_id).date
    named = [queries.clip(catalog, other).exam_id] if other is not None else []
    if lesion is not None:
        members = {found.id: found.finding_ids for found in queries.lesions(catalog)}.get(lesion, ())
        named = [queries.finding(catalog, finding).exam_id for finding in members]
    if named and own < max(queries.exam(catalog, exam).date for exam in named):
        what = f"Clip {other} is" if other is not None else f"A finding of lesion {lesion} is"
        raise PolypTraceError(
            "link-order",
            f"{what} of a later exam than clip {clip}: the later one recognises the earlier.",
            f"Turn it round: name the later clip first, and clip {clip} with --with.",
        )


def _size_warning(catalog: Catalog, finding: int, lesion: Lesion | None) -> str | None:
    others = [other for other in (lesion.finding_ids if lesion else ()) if other != finding]
    described = queries.descriptions(catalog, {finding, *others})
    if finding not in described:
        return None
    for other in others:
        if other in described:
            problem = size_change_warning(described[other].values, described[finding].values)
            if problem is not None:
                return problem.message
    return None
