"""The library's rows as a Qt model: what is open of the tree, as one list in its order.

A list costs a view the same with ten rows and with a hundred thousand, since nothing is asked of rows that
aren't on the screen; QTreeView asks every row whether it has others below it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop.item_models.library_reader import Fresh, Rows
from desktop.item_models.library_rows import Key, Kind, Row, waiting_below

Index = QModelIndex | QPersistentModelIndex
ROW = Qt.ItemDataRole.UserRole + 1
"""The :class:`Row` itself."""


class LibraryModel(QAbstractTableModel):
    """Rows in the order of their paths. Only :meth:`show_top` resets it; all else is done in place."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self._by_key: dict[Key, Row] = {}
        self._open: set[Key] = set()
        self.patients = 0
        """How many there are among the rows."""

    @property
    def opened(self) -> frozenset[Key]:
        """Keys of the rows that are open, also below closed ones."""
        return frozenset(self._open)

    def is_open(self, key: Key) -> bool:
        """Whether the rows below one are shown, or being read."""
        return key in self._open

    def at(self, number: int) -> Row | None:
        """The row of a number from the top."""
        return self._rows[number] if 0 <= number < len(self._rows) else None

    def number_of(self, key: Key) -> int | None:
        """Where a row stands; None when it isn't shown."""
        row = self._by_key.get(key)
        return None if row is None else self._place(row.path)

    # --- what changes -------------------------------------------------------------------------------------

    def show_top(self, top: Rows) -> None:
        """Everything anew: at opening, and for another search."""
        self.beginResetModel()
        self._rows, self._by_key, self._open = top.rows, top.by_key, set(top.opened)
        self.patients = _patients(top.rows)
        self.endResetModel()

    def wait_below(self, key: Key) -> None:
        """Opens a row whose branch is being read."""
        self._open.add(key)
        self._insert([waiting_below(self._by_key[key])])
        self._tell(key)

    def fill(self, key: Key, below: Rows) -> None:
        """Opens a row with what stands below it."""
        if key not in self._by_key:
            return
        self._open = {one for one in self._open if one not in below.by_key} | {key} | below.opened
        self._clear_below(key)
        self._put(self._place(self._by_key[key].path) + 1, below.rows, below.by_key)
        self._tell(key)

    def close(self, key: Key) -> None:
        """Takes the rows below one away. What was open among them opens with it again."""
        self._open.discard(key)
        self._clear_below(key)
        self._tell(key)

    def refresh(self, fresh: Fresh) -> None:
        """Brings single rows up to date; those of branches that aren't shown don't matter."""
        lost = self._keys_of(fresh.lost) if fresh.lost else set()
        for key in fresh.left_out | lost:
            self._take(key)
        new = []
        for row in fresh.rows:
            known = self._by_key.get(row.key)
            if known is not None and known.path != row.path:  # the patient's code is another
                self._take(row.key)
                known = None
            if known is None:
                new.append(row)
            elif known != row:
                self._replace(row)
        self._open.difference_update(row.key for row in new)
        self._insert([row for row in new if self._is_shown(row)])

    def _keys_of(self, lost: Collection[tuple[Kind, int]]) -> set[Key]:
        return {key for key in self._by_key if (len(key), key[-1]) in lost}

    def _is_shown(self, row: Row) -> bool:
        """Whether the row above it is open and read. New rows are closed: their branch comes when opened."""
        above = row.key[:-1]
        return not above or (
            above in self._by_key and above in self._open and (*above, 0) not in self._by_key
        )

    def _replace(self, row: Row) -> None:
        at = self._place(row.path)
        self._rows[at] = self._by_key[row.key] = row
        if not row.below:
            self._open.discard(row.key)
        self._tell(row.key)

    def _take(self, key: Key) -> None:
        if key in self._by_key:
            at = self._place(self._by_key[key].path)
            self._remove(at, self._end(key))

    def _clear_below(self, key: Key) -> None:
        if key in self._by_key:
            self._remove(self._place(self._by_key[key].path) + 1, self._end(key))

    def _remove(self, start: int, end: int) -> None:
        if start < end:
            self.beginRemoveRows(QModelIndex(), start, end - 1)
            self.patients -= _patients(self._rows[start:end])
            for row in self._rows[start:end]:
                del self._by_key[row.key]
            del self._rows[start:end]
            self.endRemoveRows()

    def _insert(self, rows: Sequence[Row]) -> None:
        """Puts rows to their places, neighbours at once."""
        runs: list[tuple[int, list[Row]]] = []
        for row in sorted(rows, key=_path):
            at = self._place(row.path)
            if runs and runs[-1][0] == at:
                runs[-1][1].append(row)
            else:
                runs.append((at, [row]))
        for at, run in reversed(runs):
            self._put(at, run, {row.key: row for row in run})

    def _put(self, at: int, rows: Sequence[Row], by_key: dict[Key, Row]) -> None:
        if rows:
            self.beginInsertRows(QModelIndex(), at, at + len(rows) - 1)
            self._rows[at:at] = rows
            self._by_key.update(by_key)
            self.patients += _patients(rows)
            self.endInsertRows()

    def _place(self, path: tuple[str | int, ...]) -> int:
        return bisect_left(self._rows, path, key=_path)

    def _end(self, key: Key) -> int:
        """Behind the last row below one: paths end with an id, so the next id is behind all of them."""
        *above, last = self._by_key[key].path
        return self._place((*above, int(last) + 1))

    def _tell(self, key: Key) -> None:
        number = self.number_of(key)
        if number is not None:
            at = self.index(number, 0)
            self.dataChanged.emit(at, at)

    # --- what views ask -----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """Rows that are shown."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """One."""
        return 0 if parent.isValid() else 1

    def flags(self, index: Index) -> Qt.ItemFlag:
        """A row that only stands for others can't be chosen."""
        row = self.at(index.row())
        return Qt.ItemFlag.NoItemFlags if row is None or row.waiting else super().flags(index)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts; the whole of them as tool tip; the row itself as :data:`ROW`."""
        row = self.at(index.row())
        if row is None:
            return None
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.text}\n{row.detail}".strip()
        if role == Qt.ItemDataRole.AccessibleTextRole:
            state = (", open" if self.is_open(row.key) else ", closed") if row.below else ""
            return row.spoken + state
        return None


def _patients(rows: Sequence[Row]) -> int:
    return sum(len(row.key) == Kind.PATIENT for row in rows)


def _path(row: Row) -> tuple[str | int, ...]:
    return row.path
