"""Widgets in a line that breaks where the width ends, like words."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

_ABOUT_HINTS = frozenset(
    {QEvent.Type.LayoutRequest, QEvent.Type.FontChange, QEvent.Type.StyleChange, QEvent.Type.Polish}
)


class FlowBox(QWidget):
    """Lays its widgets out from left to right and line by line. Its height follows from its width."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._items: list[QWidget] = []
        self._gap = max(3, self.fontMetrics().height() // 4)
        self._places: dict[int, tuple[list[QRect], int]] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def add(self, widget: QWidget) -> None:
        """Appends a child."""
        self._items.append(widget)
        self._forget()

    def remove(self, widget: QWidget) -> None:
        """Takes a widget out and deletes it."""
        self._items.remove(widget)
        widget.hide()
        widget.deleteLater()
        self._forget()

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        return self._laid_out(width)[1]

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        hints = [item.sizeHint() for item in self._items]
        width = sum(hint.width() for hint in hints) + self._gap * max(0, len(hints) - 1)
        return QSize(width, max((hint.height() for hint in hints), default=0))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        hints = [item.sizeHint() for item in self._items]
        sides = ((hint.width(), hint.height()) for hint in hints)
        width, height = (max(side, default=0) for side in zip(*sides, strict=True)) if hints else (0, 0)
        return QSize(width, height)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._arrange()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        if event.type() in _ABOUT_HINTS:
            self._forget()
        return super().event(event)

    def _forget(self) -> None:
        self._places.clear()
        self.updateGeometry()
        if self.isVisible():
            self._arrange()

    def _arrange(self) -> None:
        for item, place in zip(self._items, self._laid_out(self.width())[0], strict=True):
            item.setGeometry(place)

    def _laid_out(self, width: int) -> tuple[list[QRect], int]:
        if width not in self._places:
            if len(self._places) > 16:
                self._places.clear()
            self._places[width] = self._lay_out(width)
        return self._places[width]

    def _lay_out(self, width: int) -> tuple[list[QRect], int]:
        places: list[QRect] = []
        x = y = line = begun = 0
        for item in self._items:
            hint = item.sizeHint()
            if x and x + hint.width() > width:
                _center(places[begun:], line)
                x, y, line, begun = 0, y + line + self._gap, 0, len(places)
            places.append(QRect(x, y, min(hint.width(), max(width, 1)), hint.height()))
            x, line = x + hint.width() + self._gap, max(line, hint.height())
        _center(places[begun:], line)
        return places, y + line


def _center(places: list[QRect], height: int) -> None:
    """A check box stands beside the middle of a button, not at its top."""
    for place in places:
        place.translate(0, (height - place.height()) // 2)
