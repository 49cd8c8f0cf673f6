"""The first reports of a file, as they were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

if TYPE_CHECKING:
    from core.legacy.entries import Entry
    from core.text.legacy.reading import ReadFinding

COLUMNS = ("Row", "Patient", "Date", "As read", "Least sure", "Report")
_CUT = 60
"""Characters of a cell of the file itself; the rest shows on request."""
MOST = 200
"""So many findings are shown; all are kept."""


class PreviewTable(QTableWidget):
    """One row a finding; a report without one has a row, too."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self.setHorizontalHeaderLabels(list(COLUMNS))
        self.setAccessibleName("What was understood")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * 12)

    def show_columns(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """The file's own columns, as long as it isn't known which of them holds what."""
        self.setColumnCount(len(header))
        self.setHorizontalHeaderLabels(list(header))
        self.setRowCount(len(rows))
        for at, row in enumerate(rows):
            for column, text in enumerate(row[: len(header)]):
                item = QTableWidgetItem(" ".join(text.split())[:_CUT])
                item.setToolTip(text)
                self.setItem(at, column, item)
        self._space_out()

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """The first of them."""
        self.clear()
        self.setColumnCount(len(COLUMNS))
        self.setHorizontalHeaderLabels(list(COLUMNS))
        self.horizontalHeader().setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        rows = [(one, found) for one in entries for found in (one.findings or (None,))][:MOST]
        self.setRowCount(len(rows))
        for at, (one, found) in enumerate(rows):
            cells = (str(one.row), one.patient, str(one.date), _as_read(found), _least_sure(found), one.text)
            for column, text in enumerate(cells):
                item = QTableWidgetItem(" ".join(text.split()))
                item.setToolTip(one.text)
                self.setItem(at, column, item)
        self._space_out()

    def _space_out(self) -> None:
        """A little room between columns: they are wider than what they hold."""
        self.resizeColumnsToContents()
        for column in range(self.columnCount() - 1):
            self.setColumnWidth(column, self.columnWidth(column) + 2 * self.fontMetrics().averageCharWidth())


def _as_read(found: ReadFinding | None) -> str:
    from core.text.place import place_of

    if found is None:
        return "no finding"
    values = {key: field.value for key, field in found.fields.items()}
    times = f"{found.count} × " if found.count and found.count > 1 else ""
    return times + (place_of(values) if len(values) > 1 else str(values.get("state", "")))


def _least_sure(found: ReadFinding | None) -> str:
    from core.legacy.sureness import least_sure

    least = least_sure(found.fields) if found is not None else None
    return "" if least is None else f"{least[0]} {least[1]:.0%}"
