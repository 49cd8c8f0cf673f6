"""The table of a ranking: pictures at the left, rows as high as a picture, one row chosen at a time."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QSize, Qt, QTimer
from PySide6.QtGui import QIcon, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

_CROP_LINES = 4
"""A crop is as high as so many lines of text."""
_LAST_CHARS = 22
_AIR = 12
"""Pixels between the texts of two rows."""


class _RankingTable(QTableView):
    """Its last column takes the room that is left, but never less than half of what it has to say: then one
    scrolls to it, instead of reading “…”."""

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self.fit_last()

    def fit_last(self) -> None:
        """Gives the last column its room, and the rows their heights where that has changed."""
        header, last = self.horizontalHeader(), self.model().columnCount() - 1
        before = header.sectionSize(last)
        taken = sum(header.sectionSize(column) for column in range(last))
        wanted = max(self.sizeHintForColumn(last), header.sectionSizeHint(last))
        least = min(wanted, self.fontMetrics().averageCharWidth() * _LAST_CHARS)
        room = self.viewport().width() - taken
        header.resizeSection(last, max(least, room))
        if header.sectionSize(last) != before:
            self.resizeRowsToContents()


def ranking_table(model: QAbstractItemModel, name: str) -> QTableView:
    """A table of a model whose last column takes the room that is left.

    Args:
        name: for screen readers.
    """
    table = _RankingTable()
    table.setModel(model)
    table.setAccessibleName(name)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setShowGrid(False)
    table.setWordWrap(True)
    table.setTabKeyNavigation(False)
    side = table.fontMetrics().lineSpacing() * _CROP_LINES
    table.setIconSize(QSize(side, side))
    table.setMinimumHeight(3 * side)  # the best match is seen on the smallest screen
    table.verticalHeader().setMinimumSectionSize(side + 8)
    table.verticalHeader().setDefaultSectionSize(side + 8)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(model.columnCount() - 1, QHeaderView.ResizeMode.Fixed)
    model.modelReset.connect(lambda: QTimer.singleShot(0, table, table.fit_last))
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return table


def fit_rows(table: QTableView) -> None:
    """Rows as high as what they say, with some air, so that none touches the next."""
    least = table.verticalHeader().minimumSectionSize()
    for row in range(table.model().rowCount()):
        table.setRowHeight(row, max(least, table.sizeHintForRow(row) + _AIR))


def crop_icon(path: str, table: QTableView) -> QIcon | None:
    """A crop from a file, as large as the table's rows; None where it can't be read."""
    picture = QPixmap(path)
    if picture.isNull():
        return None
    ratio = table.devicePixelRatioF()
    side = round(table.iconSize().width() * ratio)
    smooth = Qt.TransformationMode.SmoothTransformation
    picture = picture.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, smooth)
    picture.setDevicePixelRatio(ratio)
    icon = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        icon.addPixmap(picture, mode)  # a chosen row must not tint the mucosa
    return icon
