"""Free text, with a counter of its characters."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QWidget

from core.text.vocabulary import Field
from desktop.theme.style import set_role
from desktop.views.description.editor import Editor

_LINES = 4


class NoteEdit(Editor):
    """Several lines. The Tab key leaves it; undo is the text's own."""

    def __init__(self, field: Field, parent: QWidget) -> None:
        super().__init__(field, parent)
        self.text = _Text(self)
        self.text.setAccessibleName(field.label)
        self.counter = QLabel(self)
        self._lay.addWidget(self.text)
        self._lay.addWidget(self.counter)
        self.setFocusProxy(self.text)
        self.text.textChanged.connect(self._typed)
        self._count()

    def stops(self) -> list[QWidget]:
        return [self.text]

    def _display(self) -> None:
        text = "" if self._value is None else str(self._value)
        if self.text.toPlainText() != text:
            blocked, cursor = QSignalBlocker(self.text), self.text.textCursor().position()
            self.text.setPlainText(text)
            moved = QTextCursor(self.text.document())
            moved.setPosition(min(cursor, len(self.text.toPlainText())))
            self.text.setTextCursor(moved)
            blocked.unblock()
        self._count()

    def _typed(self) -> None:
        text = self.text.toPlainText()
        self._count()
        self._set(text if text.strip() else None)

    def _count(self) -> None:
        count, most = len(self.text.toPlainText()), self.field.max_length
        is_over = most is not None and count > most
        said = f"{count} / {most} characters" if most is not None else f"{count} characters"
        self.counter.setText(f"{said}, {count - most} too many" if is_over and most is not None else said)
        set_role(self.counter, "error" if is_over else "quiet")


class _Text(QPlainTextEdit):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)
        self.setAcceptDrops(False)  # a dropped video is for the window, its path is no text
        self._fit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        self.setFixedHeight(self.fontMetrics().lineSpacing() * _LINES + self.fontMetrics().height())
