"""A number with its unit: typed, or stepped with Up and Down."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from core.text.normal import normal_value
from core.text.rules import value_fault
from core.text.vocabulary import Field
from desktop.views.description.editor import Editor

_WIDTH = 9
"""Digits that fit."""
_STEPS = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}


class NumberEdit(Editor):
    """A number; empty means that it isn't recorded. The wheel doesn't change it."""

    def __init__(self, field: Field, parent: QWidget) -> None:
        super().__init__(field, parent)
        self.line = _Line(self)
        self.line.setPlaceholderText(_range(field))
        self.line.setAccessibleName(f"{field.label} {_unit(field)}".strip())
        self.line.setToolTip(f"{_range(field)} {_unit(field)}\nUp and Down step by {_step(field):g}".strip())
        self.line.setInputMethodHints(Qt.InputMethodHint.ImhFormattedNumbersOnly)
        self.setFocusProxy(self.line)
        unit = QLabel(_unit(field), self)
        unit.setProperty("role", "quiet")
        line = QHBoxLayout()
        line.addWidget(self.line)
        line.addWidget(unit)
        line.addStretch(1)
        self._lay.addLayout(line)
        self.line.textEdited.connect(self._typed)
        self.line.stepped.connect(self._step)
        self.line.left.connect(self.settle)

    def stops(self) -> list[QWidget]:
        return [self.line]

    def _display(self) -> None:
        text = _text(self._value)
        if self.line.text() != text:
            self.line.setText(text)

    def _typed(self, text: str) -> None:
        self._set(normal_value(self.field, text))

    def settle(self) -> None:
        """Writes ``2 cm`` as the number that it is; what isn't understood stays as it was typed."""
        if self._value is None or value_fault(self.field, self._value) is None:
            self._display()

    def _step(self, direction: int) -> None:
        field, now = self.field, self._value
        low = field.minimum if field.minimum is not None else 0.0
        high = field.maximum if field.maximum is not None else float("inf")
        if isinstance(now, bool) or not isinstance(now, (int, float)):
            if now is not None:
                return
            now = low - direction * _step(field)
        stepped = min(max(now + direction * _step(field), low), high)
        self._set(normal_value(field, stepped))
        self._display()
        self.line.selectAll()


class _Line(QLineEdit):
    stepped = Signal(int)
    left = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAcceptDrops(False)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Keeps Up and Down from the window's shortcuts."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_step(event):
            event.accept()
            return True
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if _is_step(event):
            self.stepped.emit(_STEPS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusOutEvent(event)
        self.left.emit()

    def _fit(self) -> None:
        self.setFixedWidth(self.fontMetrics().horizontalAdvance("0" * _WIDTH) + self.fontMetrics().height())


def _is_step(event: QKeyEvent) -> bool:
    plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier == Qt.KeyboardModifier.NoModifier
    return plain and event.key() in _STEPS


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _step(field: Field) -> float:
    return field.step or 1.0


def _unit(field: Field) -> str:
    return "o'clock" if field.unit == "h" else field.unit


def _range(field: Field) -> str:
    if field.minimum is None or field.maximum is None:
        return ""
    return f"{field.minimum:g}–{field.maximum:g}"
