"""Rows as a Qt table that is only read: what a cell says is up to the model of each kind of row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QIcon

Index = QModelIndex | QPersistentModelIndex
R = TypeVar("R")
CROP = 0
"""The column of pictures."""


class RowsModel(QAbstractTableModel, Generic[R]):
    """One row each, in their order; column 0 holds the picture of a clip where the row has one."""

    COLUMNS: tuple[str, ...] = ()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[R, ...] = ()
        self._crops: dict[int, QIcon] = {}

    def text(self, one: R, column: int) -> str:
        """What a cell says."""
        raise NotImplementedError

    def tip(self, one: R, column: int) -> str:
        """What is said of a cell on request."""
        raise NotImplementedError

    def clip_of(self, one: R) -> int | None:
        """The clip whose picture a row shows."""
        return None

    def show_rows(self, rows: Sequence[R]) -> None:
        """Replaces the rows."""
        self.beginResetModel()
        self._rows = tuple(rows)
        self.endResetModel()

    def row(self, at: int) -> R | None:
        """The row at a place."""
        return self._rows[at] if 0 <= at < len(self._rows) else None

    def show_crop(self, clip: int, crop: QIcon) -> None:
        """The picture of a clip has arrived."""
        self._crops[clip] = crop
        for at, one in enumerate(self._rows):
            if self.clip_of(one) == clip:
                cell = self.index(at, CROP)
                self.dataChanged.emit(cell, cell, [Qt.ItemDataRole.DecorationRole])

    def lacks_crop(self, clip: int) -> bool:
        """Whether the picture of a clip wasn't there yet."""
        return clip not in self._crops

    def forget_crops(self) -> None:
        """What was shown belongs to another catalogue."""
        self._crops.clear()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """As many as there are."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """As many as there are names."""
        return 0 if parent.isValid() else len(self.COLUMNS)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names above, places at the left."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return self.COLUMNS[section] if orientation is Qt.Orientation.Horizontal else str(section + 1)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows."""
        one = self.row(index.row())
        if one is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(one, index.column())
        if role == Qt.ItemDataRole.DecorationRole and index.column() == CROP:
            clip = self.clip_of(one)
            return None if clip is None else self._crops.get(clip)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.tip(one, index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            said = (self.text(one, column).replace("\n", " ") for column in range(len(self.COLUMNS)))
            return ", ".join(words for words in said if words)
        return None


def number(value: float, signed: bool = False) -> str:
    """A score with three digits, or a change with two, and a minus as wide as a plus."""
    text = f"{value:+.2f}" if signed else f"{value:.3f}"
    return text.replace("-", "−")
