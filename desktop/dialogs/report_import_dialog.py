"""Before reports are kept: which column holds what, and what was understood, shown as they would be kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QDate, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.counting import count
from core.domain import LONGEST_PATIENT_CODE, RESEARCH_BANNER
from core.errors import PolypTraceError
from desktop.dialogs.day_edit import DayEdit
from desktop.reports import ReadFile, ReportFile
from desktop.theme.style import set_role
from desktop.views.reports.preview import PreviewTable
from desktop.words import sentence

if TYPE_CHECKING:
    from core.legacy.columns import Columns
    from core.legacy.entries import Entries, Problem

_FOUND = "found by its name"
_ORDERS = (("as the dates show", None), ("day first", True), ("month first", False))


class ReportImportDialog(QDialog):
    """``looked_for`` carries a :class:`ReportFile` to be read, ``confirmed`` the entries to keep."""

    looked_for = Signal(object)
    confirmed = Signal(object)

    def __init__(self, path: Path, patient: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Import reports – {RESEARCH_BANNER}")
        self._path = path
        self._entries: Entries | None = None
        self._filling = self._reading = self._wished = self._entered = False
        self.columns = {role: QComboBox() for role in ("patient", "date", "text")}
        for role, box in self.columns.items():
            box.setAccessibleName(f"Column of the {role}")
            box.addItem(_FOUND, None)
            box.currentIndexChanged.connect(lambda _: self.look())
        self.patient = QLineEdit(patient)
        self.patient.setMaxLength(LONGEST_PATIENT_CODE)
        self.patient.setPlaceholderText("for reports that name none")
        self.patient.returnPressed.connect(self._enter)
        self.patient.editingFinished.connect(self.look)
        self.dated = QCheckBox("for reports without a date:")
        self.date = DayEdit(QDate.currentDate(), QDate.currentDate())
        self.date.setEnabled(False)
        self.dated.toggled.connect(self.date.setEnabled)
        self.dated.toggled.connect(lambda _: self.look())
        self.date.dateChanged.connect(lambda _: self.look())
        self.order = QComboBox()
        for words, value in _ORDERS:
            self.order.addItem(words, value)
        self.order.currentIndexChanged.connect(lambda _: self.look())
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.table = PreviewTable()
        self.problems = QPlainTextEdit()
        self.problems.setReadOnly(True)
        self.problems.setAccessibleName("What can't be taken")
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.keep = self._buttons.addButton("&Keep them as proposals", QDialogButtonBox.ButtonRole.AcceptRole)
        self.keep.clicked.connect(self._confirm)
        self._buttons.rejected.connect(self.reject)
        self._lay_out()

    @property
    def wanted(self) -> ReportFile:
        """The file as it is to be read now."""
        chosen = {role: box.currentData() for role, box in self.columns.items()}
        return ReportFile(
            path=self._path,
            patient_column=chosen["patient"],
            date_column=chosen["date"],
            text_column=chosen["text"],
            patient=self.patient.text().strip(),
            date=self.date.date().toPython() if self.dated.isChecked() else None,  # type: ignore[arg-type]
            day_first=self.order.currentData(),
        )

    def look(self) -> None:
        """Asks for the file's reading anew.

        The button stays enabled: disabled while the mouse presses it, it would lose its click.
        """
        if not self._filling:
            self._reading = True
            self._say("Reading…", "quiet")
            self.looked_for.emit(self.wanted)

    def show_file(self, read: ReadFile) -> None:
        """What was understood, or why nothing was."""
        self._reading = False
        self._fill(read.header)
        if isinstance(read.entries, PolypTraceError):
            self.show_error(read.entries)
            self.table.show_columns(read.header, read.rows)
            return
        self._entries = found = read.entries
        self.table.show_entries(found.entries)
        findings = sum(len(one.findings) for one in found.entries)
        patients = len({one.patient.casefold() for one in found.entries})
        named = _named(found.columns)
        self._say(
            f"{count(len(found.entries), 'report')} of {count(patients, 'patient')}, "
            f"{count(findings, 'finding')} read{f' – {named}' if named else ''}. "
            "Nothing of it is final before you accept it.",
            "",
        )
        if not found.entries:
            self._say(
                f"None of its {count(len(found.problems), 'row')} can be taken. Why is told below.", "error"
            )
        self._show_problems(found)
        self.keep.setEnabled(bool(found.entries))
        self.keep.setDefault(True)
        if self._wished:
            self._confirm()

    def show_error(self, error: PolypTraceError) -> None:
        """Nothing can be read so."""
        self._entries, self._reading, self._wished = None, False, False
        self.table.show_entries(())
        self.problems.hide()
        self._say(sentence(error), "error")
        self.keep.setEnabled(False)

    # --- inside -------------------------------------------------------------------------------------------

    def _fill(self, header: list[str]) -> None:
        """The names of the columns, once they are known."""
        if self.columns["text"].count() > 1:
            return
        self._filling = True
        for box in self.columns.values():
            for name in header:
                if name.strip():
                    box.addItem(name, name)
        self._filling = False

    def _show_problems(self, found: Entries) -> None:
        problems = (f"{_where(one)}: {one.words}." for one in found.problems)
        lines = [*found.warnings, *found.notes, *problems]
        self.problems.setPlainText("\n".join(lines))
        self.problems.setVisible(bool(lines))

    def _say(self, words: str, role: str) -> None:
        self.words.setText(words)
        set_role(self.words, role)

    def _confirm(self) -> None:
        """Keeps what was read; where it is still being read, as soon as that is done."""
        if self._entered:
            return  # Enter after a pseudonym shows what comes of it first
        self._wished = self._reading
        if self._entries is not None and not self._reading:
            self.confirmed.emit(self._entries)
            self.accept()

    def _enter(self) -> None:
        """The key that ends a pseudonym also presses the default button, within the same event."""
        self._entered = True
        QTimer.singleShot(0, self, self._entered_over)

    def _entered_over(self) -> None:
        self._entered = False

    def _lay_out(self) -> None:
        form = QFormLayout()
        file = QLabel(self._path.name)
        file.setToolTip(str(self._path))
        form.addRow("File", file)
        form.addRow("Column of the &patient", self.columns["patient"])
        form.addRow("Column of the &date", self.columns["date"])
        form.addRow("Column of the &report", self.columns["text"])
        form.addRow("Pseud&onym", self.patient)
        day = QHBoxLayout()
        day.addWidget(self.dated)
        day.addWidget(self.date, 1)
        form.addRow("Exam date", day)
        form.addRow("03/04/2021 &begins with", self.order)
        inside = QWidget()
        held = QVBoxLayout(inside)
        held.addLayout(form)
        held.addWidget(self.words)
        held.addWidget(self.table, 1)
        held.addWidget(self.problems)
        scrolled = QScrollArea()  # on a low screen the buttons stay in sight
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scrolled.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.addWidget(scrolled)
        layout.addWidget(self._buttons)
        line = self.fontMetrics().lineSpacing()
        self.problems.setFixedHeight(5 * line)
        self.problems.hide()
        self.keep.setEnabled(False)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 70)
        self.resize(
            QSize(self.fontMetrics().averageCharWidth() * 130, 44 * line).boundedTo(
                self.screen().availableSize()
            )
        )


def _where(problem: Problem) -> str:
    """“Row 5”, or a file's name as it is."""
    return (
        problem.where.replace("row ", "Row ", 1) if problem.where == f"row {problem.row}" else problem.where
    )


def _named(columns: Columns) -> str:
    """Which columns were used, in words."""
    used = [(role, name) for role, name in (("patient", columns.patient), ("date", columns.date)) if name]
    used += [("report", columns.text)] if columns.text else []
    return ", ".join(f"{role}: “{name}”" for role, name in used)
