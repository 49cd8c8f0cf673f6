"""Writes: legacy reports, and what becomes of the findings that were read from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from core.catalog import audit, legacy_rows, rows
from core.catalog.changes import CatalogChanges, Created, Ids, ids, ids_of
from core.catalog.engine import Catalog
from core.catalog.operations import undo_log
from core.catalog.operations.clips import add_finding
from core.catalog.operations.descriptions import add_revision
from core.catalog.operations.legacy_checks import values_to_accept
from core.catalog.operations.legacy_own import named_by_another, outlives
from core.catalog.operations.legacy_steps import Step, put_step, steps_changes
from core.catalog.operations.people import find_or_add_exam, find_or_add_patient, shown_code
from core.catalog.operations.verdict_checks import patient_of
from core.catalog.schema import ClipRow, LegacyFindingRow, LegacyReportRow
from core.catalog.types import now
from core.catalog.values import LegacyFinding, LegacyState, NewLegacyFinding, NewLegacyReport
from core.counting import count
from core.errors import PolypTraceError

SOURCE = "imported"
"""How a description says that it was read from a report."""


def add_legacy_reports(
    catalog: Catalog, reports: Sequence[NewLegacyReport], *, author: str
) -> CatalogChanges:
    """Keeps reports of exams without video, with what was read in them; one that is there already is not
    added again. No patient, exam or finding is made yet.

    Raises:
        PolypTraceError: ``patient-code``.
    """
    new: list[int] = []
    with catalog.write() as connection:
        for report in reports:
            code = shown_code(report.patient)
            digest = hashlib.sha256(" ".join(report.text.split()).encode()).hexdigest()
            key = {"patient_folded": code.casefold(), "date": report.date, "text_sha256": digest}
            known = select(LegacyReportRow.id).filter_by(**key, removed=False)
            if connection.execute(known).first() is not None:
                continue
            facts = {**key, "patient_code": code, "text": report.text, "added_at": now(), "removed": False}
            added = insert(LegacyReportRow).values(facts).returning(LegacyReportRow.id)
            new.append(connection.execute(added).scalar_one())
            for number, found in enumerate(report.findings, start=1):
                _add_finding(connection, new[-1], number, found)
        label = f"import {count(len(new), 'report')}"
        if new:
            undo_log.push(connection, undo_log.REPORTS, label, {"reports": new})
            audit.note(connection, author, "import-reports", "legacy reports", after={"reports": len(new)})
    return CatalogChanges(
        label,
        subject=new[0] if len(new) == 1 else None,
        undoable=bool(new),
        created=Created(reports=ids_of(new)),
        reports=ids_of(new),
    )


def add_legacy_finding(catalog: Catalog, report_id: int, *, author: str) -> CatalogChanges:
    """Proposes one more finding of a report, for what its reader has overlooked; it says nothing yet.

    ``subject`` is its id.

    Raises:
        PolypTraceError: ``report-unknown``.
    """
    with catalog.write() as connection:
        if not legacy_rows.legacy_reports(connection, LegacyReportRow.id == report_id):
            raise rows.unknown("report", report_id)
        last = select(func.max(LegacyFindingRow.number)).where(LegacyFindingRow.report_id == report_id)
        number = (connection.execute(last).scalar() or 0) + 1
        legacy_id = _add_finding(connection, report_id, number, NewLegacyFinding("", {}))
        label = f"add finding {legacy_id} of the reports"
        step = Step(
            legacy_id, report_id, (LegacyState.DISMISSED, None), (LegacyState.PROPOSED, None)
        )  # undone it is put aside: ids are never given twice
        undo_log.push(connection, undo_log.LEGACY, label, {"steps": [step.stored]})
        audit.note(connection, author, "add-report-finding", f"report {report_id}", after={"number": number})
    return CatalogChanges(label, subject=legacy_id, undoable=True, reports=ids(report_id))


def accept_legacy_findings(
    catalog: Catalog, accepted: Mapping[int, Mapping[str, Any] | None], *, author: str
) -> CatalogChanges:
    """Makes findings of what was read: each becomes a finding of its exam, with a description.

    Patient and exam are made where they aren't known; undo takes the findings back, not those two.

    Args:
        catalog: where to.
        accepted: id of a legacy finding → the description's values; None = as it was read.
        author: who accepts.

    Raises:
        PolypTraceError: ``report-finding-unknown``; ``report-accepted`` for one that is accepted already;
            ``report-says-nothing`` where there are no values.
    """
    steps: list[Step] = []
    made = Created()
    with catalog.write() as connection:
        for legacy_id, values in accepted.items():
            found = legacy_rows.legacy_finding(connection, legacy_id)
            kept = values_to_accept(found, values)
            new, step = _accept(connection, found, kept, author)
            made = _joined(made, new)
            steps.append(step)
        return _finish(connection, "accept", steps, made, author)


def dismiss_legacy_findings(catalog: Catalog, legacy_ids: Iterable[int], *, author: str) -> CatalogChanges:
    """Puts proposals aside; of accepted ones the finding is taken away again.

    Raises:
        PolypTraceError: ``report-finding-unknown``; ``report-linked`` where verdicts or clips hang on it.
    """
    with catalog.write() as connection:
        found = [legacy_rows.legacy_finding(connection, one) for one in dict.fromkeys(legacy_ids)]
        wanted = [one for one in found if one.state is not LegacyState.DISMISSED]
        steps = [_dismissed(connection, one) for one in wanted]
        return _finish(connection, "dismiss", steps, Created(), author)


def propose_legacy_findings(catalog: Catalog, legacy_ids: Iterable[int], *, author: str) -> CatalogChanges:
    """Makes proposals again of what was dismissed; what is accepted stays.

    Raises:
        PolypTraceError: ``report-finding-unknown``.
    """
    with catalog.write() as connection:
        found = [legacy_rows.legacy_finding(connection, one) for one in dict.fromkeys(legacy_ids)]
        steps = [
            Step.of(one, LegacyState.PROPOSED, one.finding)
            for one in found
            if one.state is LegacyState.DISMISSED
        ]
        return _finish(connection, "propose", steps, Created(), author)


def _add_finding(connection: Connection, report_id: int, number: int, found: NewLegacyFinding) -> int:
    """Inserts a proposal and returns its id."""
    added = insert(LegacyFindingRow).values(
        report_id=report_id,
        number=number,
        words=found.words,
        fields=legacy_rows.read_fields_to(found.fields),
        state=LegacyState.PROPOSED,
        finding_id=None,
    )
    return connection.execute(added.returning(LegacyFindingRow.id)).scalar_one()


def _accept(
    connection: Connection, found: LegacyFinding, values: dict[str, Any], author: str
) -> tuple[Created, Step]:
    (report,) = legacy_rows.legacy_reports(connection, LegacyReportRow.id == found.report)
    patient_id, new_patient = find_or_add_patient(connection, report.patient, author)
    exam_id, new_exam = find_or_add_exam(connection, patient_id, report.date, author)
    finding_id = found.finding or add_finding(connection, exam_id)
    last = rows.latest_revision(connection, finding_id)
    revision = None
    if last is None or last.values != values:
        revision = add_revision(connection, finding_id, values, author=author, source=SOURCE, draft=True)
    new = Created(
        patients=ids(new_patient),
        exams=ids(new_exam),
        findings=() if found.finding else ids(finding_id),
        revisions=ids(revision),
    )
    return new, Step.of(found, LegacyState.ACCEPTED, finding_id)


def _dismissed(connection: Connection, found: LegacyFinding) -> Step:
    if found.state is LegacyState.ACCEPTED and found.finding is not None:
        if outlives(connection, found):
            return Step.of(found, LegacyState.DISMISSED, None, kept=True)
        held = _holds(connection, found, found.finding)
        if held:
            raise PolypTraceError(
                "report-linked",
                f"The finding can't be dismissed: {held}.",
                "Withdraw its verdicts, move or remove its clips, and dismiss the other report's first.",
            )
    return Step.of(found, LegacyState.DISMISSED, found.finding)


def _holds(connection: Connection, found: LegacyFinding, finding_id: int) -> str:
    """What hangs on a finding, in words: verdicts in force, reports or clips; empty where nothing does."""
    events = rows.patient_events(connection, patient_of(connection, finding_id))
    if any(finding_id in (event.finding_id, event.other_finding_id) for event in events):
        return "verdicts name it"
    if named_by_another(connection, found):
        return "another report names it, too"
    return "clips show it" if rows.clips(connection, ClipRow.finding_id == finding_id) else ""


def _joined(one: Created, other: Created) -> Created:
    return Created(
        patients=one.patients + other.patients,
        exams=one.exams + other.exams,
        findings=one.findings + other.findings,
        revisions=one.revisions + other.revisions,
    )


def _finish(
    connection: Connection, deed: str, steps: Sequence[Step], made: Created, author: str
) -> CatalogChanges:
    """Carries the steps out, as one that undo takes back."""
    what = f"finding {steps[0].legacy} of the reports" if len(steps) == 1 else f"{len(steps)} findings"
    label = f"{deed} {what}" if len(steps) == 1 else f"{deed} {what} of the reports"
    if not steps:
        return CatalogChanges(label)
    for step in steps:
        put_step(connection, step, forward=True)
    payload = {"steps": [step.stored for step in steps]}
    undo_log.push(connection, undo_log.LEGACY, label, payload)
    after: dict[str, Ids] = {"findings": ids_of(step.legacy for step in steps)}
    audit.note(connection, author, f"{deed}-report-findings", "legacy findings", after=dict(after))
    return steps_changes(connection, label, steps, made)
