"""A day that can be typed as it is shown, 2025-03-02."""

from __future__ import annotations

from PySide6.QtCore import QDate
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDateEdit, QWidget


class DayEdit(QDateEdit):
    """Year, month and day with a calendar. Typing goes on to the next part by itself once one is full.

    The dash that somebody types then too is no second step: Qt's own field would skip the month, and take
    2025-03-02 for another day without a word.
    """

    def __init__(self, day: QDate, last: QDate, parent: QWidget | None = None) -> None:
        super().__init__(day, parent)
        self.setCalendarPopup(True)
        self.setDisplayFormat("yyyy-MM-dd")
        self.setMaximumDate(last)
        self._went_on = False

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Leaves out a dash after the step that Qt has made already."""
        if event.text() == "-" and self._went_on:
            self._went_on = False
            return
        before = self.currentSection()
        super().keyPressEvent(event)
        moved = self.currentSection() != before
        self._went_on = event.text().isdigit() and moved
        if event.text() == "-" and moved:
            self.setSelectedSection(self.currentSection())  # what is typed next replaces all of it
