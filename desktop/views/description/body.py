"""The sections of the form under one another, in a scrolled view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QVBoxLayout, QWidget

from core.text.vocabulary import Field, Section, Vocabulary, load
from desktop.views.description.mnemonics import with_mnemonics
from desktop.views.description.reading import Reading
from desktop.views.description.row import FieldRow
from desktop.views.description.section import SectionBox

_WIDE = 60
"""From so many letters' width on, labels stand beside their fields."""


class FormBody(QScrollArea):
    """All fields of the vocabulary that a person fills in, made one by one by :meth:`grow`."""

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._is_wide = False
        self.sections: list[SectionBox] = []
        self.rows: dict[str, FieldRow] = {}
        self._inner = QWidget(self)
        self._lay = QVBoxLayout(self._inner)
        self._lay.setContentsMargins(0, 0, self.fontMetrics().height() // 3, 0)
        self._lay.setSpacing(self.fontMetrics().height() // 5)
        self._lay.addStretch(1)
        self.setWidget(self._inner)
        self._labels = _labels(load())
        self._growth = self._grown()

    def grow(self) -> bool:
        """Makes the next field, which takes some milliseconds; says whether there was one to make."""
        return next(self._growth, False)

    def _grown(self) -> Iterator[bool]:
        """One step a field."""
        for section in load().sections:
            fields = _fields(section)
            if not fields:
                continue
            box = self._section(section, fields)
            for field in fields:
                row = box.add(field, self._labels[field.key])
                row.changed.connect(self.changed)
                self.rows[field.key] = row
                yield True

    def _section(self, section: Section, fields: list[Field]) -> SectionBox:
        box = SectionBox(section, any(field.required != "no" for field in fields), self._inner)
        box.set_wide(self._is_wide)
        box.unfolded.connect(lambda: self.reveal(box))
        self._lay.insertWidget(len(self.sections), box)
        self.sections.append(box)
        return box

    def values(self) -> dict[str, Any]:
        """What the fields hold, empty ones left out."""
        held = {key: row.editor.value for key, row in self.rows.items()}
        return {key: value for key, value in held.items() if value is not None}

    def show_values(self, values: Mapping[str, Any]) -> None:
        """Fills the fields without a signal; those that hold their value already are left alone."""
        for key, row in self.rows.items():
            row.editor.show_value(values.get(key))

    def tell(self, reading: Reading) -> None:
        """Shows at each field and heading what is missing and what is wrong."""
        for row in self.rows.values():
            row.tell(reading)
        for section in self.sections:
            section.tell(reading)

    def tab_stops(self) -> list[QWidget]:
        """Where the Tab key may stop, in the order of clinical work."""
        stops: list[QWidget] = []
        for section in self.sections:
            stops.append(section.header)
            stops += [stop for row in section.rows for stop in row.editor.stops()]
        return stops

    def go_to_first(self, keys: Iterable[str]) -> None:
        """Goes to the first of these fields that the form has."""
        for key in keys:
            if key in self.rows:
                self.go_to(key)
                return

    def go_to(self, key: str) -> None:
        """Opens the section of a field and gives the field the focus."""
        row = self.rows[key]
        next(section for section in self.sections if row in section.rows).open()
        row.setVisible(True)
        self._enter(row.editor, row)

    def next_section(self, step: int) -> None:
        """Goes to the section after (``1``) or before (``-1``) the one with the focus."""
        focused = QApplication.focusWidget()
        here = next((n for n, section in enumerate(self.sections) if section.holds_focus(focused)), None)
        place = 0 if here is None else min(max(here + step, 0), len(self.sections) - 1)
        section = self.sections[place]
        section.open()
        self._enter(section.first_stop(), section)

    def reveal(self, widget: QWidget) -> None:
        """Scrolls to a widget, once the layout has its new sizes."""
        margin = self.fontMetrics().height()
        QTimer.singleShot(0, widget, lambda: self.ensureWidgetVisible(widget, 0, margin))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        is_wide = self.viewport().width() >= self.fontMetrics().averageCharWidth() * _WIDE
        if is_wide != self._is_wide:
            self._is_wide = is_wide
            for section in self.sections:
                section.set_wide(is_wide)

    def _enter(self, target: QWidget, shown: QWidget) -> None:
        target.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.reveal(shown)


def _fields(section: Section) -> list[Field]:
    return [field for field in load().in_section(section.key) if field.type != "auto"]


def _labels(vocabulary: Vocabulary) -> dict[str, str]:
    labels = {field.key: field.label for field in vocabulary.editable}
    important = [f.key for f in vocabulary.editable if f.required == "always" or f.type == "text"]
    return with_mnemonics(labels, important)
