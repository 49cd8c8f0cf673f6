"""How a row of the library is drawn: arrow, name, a quiet second line; what is too long ends in dots."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.item_models.library import LibraryModel
from desktop.item_models.library_rows import Kind, Row
from desktop.theme import colours

Index = QModelIndex | QPersistentModelIndex
_MIDDLE = int(Qt.AlignmentFlag.AlignVCenter)


def _unit(metrics: QFontMetrics) -> int:
    return max(4, metrics.height() // 2)


def row_height(metrics: QFontMetrics) -> int:
    """Two lines and some air, in pixels."""
    return 2 * metrics.height() + _unit(metrics)


def arrow_reach(row: Row, metrics: QFontMetrics) -> int:
    """Where a row's arrow ends and its text begins, in pixels from the left."""
    return _unit(metrics) * (len(row.key) + 1) + _unit(metrics) // 2


class OutlineDelegate(QStyledItemDelegate):
    """Draws the rows of a :class:`LibraryModel`."""

    def __init__(self, model: LibraryModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = model

    def sizeHint(self, option: QStyleOptionViewItem, _: Index) -> QSize:  # noqa: N802 - Qt's name
        """As high as all rows; wide enough for a short name."""
        metrics = option.fontMetrics
        return QSize(metrics.averageCharWidth() * 20, row_height(metrics))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One row."""
        row = self._rows.at(index.row())
        if row is None:
            return
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        metrics: QFontMetrics = option.fontMetrics
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, QColor(colours.RAISED))
        if chosen:
            painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), QColor(colours.ACCENT))
        if row.below:
            self._arrow(painter, rect, metrics, row)
        self._texts(painter, rect, metrics, row, chosen)
        painter.restore()

    def _arrow(self, painter: QPainter, rect: QRect, metrics: QFontMetrics, row: Row) -> None:
        unit = _unit(metrics)
        x = rect.left() + arrow_reach(row, metrics) - 1.1 * unit
        y = rect.top() + unit / 2 + metrics.height() / 2
        a, b = 0.28 * unit, 0.5 * unit
        shape = [(-b, -a), (b, -a), (0, b)] if self._rows.is_open(row.key) else [(-a, -b), (-a, b), (b, 0)]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.QUIET))
        painter.drawPolygon(QPolygonF([QPointF(x + dx, y + dy) for dx, dy in shape]))

    def _texts(self, painter: QPainter, rect: QRect, metrics: QFontMetrics, row: Row, chosen: bool) -> None:
        unit, height = _unit(metrics), metrics.height()
        left = rect.left() + arrow_reach(row, metrics)
        width = rect.right() - unit // 2 - left
        first = QRect(left, rect.top() + unit // 2, width, height)
        # Names differ at their end as often as at their beginning.
        named = row.kind in (Kind.PATIENT, Kind.VIDEO) and not row.waiting
        middle, right = Qt.TextElideMode.ElideMiddle, Qt.TextElideMode.ElideRight
        painter.setPen(QColor(colours.QUIET if row.waiting else colours.ACCENT if chosen else colours.TEXT))
        plain, heavy = painter.font(), QFont(painter.font())
        heavy.setWeight(QFont.Weight.DemiBold if row.kind is Kind.PATIENT else QFont.Weight.Normal)
        painter.setFont(heavy)
        name = QFontMetrics(heavy).elidedText(row.text, middle if named else right, width)
        painter.drawText(first, _MIDDLE, name)
        painter.setFont(plain)
        painter.setPen(QColor(colours.QUIET))
        detail = metrics.elidedText(row.detail, right, width)
        painter.drawText(first.translated(0, height), _MIDDLE, detail)
