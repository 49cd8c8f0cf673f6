"""A section of the form, which can be folded; how it was folded is remembered while the program runs."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from core.text.vocabulary import Field, Section
from desktop.theme.style import set_role
from desktop.views.description.look import Mark
from desktop.views.description.reading import Reading
from desktop.views.description.remark import Sign
from desktop.views.description.row import FieldRow

_open: dict[str, bool] = {}
"""Which sections the user opened or folded."""


class SectionBox(QWidget):
    """A heading that folds, and the rows below it."""

    unfolded = Signal()

    def __init__(self, section: Section, starts_open: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.section = section
        self.header = QToolButton(self)
        self.header.setText(section.label)
        self.header.setProperty("role", "section")
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setToolTip("Space folds and opens · Ctrl+PgDown and Ctrl+PgUp go from section to section")
        self.header.clicked.connect(self._toggle)
        self._sign = Sign("needed", self)
        self._summary = QLabel(self)
        self._said, self._is_wide = "", False
        self._body = QWidget(self)
        self.rows: list[FieldRow] = []
        self._build()
        self._fold(not _open.get(section.key, starts_open))

    def add(self, field: Field, label: str) -> FieldRow:
        """Makes the next row."""
        row = FieldRow(field, label, self._body)
        row.set_wide(self._is_wide)
        self.rows.append(row)
        self._column.addWidget(row)
        return row

    @property
    def is_open(self) -> bool:
        """Whether the rows are shown."""
        return not self._body.isHidden()

    @property
    def summary(self) -> str:
        """The words at the right of the heading."""
        return self._said

    def open(self) -> None:
        """Shows the rows, for as long as the program runs."""
        if not self.is_open:
            self._toggle()

    def first_stop(self) -> QWidget:
        """Where the keyboard enters the section."""
        shown = (row.editor for row in self.rows if not row.isHidden())
        return next(shown, self.header) if self.is_open else self.header

    def holds_focus(self, focused: QWidget | None) -> bool:
        """Whether ``focused`` is in this section."""
        return focused is not None and self.isAncestorOf(focused)

    def tell(self, reading: Reading) -> None:
        """Shows at the heading what the section holds and what it lacks."""
        keys = {row.field.key for row in self.rows}
        wrong = sum(
            problem.key in keys and reading.values.get(problem.key) is not None for problem in reading.errors
        )
        missing = sum(key in keys for key in reading.missing if key not in reading.values)
        filled = sum(key in keys for key in reading.values)
        if wrong:
            self._summarise("error", f"{wrong} wrong")
        elif missing:
            self._summarise("needed", f"{missing} needed")
        else:
            self._summarise("good" if filled else None, f"{filled} recorded" if filled else "")
        self.header.setAccessibleName(f"{self.section.label} {self.summary}".strip())

    def set_wide(self, wide: bool) -> None:
        """Puts labels beside their fields or above them, with shorter words at the heading."""
        self._is_wide = wide
        self._summary.setText(self.summary if wide else self.summary.partition(" ")[0])
        for row in self.rows:
            row.set_wide(wide)

    def _summarise(self, kind: Mark | None, text: str) -> None:
        self._sign.setVisible(kind is not None)
        if kind is not None:
            self._sign.show_kind(kind)
        self._said = text
        self._summary.setText(text if self._is_wide else text.partition(" ")[0])
        self._summary.setToolTip(text)
        set_role(self._summary, "error" if kind == "error" else "quiet")

    def _toggle(self) -> None:
        _open[self.section.key] = not self.is_open
        self._fold(self.is_open)
        if self.is_open:
            self.unfolded.emit()

    def _fold(self, folded: bool) -> None:
        self._body.setVisible(not folded)
        self.header.setArrowType(Qt.ArrowType.RightArrow if folded else Qt.ArrowType.DownArrow)
        self.header.setAccessibleDescription("folded" if folded else "open")

    def _build(self) -> None:
        height = self.fontMetrics().height()
        head = QHBoxLayout()
        head.setSpacing(height // 3)
        head.addWidget(self.header)
        head.addStretch(1)
        head.addWidget(self._sign)
        head.addWidget(self._summary)
        self._column = QVBoxLayout(self._body)
        self._column.setContentsMargins(height // 2, height // 4, 0, height // 2)
        self._column.setSpacing(height * 2 // 3)
        rule = QFrame(self)
        rule.setProperty("role", "rule")
        rule.setFixedHeight(1)
        lay = QVBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(height // 5)
        lay.addLayout(head)
        lay.addWidget(self._body)
        lay.addWidget(rule)
