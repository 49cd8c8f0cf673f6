"""Reads: reports of exams that have no video, and what was read in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.catalog import legacy_rows, rows
from core.catalog.engine import Catalog
from core.catalog.queries.findings import descriptions
from core.catalog.schema import LegacyReportRow
from core.catalog.values import LegacyFinding, LegacyReport, LegacyState


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


def accepted_values(catalog: Catalog, reports: Iterable[LegacyReport]) -> dict[int, dict[str, Any]]:
    """How the accepted findings of these reports are described now, by their ids as read ones."""
    made = {
        one.id: one.finding
        for report in reports
        for one in report.findings
        if one.finding is not None and one.state is LegacyState.ACCEPTED
    }
    known = descriptions(catalog, set(made.values())) if made else {}
    return {read: known[finding].values for read, finding in made.items() if finding in known}
