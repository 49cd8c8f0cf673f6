"""What a search found as a Qt table: one row a clip, best first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QIcon

if TYPE_CHECKING:
    from core.search.searching import Hit

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("", "Clip", "Place, size, Paris", "Score", "Words that mattered")
_CROP, _CLIP, _PLACE, _SCORE, _WORDS = range(len(COLUMNS))
_MOST_WORDS = 4


class HitsModel(QAbstractTableModel):
    """Hits in the order of the ranking."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hits: tuple[Hit, ...] = ()
        self._crops: dict[int, QIcon] = {}

    def show_hits(self, hits: tuple[Hit, ...]) -> None:
        """Replaces the rows, best first."""
        self.beginResetModel()
        self._hits = hits
        self.endResetModel()

    def show_crop(self, clip: int, crop: QIcon) -> None:
        """The picture of a clip has arrived."""
        self._crops[clip] = crop
        for row, one in enumerate(self._hits):
            if one.clip == clip:
                at = self.index(row, _CROP)
                self.dataChanged.emit(at, at, [Qt.ItemDataRole.DecorationRole])

    def lacks_crop(self, clip: int) -> bool:
        """Whether the picture of a clip wasn't there yet."""
        return clip not in self._crops

    def forget_crops(self) -> None:
        """What was shown belongs to another catalogue."""
        self._crops.clear()

    def hit(self, row: int) -> Hit | None:
        """The hit of a row."""
        return self._hits[row] if 0 <= row < len(self._hits) else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """One row a hit."""
        return 0 if parent.isValid() else len(self._hits)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """As many as :data:`COLUMNS`."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names above, places in the ranking at the left."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return COLUMNS[section] if orientation is Qt.Orientation.Horizontal else str(section + 1)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows."""
        one = self.hit(index.row())
        if one is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(one, index.column())
        if role == Qt.ItemDataRole.DecorationRole and index.column() == _CROP:
            return self._crops.get(one.clip)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _all_words(one) if index.column() == _WORDS else one.report or one.place
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(_text(one, column).replace("\n", " ") for column in range(1, len(COLUMNS)))
        return None


def _text(one: Hit, column: int) -> str:
    place = one.place.replace(", ", "\n", 1) if one.described else "not described:\nfound by its pictures"
    words = "\n".join(_share(word.word, word.change) for word in one.words[:_MOST_WORDS])
    return ("", f"{one.clip} · {one.patient}\n{one.exam_date}", place, _number(one.score), words)[column]


def _all_words(one: Hit) -> str:
    lines = [_share(word.word, word.change) for word in one.words]
    return "\n".join(["How the score falls without a word:", *lines]) if lines else ""


def _share(word: str, change: float) -> str:
    return f"{_number(change, signed=True)}  {word}"


def _number(value: float, signed: bool = False) -> str:
    text = f"{value:+.2f}" if signed else f"{value:.3f}"
    return text.replace("-", "−")
