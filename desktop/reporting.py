"""The window's part in reports without video: asks for files, shows findings, accepts, compares, decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from core.counting import count
from core.domain import RESEARCH_BANNER, Verdict
from desktop.deciding import Deciding, ReportFinding
from desktop.dialogs.report_dialog import ReportDialog
from desktop.dialogs.report_import_dialog import ReportImportDialog
from desktop.item_models.reports import ReportRow
from desktop.reports import ReportFile, ReportFlow
from desktop.searching import SearchFlow
from desktop.session import Selection, Session
from desktop.views.reports.view import ReportsView

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.catalog.engine import Catalog
    from core.search.reports import Fit

Decide = Callable[[dict[str, Any]], None]
_FILES = "Tables and texts (*.csv *.tsv *.xlsx *.txt);;All files (*)"


class Reporting(QObject):
    """``told`` carries a sentence on what was done, ``opened`` the id of a clip to go to."""

    told = Signal(str)
    opened = Signal(int)

    def __init__(self, session: Session, searching: SearchFlow, deciding: Deciding, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._searching, self._deciding = session, searching, deciding
        self._window, self._last = window, ""
        self.flow, self.view = ReportFlow(session, searching.space, self), ReportsView()
        self._connect()

    def ask_for_file(self) -> None:
        """Which table or text, then how it is to be read."""
        title = f"Choose a table or a text of reports – {RESEARCH_BANNER}"
        short = QFileDialog.Option.HideNameFilterDetails
        name, _ = QFileDialog.getOpenFileName(self._window, title, self._last, _FILES, options=short)
        if name:
            self.ask_how(Path(name))

    def ask_for_folder(self) -> None:
        """Which folder of texts, then how they are to be read."""
        title = f"Choose a folder of texts – {RESEARCH_BANNER}"
        name = QFileDialog.getExistingDirectory(self._window, title, self._last)
        if name:
            self.ask_how(Path(name))

    def ask_how(self, path: Path) -> None:
        """What a file says, column by column, before it is kept."""
        self._last = str(path.parent)
        dialog = ReportImportDialog(path, parent=self._window)

        def look(wanted: ReportFile) -> None:
            self.flow.read(wanted, dialog.show_file, dialog.show_error)

        dialog.looked_for.connect(look)
        dialog.confirmed.connect(self.flow.keep)
        self._open(dialog)
        dialog.look()

    def show_row(self, row: ReportRow) -> None:
        """A finding beside its report; one that wasn't read is added first."""
        if row.read is None:
            self.flow.add(row.report.id, lambda legacy: self._reread(row.report.id, legacy, self.show_row))
        elif row.read.state.value == "accepted" and row.read.finding is not None:
            finding = row.read.finding
            save = partial(self.flow.describe, finding)
            self.flow.description(finding, lambda values: self._show(row, values, save))
        else:
            legacy = row.read.id
            self._show(row, row.read.values, lambda values: self.flow.accept({legacy: values}, self._tell))

    def _show(self, row: ReportRow, values: Mapping[str, Any], decided: Decide) -> None:
        """The finding beside its report; ``decided`` hears the values that are accepted, or saved."""
        assert row.read is not None
        legacy = row.read.id
        dialog = ReportDialog(row, values, self._window)
        dialog.decided.connect(decided)
        dialog.dismissed.connect(lambda: self.flow.dismiss([legacy], self._tell))
        self._open(dialog)

    def _reread(self, report: int, legacy: int, then: Callable[[ReportRow], None]) -> None:
        """Reads a finding as it stands now."""

        def found(kept: Any) -> None:
            then(_row(kept, legacy))

        self._session.read(_report(report), found)

    def _accept(self, ids: Sequence[int]) -> None:
        """Accepts what was chosen in the list, and says whether its reports seem to name somebody."""
        rows = self.view.listed.chosen
        texts = {one.report.id: one.report.text for one in rows if one.read and one.read.id in ids}
        self.flow.accept(dict.fromkeys(ids), self._tell)
        self._session.read(_identity(list(texts.values())), self._tell_identity)

    def _tell_identity(self, warnings: list[str]) -> None:
        if warnings:
            self.told.emit(" ".join(warnings))

    def _decide(self, verdict: Verdict, fit: Fit) -> None:
        """A verdict on a proposal is given once somebody has looked at it and accepted it."""

        def give(_: object = None) -> None:
            self._deciding.give(verdict, fit.clip, ReportFinding(fit.legacy))

        def accept(values: dict[str, Any]) -> None:
            if fit.same_exam:  # no verdict: it is the clip's finding itself
                self.flow.accept_as_clip(fit.legacy, fit.clip, values, self._tell)
            else:
                self.flow.accept({fit.legacy: values}, give)

        def look(row: ReportRow) -> None:
            if row.read is not None:
                self._show(row, row.read.values, accept)

        if fit.state.value == "accepted":
            give()
        else:
            self._reread(fit.report, fit.legacy, look)

    def _tell(self, changes: CatalogChanges) -> None:
        self.told.emit(f"{changes.label[:1].upper()}{changes.label[1:]}. Ctrl+Z takes it back.")

    def _chosen(self, chosen: Selection) -> None:
        self.view.choose_clip(chosen.clip)
        if chosen.patient is None:
            self.view.choose_patient(None)
        else:
            self._session.read(_code(chosen.patient), self.view.choose_patient)

    def _changed(self, changes: CatalogChanges) -> None:
        """What is compared on the screen isn't true any more."""
        comparing = self.view.comparing
        if comparing is not None and (changes.reports or changes.created.link_events or changes.findings):
            self.flow.compare(comparing)

    def _kept(self, added: int, known: int, doubled: str) -> None:
        words = [f"{count(added, 'report')} kept as {'a proposal' if added == 1 else 'proposals'}."]
        words += [f"{count(known, 'was', 'were')} there already."] if known else []
        words += [doubled] if doubled else []
        words += ["Ctrl+Z takes them back."] if added else []
        self.told.emit(" ".join(words))

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session.leaving.connect(dialog.reject)
        dialog.open()

    def _connect(self) -> None:
        flow, view, searching = self.flow, self.view, self._searching
        flow.listed.connect(view.show_reports)
        flow.compared.connect(view.show_fits)
        flow.not_compared.connect(view.show_not_compared)
        flow.kept.connect(self._kept)
        view.compare_wanted.connect(flow.compare)
        view.listed.import_wanted.connect(self.ask_for_file)
        view.listed.folder_wanted.connect(self.ask_for_folder)
        view.listed.accept_wanted.connect(self._accept)
        view.listed.dismiss_wanted.connect(lambda legacy: flow.dismiss(legacy, self._tell))
        view.listed.propose_wanted.connect(lambda legacy: flow.propose(legacy, self._tell))
        view.listed.opened.connect(self.show_row)
        view.fits.decided.connect(self._decide)
        view.fits.opened.connect(self.opened)
        view.fits.asked_again.connect(flow.compare)
        view.fits.back.connect(flow.drop)
        searching.prepare_for(view.fits)
        self._session.chosen.connect(self._chosen)
        self._session.changed.connect(self._changed)
        self._session.opened.connect(view.forget)


def _row(kept: Any, legacy: int) -> ReportRow:
    (known,) = kept
    (read,) = (one for one in known.findings if one.id == legacy)
    return ReportRow(known, read)


def _identity(texts: Sequence[str]) -> Callable[[Catalog], list[str]]:
    def work(_: Catalog) -> list[str]:
        from core.legacy.identity import text_warnings

        return text_warnings(texts)

    return work


def _report(report: int) -> Callable[[Catalog], Any]:
    def work(catalog: Catalog) -> Any:
        from core.catalog import queries

        return queries.legacy_reports(catalog, report_id=report)

    return work


def _code(patient: int) -> Callable[[Catalog], str]:
    def work(catalog: Catalog) -> str:
        from core.catalog import queries

        return queries.patient(catalog, patient).code

    return work
