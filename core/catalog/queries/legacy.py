"""Reads: reports of exams that have no video, and what was read in them."""

from __future__ import annotations

from core.catalog import legacy_rows, rows
from core.catalog.engine import Catalog
from core.catalog.schema import LegacyReportRow
from core.catalog.values import LegacyFinding, LegacyReport


def legacy_reports(
    catalog: Catalog, *, patient: str | None = None, report_id: int | None = None
) -> list[LegacyReport]:
    """Reports by patient and date: all, a patient's (by code), or one.

    Raises:
        PolypTraceError: ``report-unknown``.
    """
    where = []
    if patient is not None:
        where.append(LegacyReportRow.patient_folded == patient.strip().casefold())
    if report_id is not None:
        where.append(LegacyReportRow.id == report_id)
    with catalog.read() as connection:
        found = legacy_rows.legacy_reports(connection, *where)
    if report_id is not None and not found:
        raise rows.unknown("report", report_id)
    return found


def legacy_finding(catalog: Catalog, legacy_id: int) -> tuple[LegacyReport, LegacyFinding]:
    """A finding as it was read, with its report.

    Raises:
        PolypTraceError: ``report-finding-unknown``.
    """
    with catalog.read() as connection:
        found = legacy_rows.legacy_finding(connection, legacy_id)
        (report,) = legacy_rows.legacy_reports(connection, LegacyReportRow.id == found.report)
    return report, found
