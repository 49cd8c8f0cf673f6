"""A field with many values: a list that is filtered while one types, by the words people use for them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QFocusEvent, QStandardItem, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QWidget

from core.text.normal import normal_value
from core.text.vocabulary import Field, Value, fold
from desktop.views.description.editor import Editor

_SPELLINGS = Qt.ItemDataRole.UserRole + 1
_LEAST_WIDTH = 10
"""Letters that the box shows at least."""
_MOST_WIDTH = 50
"""Letters' width that it takes at most."""


class ChoiceBox(Editor):
    """Takes a value from the list or as it is typed: ``cecum`` is found, ``sig`` becomes ``sigmoid``."""

    def __init__(self, field: Field, parent: QWidget) -> None:
        super().__init__(field, parent)
        self.box = _Box(self)
        self.line = _Line(self.box)
        self.box.setLineEdit(self.line)
        self._fill()
        self.box.setMaximumWidth(self.fontMetrics().averageCharWidth() * _MOST_WIDTH)
        self._lay.addWidget(self.box)
        self.setFocusProxy(self.box)
        self.box.setAccessibleName(field.label)
        self.line.setAccessibleName(field.label)
        self.line.setPlaceholderText("Type or choose")
        self.line.setClearButtonEnabled(True)
        self.line.textEdited.connect(self._typed)
        self.line.left.connect(self.settle)
        self.box.activated.connect(self._picked)

    @property
    def unfinished(self) -> bool:
        typed = fold(self.line.text())
        return self.line.hasFocus() and any(
            typed in word for value in self.field.values for word in _spelt(value)
        )

    def stops(self) -> list[QWidget]:
        return [self.box]

    def _fill(self) -> None:
        model = QStandardItemModel(self)
        for value in self.field.values:
            item = QStandardItem(value.code)
            item.setToolTip(value.phrase("report"))
            item.setData("\n".join((value.code, value.report, *value.aliases)), _SPELLINGS)
            model.appendRow(item)
        self.box.setModel(model)
        self.box.setCompleter(_Completer(model, self))
        self.box.setMaxVisibleItems(model.rowCount())
        self.box.setCurrentIndex(-1)

    def _display(self) -> None:
        text = "" if self._value is None else str(self._value)
        self.box.setCurrentIndex(self.box.findText(text, Qt.MatchFlag.MatchExactly))
        if self.line.text() != text:
            self.line.setText(text)

    def _typed(self, text: str) -> None:
        self._set(normal_value(self.field, text))

    def _picked(self, row: int) -> None:
        self._set(self.box.itemText(row) or None)

    def settle(self) -> None:
        """Writes the word of the vocabulary out, also where what was typed can only be the start of one."""
        value = self._value
        if isinstance(value, str) and self.field.value(value) is None:
            near = self._beginning(fold(value))
            if len(near) == 1:
                value = near[0]
        self._set(value)
        self._display()

    def _beginning(self, typed: str) -> list[Any]:
        values = self.field.values
        return [one.code for one in values if any(word.startswith(typed) for word in _spelt(one))]


class _Completer(QCompleter):
    """Looks through all spellings of a value, and writes its code."""

    def __init__(self, model: QStandardItemModel, parent: QWidget) -> None:
        super().__init__(model, parent)
        self.setCompletionRole(_SPELLINGS)
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterMode(Qt.MatchFlag.MatchContains)
        self.setMaxVisibleItems(12)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Closes the list when a key leads elsewhere: it would take the next keys, and hide the leaving."""
        is_left = isinstance(event, QFocusEvent) and event.lostFocus() and _leaves(event)
        if is_left and (offered := self.popup()) is not None:
            offered.hide()
        return super().eventFilter(watched, event)

    def pathFromIndex(self, index: QModelIndex | QPersistentModelIndex) -> str:  # noqa: N802 - Qt's name
        return str(index.data(Qt.ItemDataRole.DisplayRole) or "")


class _Line(QLineEdit):
    """Says when the user leaves it."""

    left = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAcceptDrops(False)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusOutEvent(event)
        if _leaves(event):
            self.left.emit()


class _Box(QComboBox):
    """A box that the mouse wheel scrolls past: turning the wheel over a form mustn't change it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(_LEAST_WIDTH)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        event.ignore()


def _leaves(event: QFocusEvent) -> bool:
    """Whether the user goes on to something else, not just to a list or to another window."""
    return event.reason() not in (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason)


def _spelt(value: Value) -> list[str]:
    return [fold(word) for word in (value.code, value.report, *value.aliases) if word]
