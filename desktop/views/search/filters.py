"""Which clips are searched: the chosen patient's, of some days, of a segment."""

from __future__ import annotations

import datetime as dt

from PySide6.QtCore import QDate, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QToolButton, QWidget

from desktop.dialogs.day_edit import DayEdit
from desktop.views.flow import FlowBox

ANY = "Any segment"


class SearchFilters(FlowBox):
    """``changed``: other clips are to be searched now."""

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._chosen: int | None = None
        self.patient: int | None = None
        """Id of the patient whose clips alone are searched."""
        self._patient = QToolButton(self)
        self._patient.setText("Only this patient")
        self._patient.setToolTip("Only clips of the patient who is chosen in the library")
        self._patient.setCheckable(True)
        self._patient.setEnabled(False)
        self._patient.toggled.connect(self._toggled_patient)
        self._segment = QComboBox(self)
        self._segment.setAccessibleName("Segment")
        self._segment.addItem(ANY)
        self._segment.currentIndexChanged.connect(lambda _: self.changed.emit())
        today = QDate.currentDate()
        self._since, self._until = _Day("from", today.addYears(-1), self), _Day("to", today, self)
        for widget in (self._patient, self._segment, self._since, self._until):
            self.add(widget)
        for day in (self._since, self._until):
            day.changed.connect(self.changed)

    @property
    def fields(self) -> tuple[QWidget, ...]:
        """All of them in the order of the Tab key."""
        days = (self._since, self._until)
        return (self._patient, self._segment, *(part for day in days for part in (day.tick, day.edit)))

    @property
    def segment(self) -> str | None:
        """Code of the segment; None for any."""
        return None if self._segment.currentIndex() <= 0 else self._segment.currentText()

    @property
    def since(self) -> dt.date | None:
        """First day of exams."""
        return self._since.day

    @property
    def until(self) -> dt.date | None:
        """Last day of exams."""
        return self._until.day

    @property
    def set(self) -> int:
        """How many of them narrow the search."""
        return sum(one is not None for one in (self.patient, self.segment, self.since, self.until))

    def choose(self, patient: int | None) -> None:
        """Another patient is chosen in the window; the one who is searched stays until the button is up."""
        self._chosen = patient
        self._patient.setEnabled(self.patient is not None or patient is not None)

    def forget(self) -> None:
        """Another catalogue: its patients have the same numbers."""
        self.patient = None
        self._patient.blockSignals(True)
        self._patient.setChecked(False)
        self._patient.blockSignals(False)
        self.choose(None)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Reads the segments when they are seen first."""
        if self._segment.count() == 1:
            from core.text.vocabulary import load

            self._segment.blockSignals(True)
            self._segment.addItems(load().by_key["segment"].codes)
            self._segment.blockSignals(False)
        super().showEvent(event)

    def _toggled_patient(self, on: bool) -> None:
        self.patient = self._chosen if on else None
        self._patient.setEnabled(on or self._chosen is not None)
        self.changed.emit()


class _Day(QWidget):
    """A day that counts while its box is ticked."""

    changed = Signal()

    def __init__(self, word: str, first: QDate, parent: QWidget) -> None:
        super().__init__(parent)
        self.tick = QCheckBox(word, self)
        self.edit = DayEdit(first, QDate.currentDate(), self)
        self.edit.setAccessibleName(f"Exams {word}")
        self.edit.setEnabled(False)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tick)
        layout.addWidget(self.edit)
        self.tick.toggled.connect(self.edit.setEnabled)
        self.tick.toggled.connect(lambda _: self.changed.emit())
        self.edit.dateChanged.connect(lambda _: self.changed.emit())

    @property
    def day(self) -> dt.date | None:
        """None while it doesn't count."""
        if not self.tick.isChecked():
            return None
        day = self.edit.date()
        return dt.date(day.year(), day.month(), day.day())
