"""What every kind of field in the form has in common."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.text.vocabulary import Field


class Editor(QWidget):
    """Edits the value of one field. ``changed`` is emitted for what the user does, never for :meth:`show`."""

    changed = Signal()

    def __init__(self, field: Field, parent: QWidget) -> None:
        super().__init__(parent)
        self.field = field
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # or a label's mnemonic wouldn't lead here
        self._value: Any = None
        self._lay = QVBoxLayout(self)
        self._lay.setContentsMargins(0, 0, 0, 0)

    @property
    def value(self) -> Any:
        """The value in the words of the vocabulary, or as it was typed when it isn't understood."""
        return self._value

    @property
    def unfinished(self) -> bool:
        """Whether the user is in the middle of a word, so that complaints should wait."""
        return False

    def show_value(self, value: Any) -> None:
        """Shows a value. Cursor and focus stay, and where it is the value already, nothing changes."""
        if value != self._value or type(value) is not type(self._value):
            self._value = value
            self._display()

    def settle(self) -> None:
        """Writes out what was typed, as when the user goes on to another field."""

    def stops(self) -> list[QWidget]:
        """The widgets that the Tab key may stop at, in order."""
        raise NotImplementedError

    def _display(self) -> None:
        raise NotImplementedError

    def _set(self, value: Any) -> None:
        """Takes over what the user made."""
        if value != self._value or type(value) is not type(self._value):
            self._value = value
            self.changed.emit()
