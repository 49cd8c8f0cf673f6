"""A tree drawn as a list, with a tree's keys: it stays quick with a hundred thousand rows."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from desktop.item_models.library import LibraryModel
from desktop.item_models.library_rows import Key, Row
from desktop.views.outline_paint import OutlineDelegate, arrow_reach, row_height

Index = QModelIndex | QPersistentModelIndex


class OutlineView(QTableView):
    """Rows of a :class:`LibraryModel`.

    ``entered``: Enter or a double click on a row; the other two ask for what is below it to come or go.
    """

    entered = Signal(object)
    open_wanted = Signal(object)
    close_wanted = Signal(object)

    def __init__(self, model: LibraryModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = model
        self.setModel(model)
        self.setItemDelegate(OutlineDelegate(model, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setWordWrap(False)
        self.horizontalHeader().hide()
        self.horizontalHeader().setStretchLastSection(True)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._fit_rows()
        model.rowsInserted.connect(lambda _, first, last: self._keep_place(first, last + 1 - first))
        model.rowsRemoved.connect(lambda _, first, last: self._keep_place(first, first - last - 1))

    def row_at(self, index: Index) -> Row | None:
        """The row of an index."""
        return self._rows.at(index.row()) if index.isValid() else None

    def show_key(self, key: Key) -> bool:
        """Makes a row the chosen one and scrolls to it; False when it isn't there."""
        number = self._rows.number_of(key)
        if number is None:
            return False
        index = self._rows.index(number, 0)
        self.setCurrentIndex(index)
        self.scrollTo(index)
        return True

    def toggle(self, row: Row) -> None:
        """Opens a row, or closes it."""
        (self.close_wanted if self._rows.is_open(row.key) else self.open_wanted).emit(row.key)

    # --- keys and mouse -----------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """A tree's keys: Enter; right and left open, close, go in and out; Home and End."""
        row, key = self.row_at(self.currentIndex()), event.key()
        if row is not None and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit(row)
        elif row is not None and key == Qt.Key.Key_Right:
            self._go_in(row)
        elif row is not None and key == Qt.Key.Key_Left:
            self._go_out(row)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            last = self._rows.rowCount() - 1
            self.setCurrentIndex(self._rows.index(0 if key == Qt.Key.Key_Home else last, 0))
        else:
            super().keyPressEvent(event)

    def _go_in(self, row: Row) -> None:
        below = self._rows.at(self.currentIndex().row() + 1)
        if row.below and not self._rows.is_open(row.key):
            self.open_wanted.emit(row.key)
        elif below is not None and not below.waiting and below.key[:-1] == row.key:
            self.show_key(below.key)

    def _go_out(self, row: Row) -> None:
        if self._rows.is_open(row.key):
            self.close_wanted.emit(row.key)
        else:
            self.show_key(row.key[:-1])

    def keyboardSearch(self, _: str) -> None:  # noqa: N802 - Qt's name
        """Nothing: Qt's own would ask every row. The search field finds."""

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """A click on the arrow opens or closes a row without choosing it."""
        row = self._arrow_under(event)
        if row is None:
            super().mousePressEvent(event)
        else:
            self.toggle(row)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Enters the row; on the arrow it is two clicks."""
        row = self._arrow_under(event)
        if row is not None:
            self.toggle(row)
            return
        super().mouseDoubleClickEvent(event)
        entered = self.row_at(self.indexAt(event.position().toPoint()))
        if entered is not None and not entered.waiting and event.button() == Qt.MouseButton.LeftButton:
            self.entered.emit(entered)

    def _arrow_under(self, event: QMouseEvent) -> Row | None:
        row = self.row_at(self.indexAt(event.position().toPoint()))
        left = event.button() == Qt.MouseButton.LeftButton
        return (
            row
            if row is not None and left and row.below and event.position().x() < self._reach(row)
            else None
        )

    def _reach(self, row: Row) -> int:
        return arrow_reach(row, self.fontMetrics())

    # --- places -------------------------------------------------------------------------------------------

    def rowsAboutToBeRemoved(self, parent: Index, start: int, end: int) -> None:  # noqa: N802 - Qt's name
        """When the chosen row goes, the one above it in the tree is chosen, not a stranger beside it."""
        row = self.row_at(self.currentIndex())
        if row is not None and start <= self.currentIndex().row() <= end:
            self.setCurrentIndex(self._above(row.key, start, end))
        super().rowsAboutToBeRemoved(parent, start, end)

    def _above(self, key: Key, start: int, end: int) -> QModelIndex:
        """The nearest row above one in the tree that isn't in a range; none where all are."""
        for length in range(len(key) - 1, 0, -1):
            number = self._rows.number_of(key[:length])
            if number is not None and not start <= number <= end:
                return self._rows.index(number, 0)
        return QModelIndex()

    def _keep_place(self, first: int, more: int) -> None:
        """What is on the screen stays there when rows come or go above it."""
        bar, height = self.verticalScrollBar(), self.verticalHeader().defaultSectionSize()
        if first * height < bar.value():
            self.updateGeometries()
            bar.setValue(bar.value() + more * height)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Rows follow the font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit_rows()

    def _fit_rows(self) -> None:
        header = self.verticalHeader()
        header.setMinimumSectionSize(1)
        header.setDefaultSectionSize(row_height(QFontMetrics(self.font())))
