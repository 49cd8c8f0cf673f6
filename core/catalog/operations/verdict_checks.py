"""Which findings a verdict is about, and whether it can be true beside the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from core.catalog import identity, rows
from core.catalog.schema import ExamRow, FindingRow
from core.domain import JOINING, Verdict
from core.errors import PolypTraceError

_NEEDS = JOINING | {Verdict.REJECT}
_ALONE = frozenset({Verdict.NEW, Verdict.NOT_A_LESION})
_TAKE_BACK = (
    "Take the earlier verdict back first, with undo or `polyptrace unlink EVENT`, then decide again; "
    "`polyptrace patient show CODE` lists the events."
)


class Side(NamedTuple):
    """The counterpart as it was named: at most one of the three. A finding is one of a report."""

    clip_id: int | None
    finding_id: int | None
    lesion_id: int | None


def query_finding(connection: Connection, clip_id: int | None, finding_id: int | None) -> int:
    """The finding that was asked about."""
    if (clip_id is None) == (finding_id is None):
        raise ValueError("a verdict is about one clip or one finding")
    if clip_id is not None:
        return rows.clip(connection, clip_id).finding_id
    assert finding_id is not None
    return rows.finding(connection, finding_id).id


def patient_of(connection: Connection, finding_id: int) -> int:
    """The patient of a finding, be it removed."""
    query = select(ExamRow.patient_id).join(FindingRow, FindingRow.exam_id == ExamRow.id)
    return connection.execute(query.where(FindingRow.id == finding_id)).scalar_one()


def counterpart(
    connection: Connection, patient_id: int, finding_id: int, verdict: Verdict, side: Side
) -> list[int | None]:
    """The findings that the verdict names beside the one asked about; [None] for a verdict alone."""
    named = [one for one in side if one is not None]
    if len(named) > 1:
        raise PolypTraceError(
            "link-counterpart", "A verdict has one counterpart.", "Name a clip or a lesion, not both."
        )
    if (bool(named) and verdict in _ALONE) or (not named and verdict in _NEEDS):
        raise _counterpart(verdict)
    if not named:
        return [None]
    if side.lesion_id is not None:
        others = _of_lesion(connection, side.lesion_id, finding_id, newest=verdict is not Verdict.REJECT)
    elif side.clip_id is not None:
        others = [rows.clip(connection, side.clip_id).finding_id]
    else:
        assert side.finding_id is not None
        others = [rows.finding(connection, side.finding_id).id]
    if not others or finding_id in others:
        raise PolypTraceError(
            "link-itself",
            "A finding can't be compared with itself.",
            "Choose a clip of another finding, from an earlier exam.",
        )
    if any(patient_of(connection, other) != patient_id for other in others):
        raise _other_patient(side)
    return list(others)


def _other_patient(side: Side) -> PolypTraceError:
    ends, what = "The two clips", "clip"
    if side.finding_id is not None:
        ends, what = "The clip and the report", "report"
    elif side.lesion_id is not None:
        ends, what = "The clip and the lesion", "clip"
    return PolypTraceError(
        "link-other-patient",
        f"{ends} belong to different patients, whose lesions are never the same.",
        f"Check that the {what} was imported under the right patient.",
    )


def check_allowed(
    connection: Connection,
    patient_id: int,
    finding_id: int,
    others: Sequence[int | None],
    verdict: Verdict,
    merge: bool,
) -> None:
    """Refuses what the log's rule "the last one counts" would let through silently."""
    stands = identity.standing(rows.patient_events(connection, patient_id))
    for other in others:
        pair = stands.of(finding_id, other) if other is not None else None
        rejected = pair is not None and pair.verdict is Verdict.REJECT
        if rejected and verdict is not Verdict.REJECT:
            raise _contradiction("These two findings were rejected as a pair: they are not the same lesion.")
        if pair is not None and pair.verdict in JOINING and verdict is Verdict.REJECT:
            raise _contradiction(f"These two findings are linked already (“{pair.verdict}”).")
    if verdict in JOINING and not merge:
        _check_merge(connection, patient_id, stands, finding_id, others)


