"""A ranking as a Qt table: one row a clip, best first, and the row that says “none of these”."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QIcon

from desktop.theme import colours

if TYPE_CHECKING:
    from core.matching.values import Candidate

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("", "Clip", "Place, size, Paris", "Score", "Probability", "Note")
_CROP, _CLIP, _PLACE, _SCORE, _CHANCE, _NOTE = range(len(COLUMNS))
_NONE_OF_THESE = "None of these"


class MatchesModel(QAbstractTableModel):
    """Candidates in the order of the ranking; with ``answer`` a last row "none of these" stands below."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._candidates: tuple[Candidate, ...] = ()
        self._answer: str | None = None
        self._others = False
        self._crops: dict[int, QIcon] = {}

    def show_candidates(
        self, candidates: tuple[Candidate, ...], answer: str | None = None, *, others: bool = False
    ) -> None:
        """Replaces the rows.

        Args:
            candidates: best first.
            answer: what the last row says beside "none of these"; None leaves that row out.
            others: other patients' clips are among them, so the patient is named.
        """
        self.beginResetModel()
        self._candidates, self._answer, self._others = candidates, answer, others
        self.endResetModel()

    def show_crop(self, clip: int, crop: QIcon) -> None:
        """The picture of a clip has arrived."""
        self._crops[clip] = crop
        for row, one in enumerate(self._candidates):
            if one.clip == clip:
                at = self.index(row, _CROP)
                self.dataChanged.emit(at, at, [Qt.ItemDataRole.DecorationRole])

    def forget_crops(self) -> None:
        """What was shown belongs to another catalogue."""
        self._crops.clear()

    def row_of(self, clip: int | None) -> int | None:
        """The row of a clip."""
        return next((row for row, one in enumerate(self._candidates) if one.clip == clip), None)

    def candidate(self, row: int) -> Candidate | None:
        """The candidate of a row; None for "none of these"."""
        return self._candidates[row] if 0 <= row < len(self._candidates) else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """Candidates and the last row."""
        return 0 if parent.isValid() else len(self._candidates) + (self._answer is not None)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """As many as :data:`COLUMNS`."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names above, places in the ranking at the left."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation is Qt.Orientation.Horizontal:
            return COLUMNS[section]
        one = self.candidate(section)
        return "–" if one is None or not one.possible else str(section + 1)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows."""
        one = self.candidate(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._none(index.column()) if one is None else self._text(one, index.column())
        if role == Qt.ItemDataRole.DecorationRole and one is not None and index.column() == _CROP:
            return self._crops.get(one.clip)
        if role == Qt.ItemDataRole.ToolTipRole and one is not None:
            return one.report or one.place
        if role == Qt.ItemDataRole.ForegroundRole and one is not None and one.ruled_out:
            return QColor(colours.QUIET)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            if one is None:
                return f"{_NONE_OF_THESE}: {self._answer}"
            return ", ".join(self._text(one, column).replace("\n", " ") for column in range(1, len(COLUMNS)))
        return None

    def _text(self, one: Candidate, column: int) -> str:
        lesion = f"lesion {one.lesion}" if one.lesion is not None else "no lesion"
        who = f"{one.clip} · {lesion}\n{one.exam_date}" + (f"\n{one.patient}" if self._others else "")
        score = "–" if one.score is None else f"{one.score:.3f}".replace("-", "−")
        chance = (one.band or "–") if one.probability is None else f"{one.probability:.0%}\n{one.band}"
        place = one.place.replace(", ", "\n", 1)
        return ("", who, place, score, chance, one.note)[column]

    def _none(self, column: int) -> str:
        return {_PLACE: _NONE_OF_THESE, _CHANCE: self._rest(), _NOTE: self._answer or ""}.get(column, "")

    def _rest(self) -> str:
        """What the patient's lesions leave to 100 %."""
        chances = {one.lesion: one.probability for one in self._candidates if one.probability is not None}
        return f"{max(0.0, 1 - sum(chances.values())):.0%}" if chances else ""
