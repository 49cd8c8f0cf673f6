"""Reports of exams without video: read from files, kept, accepted, and compared with clips."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from PySide6.QtCore import QObject, Signal

from core.errors import PolypTraceError
from desktop.background import Task
from desktop.session import Session

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.catalog.engine import Catalog
    from core.catalog.values import LegacyReport
    from core.legacy.entries import Entries
    from core.search.reports import Fits
    from desktop.searching import SearchSpace

TOP = 50
"""How many are shown of a comparison."""


_SHOWN = 20
"""Rows of a file whose columns aren't known yet."""


class ReportFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of reports and how it is to be read; see :func:`core.legacy.entries.read_entries`."""

    path: Path
    patient_column: str | None = None
    date_column: str | None = None
    text_column: str | None = None
    patient: str = ""
    date: dt.date | None = None
    day_first: bool | None = None


class ReadFile(msgspec.Struct, frozen=True):
    """A file's columns and first rows, and what was understood: reports, or why none could be read."""

    header: list[str]
    rows: list[list[str]]
    entries: Entries | PolypTraceError


class Comparison(msgspec.Struct, frozen=True):
    """What is compared: a clip with all reports, or a report's finding with all clips."""

    of: Literal["clip", "report"]
    id: int


class ReportFlow(QObject):
    """``listed`` carries all kept reports and the descriptions of accepted findings.

    ``compared`` carries a :class:`Comparison` and what fits it; ``kept`` tells how many reports an import has
    added, how many were there already, and a sentence on exams that have several now.
    """

    listed = Signal(object, object)
    compared = Signal(object, object)
    not_compared = Signal(object, object)
    kept = Signal(int, int, str)

    def __init__(self, session: Session, space: SearchSpace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._space = session, space
        self._task: Task | None = None
        self._described: set[int | None] = set()
        self._reading: Task | None = None
        session.opened.connect(self.refresh)
        session.changed.connect(self._changed)
        session.leaving.connect(self.drop)

    def refresh(self) -> None:
        """Reads what is kept."""
        self._session.read(_reports, self._listed)

    def _listed(self, kept: tuple[list[LegacyReport], dict[int, dict[str, Any]]]) -> None:
        reports, accepted = kept
        read = (one for report in reports for one in report.findings)
        self._described = {one.finding for one in read if one.id in accepted}
        self.listed.emit(reports, accepted)

    def read(
        self,
        wanted: ReportFile,
        then: Callable[[ReadFile], None],
        failed: Callable[[PolypTraceError], None],
    ) -> None:
        """Reads a file as it would be kept; nothing is. ``failed`` hears why it can't be opened.

        An earlier question that isn't answered yet is dropped.
        """
        if self._reading is not None:
            self._reading.drop()
        self._reading = self._session.read(lambda _: _read(wanted), then, failed)

    def keep(self, entries: Entries) -> None:
        """Keeps what was read, as proposals."""
        author, count = self._session.author, len(entries.entries)
        doubled: list[str] = []

        def work(catalog: Catalog) -> CatalogChanges:
            from core.catalog import operations, queries
            from core.legacy.filing import doubled_words, new_reports

            changes = operations.add_legacy_reports(catalog, new_reports(entries.entries), author=author)
            doubled.append(doubled_words(queries.legacy_reports(catalog), changes.created.reports))
            return changes

        def told(changes: CatalogChanges) -> None:
            added = len(changes.created.reports)
            self.kept.emit(added, count - added, doubled[-1])

        self._session.write(work, told)

    def accept(
        self,
        wanted: Mapping[int, Mapping[str, Any] | None],
        then: Callable[[CatalogChanges], None] | None = None,
    ) -> None:
        """Makes findings of proposals, by id with the values of their descriptions; None = as read."""
        self._write(
            lambda catalog, ops, author: ops.accept_legacy_findings(catalog, wanted, author=author), then
        )

    def accept_as_clip(
        self, legacy: int, clip: int, values: Mapping[str, Any], then: Callable[[CatalogChanges], None]
    ) -> None:
        """Accepts a proposal as the very finding that a clip of its exam shows."""
        self._write(
            lambda catalog, ops, author: ops.accept_legacy_as_clip(
                catalog, legacy, clip, values, author=author
            ),
            then,
        )

    def dismiss(self, legacy: Sequence[int], then: Callable[[CatalogChanges], None]) -> None:
        """Puts proposals aside."""
        self._write(
            lambda catalog, ops, author: ops.dismiss_legacy_findings(catalog, legacy, author=author), then
        )

    def propose(self, legacy: Sequence[int], then: Callable[[CatalogChanges], None]) -> None:
        """Makes proposals again of what was dismissed."""
        self._write(
            lambda catalog, ops, author: ops.propose_legacy_findings(catalog, legacy, author=author), then
        )

    def add(self, report: int, then: Callable[[int], None]) -> None:
        """Adds a finding that the reader has overlooked; ``then`` hears its id."""
        self._write(
            lambda catalog, ops, author: ops.add_legacy_finding(catalog, report, author=author),
            lambda changes: then(changes.subject),
        )

    def describe(self, finding: int, values: Mapping[str, Any]) -> None:
        """Saves the description of an accepted finding."""
        self._write(lambda catalog, ops, author: ops.describe(catalog, finding, values, author=author))

    def description(self, finding: int, then: Callable[[dict[str, Any]], None]) -> None:
        """Reads the description of an accepted finding."""

        def work(catalog: Catalog) -> dict[str, Any]:
            from core.catalog import queries

            known = queries.description(catalog, finding)
            return known.values if known is not None else {}

        self._session.read(work, then)

    def compare(self, wanted: Comparison) -> None:
        """Asks what fits; an earlier question that isn't answered yet is dropped."""
        self.drop()
        self._task = self._session.read(
            lambda catalog: self._compared(catalog, wanted),
            lambda fits: self.compared.emit(wanted, fits),
            lambda error: self.not_compared.emit(wanted, error),
        )

    def drop(self) -> None:
        """Nobody waits any more for what was asked."""
        if self._task is not None:
            self._task.drop()
            self._task = None

    def _compared(self, catalog: Catalog, wanted: Comparison) -> Fits:
        """On the reading thread."""
        from core.search.reports import clips_for_report, reports_for_clip

        space, clips = self._space.open(catalog)
        ask = reports_for_clip if wanted.of == "clip" else clips_for_report
        return ask(catalog, space, wanted.id, TOP, clips)

    def _changed(self, changes: CatalogChanges) -> None:
        if changes.reports or not self._described.isdisjoint(changes.findings):
            self.refresh()

    def _write(self, operation: Any, then: Any = None) -> None:
        author = self._session.author

        def work(catalog: Catalog) -> CatalogChanges:
            from core.catalog import operations

            changes: CatalogChanges = operation(catalog, operations, author)
            return changes

        self._session.write(work, then)


def _reports(catalog: Catalog) -> Any:
    from core.catalog import queries

    reports = queries.legacy_reports(catalog)
    return reports, queries.accepted_values(catalog, reports)


def _read(wanted: ReportFile) -> ReadFile:
    from core.legacy.columns import Columns, with_header
    from core.legacy.entries import read_entries
    from core.legacy.files import read_reports

    sheet = read_reports(wanted.path)
    whole = with_header(sheet).rows
    header, rows = (whole[0], whole[1 : 1 + _SHOWN]) if whole else ([], [])
    columns = Columns(wanted.patient_column, wanted.date_column, wanted.text_column)
    given: dict[str, Any] = {"patient": wanted.patient, "date": wanted.date, "day_first": wanted.day_first}
    try:
        return ReadFile(header, rows, read_entries(sheet, columns, **given))
    except PolypTraceError as error:
        return ReadFile(header, rows, error)