def check_removed(
    connection: Connection, patient_id: int, finding_id: int, others: Sequence[int | None], verdict: Verdict
) -> None:
    """Asks back before "same lesion" is said of one that was removed completely (clinical rules, section 1).

    Raises:
        PolypTraceError: ``link-removed``.
    """
    if verdict is not Verdict.SAME:
        return
    for other in _earlier_of_lesion(connection, patient_id, finding_id, others):
        last = rows.latest_revision(connection, other)
        if last is not None and last.values.get("complete") == "yes":
            raise PolypTraceError(
                "link-removed",
                "That lesion is recorded as completely removed: recurrence, wrong link or wrong record?",
                "Say “same site, recurrence”, link another, correct the record, or confirm with --removed.",
            )


def _places(connection: Connection, patient_id: int) -> dict[int, int]:
    """Each present finding's exam, counted in the order of time."""
    present = rows.findings(connection, FindingRow.exam_id.in_(rows.exams_of(patient_id)))
    order = [exam.id for exam in rows.exams(connection, ExamRow.patient_id == patient_id)]
    return {finding.id: order.index(finding.exam_id) for finding in present}


def _earlier_of_lesion(
    connection: Connection, patient_id: int, finding_id: int, others: Sequence[int | None]
) -> list[int]:
    """All findings of the lesions that are named, from exams before the one asked about."""
    place = _places(connection, patient_id)
    stands = identity.standing(rows.patient_events(connection, patient_id))
    groups = identity.groups(place, stands)
    named = {finding for members in groups if set(others) & set(members) for finding in members}
    return [finding for finding in sorted(named) if place[finding] < place[finding_id]]


def check_now(connection: Connection, patient_id: int) -> None:
    """Refuses an end state of the log that can't be true.

    Raises:
        PolypTraceError: ``link-contradiction``.
    """
    present = rows.findings(connection, FindingRow.exam_id.in_(rows.exams_of(patient_id)))
    stands = identity.standing(rows.patient_events(connection, patient_id))
    order = [exam.id for exam in rows.exams(connection, ExamRow.patient_id == patient_id)]
    reason = identity.contradiction(present, stands, order)
    if reason is not None:
        raise _contradiction(f"This contradicts earlier verdicts: {reason}.")


def _check_merge(
    connection: Connection,
    patient_id: int,
    stands: identity.Standing,
    finding_id: int,
    others: Sequence[int | None],
) -> None:
    present = rows.findings(connection, FindingRow.exam_id.in_(rows.exams_of(patient_id)))
    lesions = identity.groups([finding.id for finding in present], stands)
    ends = {finding_id, *others}
    met = [members for members in lesions if ends.intersection(members) and len(members) > 1]
    if len(met) > 1:
        raise PolypTraceError(
            "link-merge",
            f"This would merge two lesions of {len(met[0])} and {len(met[1])} findings into one.",
            "Confirm the merge if they are one lesion; else withdraw the wrong link first.",
        )


def _of_lesion(connection: Connection, lesion_id: int, but: int, *, newest: bool) -> list[int]:
    """A lesion's findings but the one asked about, in the order of time; with ``newest`` the last one."""
    try:
        patient_id = patient_of(connection, rows.finding(connection, lesion_id).id)
    except PolypTraceError as error:
        raise rows.unknown("lesion", lesion_id) from error
    present = rows.findings(connection, FindingRow.exam_id.in_(rows.exams_of(patient_id)))
    stands = identity.standing(rows.patient_events(connection, patient_id))
    order = [exam.id for exam in rows.exams(connection, ExamRow.patient_id == patient_id)]
    place = {finding.id: order.index(finding.exam_id) for finding in present}
    for members in identity.groups(place, stands):
        if members[0] == lesion_id:
            others = [finding for finding in members if finding != but]
            by_time = sorted(others, key=lambda finding: place[finding])
            return by_time[-1:] if newest else by_time
    raise rows.unknown("lesion", lesion_id)


def _counterpart(verdict: Verdict) -> PolypTraceError:
    if verdict in _ALONE:
        return PolypTraceError(
            "link-counterpart",
            f"“{verdict}” is said of a finding alone, not of a pair.",
            "Leave the other clip, lesion or report out, or say that the two are not the same.",
        )
    return PolypTraceError(
        "link-counterpart",
        f"“{verdict}” needs the earlier clip or lesion that it speaks of.",
        "Name the other clip, finding or lesion.",
    )


def _contradiction(message: str) -> PolypTraceError:
    return PolypTraceError("link-contradiction", message, _TAKE_BACK)
