"""All findings of reports, as they were read: chosen by how they stand, accepted, dismissed, compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.counting import count
from desktop.item_models.reports import Accepted, ReportRow, ReportsModel
from desktop.reports import Comparison
from desktop.views.flow import FlowBox

if TYPE_CHECKING:
    from core.catalog.values import LegacyReport

WAITING, ALL = "proposed", ""
STATES = ((WAITING, "Waiting"), ("accepted", "Accepted"), ("dismissed", "Dismissed"), (ALL, "All"))
_AIR = 12
"""Pixels between two rows of the list."""
NONE_KEPT = (
    "No reports of earlier exams yet. Import a table (CSV, Excel) or texts of exams that have no video: what "
    "they say is read into fields, and nothing of it is final before you accept it."
)
NONE_LEFT = "None of the {} stand so."


class ListPage(QWidget):
    """Signals: ``import_wanted``, ``folder_wanted``; with ids of legacy findings ``accept_wanted``,
    ``dismiss_wanted``, ``propose_wanted``; ``opened`` with a :class:`ReportRow`; ``compare_wanted`` with a
    :class:`Comparison`."""

    import_wanted = Signal()
    folder_wanted = Signal()
    accept_wanted = Signal(object)
    dismiss_wanted = Signal(object)
    propose_wanted = Signal(object)
    opened = Signal(object)
    compare_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._reports: tuple[LegacyReport, ...] = ()
        self._accepted: Accepted = {}
        self._clip: int | None = None
        self._patient: str | None = None
        self.state = QComboBox()
        self.state.setAccessibleName("Which findings are shown")
        for value, words in STATES:
            self.state.addItem(words, value)
        self.mine = QCheckBox("Only this patient's")
        self.bring = QPushButton("Import")
        self.bring.setToolTip("Reports of exams without video")
        menu = QMenu(self.bring)
        menu.addAction("A &table or a text…", self.import_wanted.emit)
        menu.addAction("A &folder of texts…", self.folder_wanted.emit)
        self.bring.setMenu(menu)
        self._words = QLabel()
        self._words.setWordWrap(True)
        self._words.setProperty("role", "quiet")
        self.model = ReportsModel(self)
        self.table = _table(self.model)
        buttons = FlowBox(self)
        self.look = _button(buttons, "Look and accept…", "The report beside the form: correct and accept it")
        self.take = _button(buttons, "Accept as read", "Each becomes a finding of its exam")
        self.dismiss = _button(buttons, "Dismiss", "Puts it aside")
        self.again = _button(buttons, "Propose again", "What was dismissed waits again")
        self.clips = _button(buttons, "Which clip fits?", "Clips of its kind, the same patient's first")
        self.fits = _button(buttons, "Reports for this clip", "Findings of reports of the chosen clip's kind")
        self._lay_out(buttons)
        self._connect()
        self._refresh()

    def show_reports(self, reports: Sequence[LegacyReport], accepted: Accepted) -> None:
        """Everything that is kept, and what was accepted of it; what is chosen stays so."""
        self._reports, self._accepted = tuple(reports), accepted
        self._refresh()

    def choose_clip(self, clip: int | None) -> None:
        """Another clip is chosen in the window."""
        self._clip = clip
        self._enable()

    def choose_patient(self, code: str | None) -> None:
        """Another patient is."""
        self._patient = code
        self.mine.setEnabled(code is not None)
        if self.mine.isChecked():
            self._refresh()

    @property
    def chosen(self) -> list[ReportRow]:
        """The chosen rows, from the top."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [one for row in rows if (one := self.model.row(row)) is not None]

    # --- inside -------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        before = self.table.currentIndex().row()
        rows = self._wanted()
        self.model.show_rows(rows)
        self.table.resizeRowsToContents()
        for row in range(len(rows)):
            self.table.setRowHeight(row, self.table.rowHeight(row) + _AIR)
        if rows and before >= 0:
            self.table.selectRow(min(before, len(rows) - 1))  # the next one, where one was accepted
        shown = count(len(rows), "finding")
        none = NONE_LEFT.format("reports' findings") if self._reports else NONE_KEPT
        waiting = sum(one.state.value == WAITING for known in self._reports for one in known.findings)
        kept = f"{count(len(self._reports), 'report')}; {waiting} waiting."
        self._words.setText(f"{shown} of {kept}" if rows else none)
        self._enable()

    def _wanted(self) -> list[ReportRow]:
        state = self.state.currentData()
        mine = self._patient if self.mine.isChecked() else None
        rows: list[ReportRow] = []
        for report in self._reports:
            if mine is not None and report.patient.casefold() != mine.casefold():
                continue
            rows += [
                ReportRow(report, one, self._accepted.get(one.id))
                for one in report.findings
                if state in (ALL, one.state.value)
            ]
            if not report.findings and state == ALL:
                rows.append(ReportRow(report, None))
        return rows

    def _enable(self) -> None:
        chosen = self.chosen
        states = {one.read.state.value if one.read is not None else None for one in chosen}
        filled = all(one.read is not None and one.read.fields for one in chosen)
        self.look.setEnabled(len(chosen) == 1)
        self.take.setEnabled(bool(chosen) and filled and not states & {"accepted", None})
        self.dismiss.setEnabled(bool(states & {WAITING, "accepted"}))
        self.again.setEnabled("dismissed" in states)
        self.clips.setEnabled(len(chosen) == 1 and None not in states)
        self.fits.setEnabled(self._clip is not None and bool(self._reports))
        accepted = states == {"accepted"}
        self.look.setText("Look and edit…" if accepted else "Look and accept…")

    def _ids(self, *states: str) -> list[int]:
        found = [one.read for one in self.chosen if one.read is not None]
        return [one.id for one in found if one.state.value in states]

    def _open(self) -> None:
        chosen = self.chosen
        if len(chosen) == 1:
            self.opened.emit(chosen[0])

    def _compare_chosen(self) -> None:
        read = self.chosen[0].read
        if read is not None:
            self.compare_wanted.emit(Comparison("report", read.id))

    def _compare_clip(self) -> None:
        if self._clip is not None:
            self.compare_wanted.emit(Comparison("clip", self._clip))

    def _lay_out(self, buttons: FlowBox) -> None:
        head = FlowBox(self)  # on a narrow panel nothing is cut
        for widget in (self.state, self.mine, self.bring):
            widget.setParent(head)
            head.add(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(head)
        layout.addWidget(self._words)
        layout.addWidget(self.table, 1)
        layout.addWidget(buttons)
        self.mine.setEnabled(False)

    @property
    def tab_order(self) -> tuple[QWidget, ...]:
        """What the Tab key goes through, in this order."""
        deeds = (self.look, self.take, self.dismiss, self.again, self.clips, self.fits)
        return (self.state, self.mine, self.bring, self.table, *deeds)

    def _connect(self) -> None:
        self.state.currentIndexChanged.connect(self._refresh)
        self.mine.toggled.connect(self._refresh)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        self.table.doubleClicked.connect(lambda _: self._open())
        self.look.clicked.connect(self._open)
        self.take.clicked.connect(lambda: self.accept_wanted.emit(self._ids(WAITING, "dismissed")))
        self.dismiss.clicked.connect(lambda: self.dismiss_wanted.emit(self._ids(WAITING, "accepted")))
        self.again.clicked.connect(lambda: self.propose_wanted.emit(self._ids("dismissed")))
        self.clips.clicked.connect(self._compare_chosen)
        self.fits.clicked.connect(self._compare_clip)
        for key, button in (
            (Qt.Key.Key_Return, self.look),
            (Qt.Key.Key_Enter, self.look),
            (Qt.Key.Key_Delete, self.dismiss),
        ):
            made = QShortcut(QKeySequence(key), self.table, context=Qt.ShortcutContext.WidgetShortcut)
            made.activated.connect(button.click)


def _button(box: FlowBox, text: str, tip: str) -> QToolButton:
    button = QToolButton(box)
    button.setText(text)
    button.setToolTip(tip)
    box.add(button)
    return button


def _table(model: ReportsModel) -> QTableView:
    table = QTableView()
    table.setModel(model)
    table.setAccessibleName("Findings of reports")
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    table.setShowGrid(False)
    table.setWordWrap(True)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setMinimumSectionSize(2 * table.fontMetrics().lineSpacing())
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(model.columnCount() - 1, QHeaderView.ResizeMode.Stretch)
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return table
