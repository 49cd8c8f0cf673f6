"""From rows to the words of the field, for legacy reports: reads inside an open connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from core.catalog import rows
from core.catalog.schema import FindingRow, LegacyFindingRow, LegacyReportRow, PatientRow
from core.catalog.values import LegacyFinding, LegacyReport, LegacyState
from core.text.legacy.read_field import ReadField


def legacy_reports(connection: Connection, *where: rows.Condition) -> list[LegacyReport]:
    """Present reports by patient, date and id, with what was read in them.

    A patient whom the catalogue knows is spelt as there, whatever the report's capitals.
    """
    known = PatientRow.code_folded == LegacyReportRow.patient_folded
    query = select(LegacyReportRow.__table__, PatientRow.code.label("known")).outerjoin(PatientRow, known)
    query = query.where(LegacyReportRow.removed.is_(False), *where)
    order = (LegacyReportRow.patient_folded, LegacyReportRow.date, LegacyReportRow.id)
    found = connection.execute(query.order_by(*order)).all()
    inside: dict[int, list[LegacyFinding]] = {row.id: [] for row in found}
    for portion in rows.chunks(inside):
        for one in _legacy_findings(connection, LegacyFindingRow.report_id.in_(portion)):
            inside[one.report].append(one)
    return [
        LegacyReport(row.id, row.known or row.patient_code, row.date, row.text, tuple(inside[row.id]))
        for row in found
    ]


def legacy_finding(connection: Connection, legacy_id: int) -> LegacyFinding:
    """One finding of a present report.

    Raises:
        PolypTraceError: ``report-finding-unknown``.
    """
    rows.refuse_impossible("report-finding", legacy_id)
    there = select(LegacyReportRow.id).where(LegacyReportRow.removed.is_(False))
    where = (LegacyFindingRow.id == legacy_id, LegacyFindingRow.report_id.in_(there))
    found = _legacy_findings(connection, *where)
    if not found:
        raise rows.unknown("report-finding", legacy_id)
    return found[0]


def _legacy_findings(connection: Connection, *where: rows.Condition) -> list[LegacyFinding]:
    query = select(LegacyFindingRow.__table__).where(*where)
    ordered = query.order_by(LegacyFindingRow.report_id, LegacyFindingRow.number)
    return [
        LegacyFinding(
            row.id,
            row.report_id,
            row.number,
            row.words,
            msgspec.convert(row.fields, dict[str, ReadField]),
            LegacyState(row.state),
            row.finding_id,
        )
        for row in connection.execute(ordered)
    ]


def read_fields_to(fields: Mapping[str, ReadField]) -> Any:
    """Fields as read in their stored form."""
    return msgspec.to_builtins(dict(fields))


def exams_of_findings(connection: Connection, finding_ids: Iterable[int]) -> set[int]:
    """The exams of findings, be they removed."""
    found: set[int] = set()
    for portion in rows.chunks(finding_ids):
        query = select(FindingRow.exam_id).where(FindingRow.id.in_(portion))
        found |= set(connection.execute(query).scalars())
    return found
