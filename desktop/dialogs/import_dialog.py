"""Which exam the videos belong to: patient's pseudonym and day."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QDate, QLocale, Qt
from PySide6.QtWidgets import (
    QCompleter,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.domain import LONGEST_PATIENT_CODE, RESEARCH_BANNER
from core.privacy import scan
from desktop.dialogs.day_edit import DayEdit


def video_filter() -> str:
    """For a file dialogue: what is called like a video, or everything."""
    from core.video.sniff import VIDEO_SUFFIXES

    endings = " ".join(f"*{suffix} *{suffix.upper()}" for suffix in sorted(VIDEO_SUFFIXES))
    return f"Videos ({endings});;All files (*)"


class ImportDialog(QDialog):
    """Asks for the exam of some videos. ``files`` may be folders; they stand for all videos below them."""

    def __init__(
        self,
        files: Sequence[Path],
        codes: Sequence[str],
        patient: str = "",
        date: QDate | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Import videos – {RESEARCH_BANNER}")
        self._list = QListWidget()
        self._list.setAccessibleName("Videos to import")
        self._list.setTextElideMode(Qt.TextElideMode.ElideLeft)  # the name is at the end
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setMinimumHeight(self.fontMetrics().lineSpacing() * 6)
        self.patient = QLineEdit(patient)
        self.patient.setPlaceholderText("pseudonym, never a name")
        completer = QCompleter(list(codes), self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.patient.setCompleter(completer)
        self.date = DayEdit(date or QDate.currentDate(), QDate.currentDate().addDays(1))
        self._day = QLabel()
        self._day.setProperty("role", "quiet")
        self.date.dateChanged.connect(self._name_day)
        self._name_day(self.date.date())
        self._warning = QLabel()
        self._warning.setWordWrap(True)
        self._warning.setProperty("role", "warning")
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._import = QPushButton("Import")
        self._buttons.addButton(self._import, QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._lay_out()
        # Only now: a button that isn't part of a dialogue yet can't be its default, and Enter would cancel.
        self._buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)
        self._import.setDefault(True)
        self.patient.textChanged.connect(self._check)
        for file in files:
            self._put(file)
        self._check()
        self.patient.setFocus()

    @property
    def files(self) -> list[Path]:
        """The chosen files and folders."""
        return [Path(self._list.item(row).text()) for row in range(self._list.count())]

    @property
    def code(self) -> str:
        """The patient's pseudonym as typed."""
        return self.patient.text().strip()

    def _name_day(self, day: QDate) -> None:
        """In words, so that a slip of the fingers is seen: all order of exams hangs on it."""
        self._day.setText(QLocale.c().toString(day, "dddd, d MMMM yyyy"))

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("&Patient", self.patient)
        form.addRow("&Day of the exam", self.date)
        form.addRow("", self._day)
        more, less = QPushButton("&Add videos…"), QPushButton("&Remove")
        more.setAutoDefault(False)
        less.setAutoDefault(False)
        more.clicked.connect(self._add)
        less.clicked.connect(self._remove)
        row = QHBoxLayout()
        row.addWidget(more)
        row.addWidget(less)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self._warning)
        layout.addWidget(self._list, 1)
        layout.addLayout(row)
        layout.addWidget(self._buttons)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 60)

    def _add(self) -> None:
        title, short = f"Choose videos – {RESEARCH_BANNER}", QFileDialog.Option.HideNameFilterDetails
        folder = str(self.files[-1].parent) if self.files else ""
        chosen, _ = QFileDialog.getOpenFileNames(self, title, folder, video_filter(), options=short)
        for name in chosen:
            self._put(Path(name))
        self._check()

    def _put(self, file: Path) -> None:
        item = QListWidgetItem(str(file))
        item.setToolTip(str(file))
        self._list.addItem(item)

    def _remove(self) -> None:
        for item in self._list.selectedItems():
            self._list.takeItem(self._list.row(item))
        self._check()

    def _check(self) -> None:
        found = [one.kind for one in scan(self.code)]
        words = f"This looks like a {found[0]}: only pseudonyms belong in the catalogue." if found else ""
        if len(self.code) > LONGEST_PATIENT_CODE:
            words = f"A pseudonym has at most {LONGEST_PATIENT_CODE} characters; these are {len(self.code)}."
        self._warning.setText(words)
        self._warning.setVisible(bool(words))
        self._import.setText("&Import all the same" if found else "&Import")
        self._import.setEnabled(0 < len(self.code) <= LONGEST_PATIENT_CODE and self._list.count() > 0)
