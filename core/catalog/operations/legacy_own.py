"""Writes: a report's finding that is a clip's own finding, because report and clip are of one exam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from core.catalog import audit, legacy_rows, rows
from core.catalog.changes import CatalogChanges, Created, ids
from core.catalog.engine import Catalog
from core.catalog.operations import undo_log
from core.catalog.operations.descriptions import add_revision
from core.catalog.operations.legacy_checks import values_to_accept
from core.catalog.operations.legacy_steps import Step, put_step, steps_changes
from core.catalog.schema import AuditEventRow, ClipRow, LegacyFindingRow, LegacyReportRow, PatientRow
from core.catalog.values import LegacyFinding, LegacyState
from core.counting import count
from core.domain import Clip
from core.errors import PolypTraceError
from core.text.rules import validate

FILLED = "from report"
"""How a description says that a report has filled what it lacked."""
AS_CLIP = "accept-report-as-clip"
"""The audit log's word; dismissing asks it whether a finding was made by the report or was there before."""


def accept_legacy_as_clip(
    catalog: Catalog, legacy_id: int, clip_id: int, values: Mapping[str, Any] | None = None, *, author: str
) -> CatalogChanges:
    """Accepts what was read as the very finding that a clip of the same exam shows.

    Fields that the finding's description lacks are filled, those that are there stay; ``label`` says how
    many. ``values`` are the description's; None = as it was read.

    Raises:
        PolypTraceError: what :func:`core.catalog.operations.accept_legacy_findings` refuses;
            ``clip-unknown``; ``report-other-exam``; ``report-same-finding`` when another of the report's
            findings is the clip's already.
    """
    with catalog.write() as connection:
        found = legacy_rows.legacy_finding(connection, legacy_id)
        kept = values_to_accept(found, values)
        clip = rows.clip(connection, clip_id)
        _check_exam(connection, found, clip)
        _check_alone(connection, found, clip)
        described, filled = _fill(connection, clip.finding_id, kept, author)
        name = undo_log.name_of(connection, clip.finding_id)
        label = f"accept finding {legacy_id} of the reports as {name} ({count(len(filled), 'field')} filled)"
        step = Step.of(found, LegacyState.ACCEPTED, clip.finding_id, kept=True)
        put_step(connection, step, forward=True)
        payload = {"steps": [step.stored], "described": described}
        undo_log.push(connection, undo_log.LEGACY, label, payload)
        after = {"finding": clip.finding_id, "filled": filled}
        audit.note(connection, author, AS_CLIP, _subject(found), after=after)
        made = Created(revisions=ids(described["after"] if described else None))
        return steps_changes(connection, label, [step], made)


def outlives(connection: Connection, found: LegacyFinding) -> bool:
    """Whether an accepted report's finding was there before and stays when the report's is put aside."""
    query = select(AuditEventRow.after).filter_by(action=AS_CLIP, subject=_subject(found))
    was_there = any(after["finding"] == found.finding for after in connection.execute(query).scalars())
    return was_there and bool(
        rows.clips(connection, ClipRow.finding_id == found.finding) or named_by_another(connection, found)
    )


def named_by_another(connection: Connection, found: LegacyFinding) -> bool:
    """Whether another accepted proposal is the same finding of the catalogue."""
    same = {"finding_id": found.finding, "state": LegacyState.ACCEPTED}
    query = select(LegacyFindingRow.id).filter_by(**same).where(LegacyFindingRow.id != found.id)
    return connection.execute(query).first() is not None


def _subject(found: LegacyFinding) -> str:
    return f"report finding {found.id}"


def _check_exam(connection: Connection, found: LegacyFinding, clip: Clip) -> None:
    (report,) = legacy_rows.legacy_reports(connection, LegacyReportRow.id == found.report)
    exam = rows.exam(connection, clip.exam_id)
    (patient,) = rows.patients(connection, PatientRow.id == exam.patient_id)
    if (report.patient.casefold(), report.date) != (patient.code.casefold(), exam.date):
        raise PolypTraceError(
            "report-other-exam",
            f"Finding {found.id} of the reports isn't of the exam of clip {clip.id}: patient or date differ.",
            f"Accept it as an earlier finding (`polyptrace legacy accept {found.id}`), then "
            f"`polyptrace link {clip.id} --verdict same --with-report {found.id}`.",
        )


def _check_alone(connection: Connection, found: LegacyFinding, clip: Clip) -> None:
    same = {"finding_id": clip.finding_id, "state": LegacyState.ACCEPTED, "report_id": found.report}
    other = connection.execute(select(LegacyFindingRow.id).filter_by(**same)).scalar()
    if other is not None:
        raise PolypTraceError(
            "report-same-finding",
            f"Finding {other} of the same report is the finding of clip {clip.id} already.",
            f"Dismiss finding {other} first, or accept this one as a finding of its own.",
        )


def _fill(
    connection: Connection, finding_id: int, values: dict[str, Any], author: str
) -> tuple[dict[str, Any] | None, list[str]]:
    """The step that undo needs of the description, if it changed, and the fields that were filled."""
    old = rows.latest_revision(connection, finding_id)
    there = old.values if old else {}
    lacking = {key: value for key, value in values.items() if key not in there}
    if not lacking:
        return None, []
    whole = {**there, **lacking}
    wrong = any(problem.severity == "error" for problem in validate(whole, finalise=True))
    draft = old is None or old.draft or wrong
    new = add_revision(connection, finding_id, whole, author=author, source=FILLED, draft=draft)
    return {"finding": finding_id, "before": old.id if old else None, "after": new}, sorted(lacking)
