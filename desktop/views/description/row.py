"""One field of the form: its label, its editor, and what is to be said about it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QBoxLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.text.rules import Problem, value_fault
from core.text.vocabulary import Field
from desktop.theme.style import set_role
from desktop.views.description.combo import ChoiceBox
from desktop.views.description.editor import Editor
from desktop.views.description.look import Mark
from desktop.views.description.note import NoteEdit
from desktop.views.description.number import NumberEdit
from desktop.views.description.reading import Reading
from desktop.views.description.remark import Remark, Sign
from desktop.views.description.toggles import ChipRow, ChoiceRow

_FEW = 6
"""Up to so many values are buttons, more are a list."""
_LABEL_WIDTH = 19
"""Letters in a line of the label where it stands beside its field."""
_NO_LIMIT = 16_777_215
"""Qt's word for a width without limit."""


def editor_of(field: Field, parent: QWidget) -> Editor:
    """The editor that suits the type of a field."""
    if field.type == "text":
        return NoteEdit(field, parent)
    if field.type in ("integer", "number"):
        return NumberEdit(field, parent)
    if field.type == "choices":
        return ChipRow(field, parent)
    if field.type == "boolean" or len(field.values) <= _FEW:
        return ChoiceRow(field, parent)
    return ChoiceBox(field, parent)


class FieldRow(QWidget):
    """A labelled editor with its remarks below. The label stands beside it, or above where it is narrow."""

    changed = Signal()

    def __init__(self, field: Field, label: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.field = field
        self._head = QWidget(self)
        self.label = QLabel(label, self._head)
        self.needed = Sign("needed", self._head)
        self.needed.setToolTip("Needed before the description can be final")
        self._arrange_head()
        self.editor = editor_of(field, self)
        self.editor.changed.connect(self.changed)
        self.label.setBuddy(self.editor)
        self._remarks: list[Remark] = []
        self._body = QVBoxLayout()
        self._body.addWidget(self.editor)
        self._lay = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._lay.setContentsMargins(0, 0, 0, 0)
        self._lay.addWidget(self._head)
        self._lay.addLayout(self._body, 1)
        self.set_wide(False)

    @property
    def remarks(self) -> tuple[tuple[Mark, str], ...]:
        """What is said about the field now."""
        return tuple((one.kind, one.text) for one in self._remarks if not one.isHidden())

    def set_wide(self, wide: bool) -> None:
        """Puts the label beside the editor (``wide``) or above it."""
        metrics = self.fontMetrics()
        width = metrics.averageCharWidth() * _LABEL_WIDTH if wide else 0
        line = min(self.editor.stops()[0].sizeHint().height(), 2 * metrics.height()) if wide else 0
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        self._lay.setDirection(direction)
        self._lay.setSpacing(metrics.height() // 2 if wide else metrics.height() // 5)
        self._lay.setAlignment(self._head, Qt.AlignmentFlag.AlignTop if wide else Qt.AlignmentFlag(0))
        self._head.setMinimumSize(width, line)
        self._head.setMaximumWidth(width or _NO_LIMIT)
        self.label.setWordWrap(wide)
        self._line.setStretch(0, 1 if wide else 0)
        self._line.setStretch(2, 0 if wide else 1)

    def has_focus(self) -> bool:
        """Whether the user is in this field."""
        focused = QApplication.focusWidget()
        return focused is not None and self.isAncestorOf(focused)

    def tell(self, reading: Reading) -> None:
        """Shows whether the field applies, is needed, and what is wrong with it."""
        is_filled = self.editor.value is not None
        is_needed = self.field.key in reading.required and not is_filled
        self.setVisible(self.field.key in reading.relevant or is_filled or self.has_focus())
        self.needed.setVisible(is_needed)
        problems = reading.about(self.field.key)
        if self.editor.unfinished:
            problems = tuple(one for one in problems if one.message != self._fault(reading))
        self._say([(_kind(one, is_filled), self._sentence(one, reading)) for one in problems])
        is_wrong = any(one.severity == "error" for one in problems)
        for stop in self.editor.stops():
            if not isinstance(stop, QPushButton):
                set_role(stop, "true" if is_wrong else "false", "wrong")

    def _say(self, said: list[tuple[Mark, str]]) -> None:
        while len(self._remarks) < len(said):
            self._remarks.append(Remark(self))
            self._body.addWidget(self._remarks[-1])
        for place, remark in enumerate(self._remarks):
            if place < len(said):
                remark.say(*said[place])
            remark.setVisible(place < len(said))

    def _fault(self, reading: Reading) -> str | None:
        value = reading.values.get(self.field.key)
        return None if value is None else value_fault(self.field, value)

    def _sentence(self, problem: Problem, reading: Reading) -> str:
        value: Any = reading.values.get(self.field.key)
        if problem.message != self._fault(reading) or not isinstance(value, str):
            return problem.message
        near = self.field.nearest(value) if self.field.values else None
        return f"{problem.message} Did you mean “{near}”?" if near else problem.message

    def _arrange_head(self) -> None:
        self._line = QHBoxLayout(self._head)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(self.fontMetrics().height() // 3)
        self._line.addWidget(self.label)
        self._line.addWidget(self.needed)
        self._line.addStretch(1)


def _kind(problem: Problem, is_filled: bool) -> Mark:
    if problem.severity == "error":
        return "error"
    return "warning" if is_filled else "needed"
