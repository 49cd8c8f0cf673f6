"""Refining a search: like this clip, larger, smaller, another segment, after a tattoo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QToolButton, QWidget

from desktop.views.flow import FlowBox

if TYPE_CHECKING:
    from core.search.query import Refinement

_CHIPS: tuple[tuple[Refinement, str, str], ...] = (
    ("larger", "Larger", "Only what is larger than the size that the query says"),
    ("smaller", "Smaller", "Only what is smaller than the size that the query says"),
    ("other segment", "Other segment", "Not in the segment that the query says"),
    ("after tattoo", "After tattoo", "Exams of patients with a tattoo at an earlier exam"),
)
_OPPOSITE = {"larger": "smaller", "smaller": "larger"}


class Chips(FlowBox):
    """Buttons that stay down while they count. ``changed``: another query is meant now."""

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._chosen: int | None = None
        self._like = self._button("Like this clip", "")
        self._like.toggled.connect(self._toggled_like)
        self.like: int | None = None
        """The clip that the others are to be like."""
        self._buttons: dict[Refinement, QToolButton] = {}
        for name, label, tip in _CHIPS:
            self._buttons[name] = self._button(label, tip)
            self._buttons[name].toggled.connect(lambda on, of=name: self._toggled(of, on))
        self._clear = QToolButton(self)
        self._clear.setText("Clear")
        self._clear.setToolTip("Take back what refines the query; the list is as it was before")
        self._clear.clicked.connect(self.clear)
        self.add(self._clear)
        self._refresh()

    @property
    def buttons(self) -> tuple[QToolButton, ...]:
        """All of them in the order of the Tab key."""
        return (self._like, *self._buttons.values(), self._clear)

    @property
    def refinements(self) -> tuple[Refinement, ...]:
        """Those that are set."""
        return tuple(name for name, button in self._buttons.items() if button.isChecked())

    def choose(self, clip: int | None) -> None:
        """Another clip is open, or chosen among the hits; one that is searched by stays."""
        self._chosen = clip
        self._refresh()

    def clear(self) -> None:
        """All up again, told once."""
        before = (self.like, self.refinements)
        for button in (self._like, *self._buttons.values()):
            button.blockSignals(True)
            button.setChecked(False)
            button.blockSignals(False)
        self.like = None
        self._refresh()
        if before != (None, ()):
            self.changed.emit()

    def _button(self, label: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(label)
        button.setToolTip(tip)
        button.setCheckable(True)
        self.add(button)
        return button

    def _toggled_like(self, on: bool) -> None:
        self.like = self._chosen if on else None
        self._refresh()
        self.changed.emit()

    def _toggled(self, name: Refinement, on: bool) -> None:
        other = self._buttons.get(_OPPOSITE.get(name, ""))  # type: ignore[call-overload]
        if on and other is not None and other.isChecked():
            other.blockSignals(True)
            other.setChecked(False)
            other.blockSignals(False)
        self._refresh()
        self.changed.emit()

    def _refresh(self) -> None:
        self._like.setEnabled(self.like is not None or self._chosen is not None)
        meant = self.like if self.like is not None else self._chosen
        which = "the one that is open, or chosen in the list" if meant is None else f"clip {meant}"
        self._like.setToolTip(f"Clips of the same kind as {which}")
        self._like.setText(f"Like clip {self.like}" if self.like is not None else "Like this clip")
        self._clear.setEnabled(self.like is not None or bool(self.refinements))
