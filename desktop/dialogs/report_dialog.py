"""A report's finding beside the form of the description: read, corrected, accepted."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from core.domain import RESEARCH_BANNER
from desktop.item_models.reports import ReportRow
from desktop.views.description.body import FormBody
from desktop.views.description.look import SHEET
from desktop.views.description.reading import read
from desktop.views.description.sentence import SentenceCard


class ReportDialog(QDialog):
    """``decided`` carries the values to accept, or to save where the finding is accepted already."""

    decided = Signal(object)
    dismissed = Signal()

    def __init__(self, row: ReportRow, values: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Finding of a report – {RESEARCH_BANNER}")
        self._row = row
        self.setStyleSheet(SHEET)
        accepted = row.read is not None and row.read.state.value == "accepted"
        self.body, self.card = FormBody(self), SentenceCard(self)
        while self.body.grow():
            pass
        self.body.show_values(values)
        self.body.changed.connect(self._look)
        self.report = QTextBrowser()
        self.report.setAccessibleName("The report, and what was read in it")
        self.report.setHtml(_page(row))
        self.identity = QLabel(" ".join(_identity(row)))
        self.identity.setWordWrap(True)
        self.identity.setProperty("role", "warning")
        self.identity.setVisible(bool(self.identity.text()))
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.setProperty("role", "warning")
        roles = QDialogButtonBox.ButtonRole
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.accept_button = self._buttons.addButton("Save" if accepted else "Accept", roles.AcceptRole)
        self.dismiss_button = self._buttons.addButton("Dismiss", roles.DestructiveRole)
        self.dismiss_button.setVisible(row.read is not None and row.read.state.value != "dismissed")
        # The fields' letters leave none for the buttons.
        self.accept_button.setToolTip(f"{self.accept_button.text()} (Ctrl+Enter)")
        self.accept_button.setDefault(True)
        for key in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(key), self).activated.connect(self.accept_button.click)
        self._buttons.accepted.connect(self._accept)
        self._buttons.rejected.connect(self.reject)
        self.dismiss_button.clicked.connect(self._dismiss)
        self._lay_out()
        self._look()
        self.body.tab_stops()[0].setFocus()

    @property
    def values(self) -> dict[str, Any]:
        """The description as it stands in the form."""
        from core.text.normal import normalise

        return normalise(self.body.values())

    def _look(self) -> None:
        reading = read(self.values, finalise=False)
        self.body.tell(reading)
        self.card.tell(reading)
        wrong = [problem.message for problem in reading.errors]
        self._problem.setText(" ".join(wrong))
        self._problem.setVisible(bool(wrong))
        self.accept_button.setEnabled(bool(self.values))

    def _accept(self) -> None:
        self.decided.emit(self.values)
        self.accept()

    def _dismiss(self) -> None:
        self.dismissed.emit()
        self.accept()

    def _lay_out(self) -> None:
        height = self.fontMetrics().height()
        left = QVBoxLayout()
        left.addWidget(QLabel(f"Patient {self._row.report.patient}, exam of {self._row.report.date}"))
        left.addWidget(self.report, 1)
        left.addWidget(self.identity)
        right = QVBoxLayout()
        right.addWidget(self.body, 1)
        right.addWidget(self.card)
        both = QHBoxLayout()
        both.addLayout(left, 2)
        both.addLayout(right, 3)
        layout = QVBoxLayout(self)
        layout.addLayout(both, 1)
        layout.addWidget(self._problem)
        layout.addWidget(self._buttons)
        self.resize(QSize(height * 62, height * 40).boundedTo(self.screen().availableSize()))


def _identity(row: ReportRow) -> list[str]:
    """That the report seems to hold a name or a number, if it does."""
    from core.legacy.identity import text_warnings

    return text_warnings([row.report.text])


def _page(row: ReportRow) -> str:
    """The report with the finding's sentence marked, and each field with how sure it is."""
    text, read_ = html.escape(row.report.text), row.read
    if read_ is None or not read_.fields:
        return f"<p>{text}</p><p>Nothing was read of this finding: fill in what the report says.</p>".replace(
            "\n", "<br>"
        )
    from core.text.place import field_names

    words = html.escape(read_.words)
    marked = text.replace(words, f"<b>{words}</b>", 1) if words else text
    lines = "".join(
        f"<tr><td>{html.escape(field_names([key]))}</td><td><b>{html.escape(_value(field.value))}</b></td>"
        f"<td>“{html.escape(field.words)}”</td><td align='right'>{field.sure:.0%}</td></tr>"
        for key, field in read_.fields.items()
    )
    head = "<tr><td>field</td><td>as read</td><td>by the words</td><td align='right'>sure</td></tr>"
    shown = marked.replace("\n", "<br>")
    return f"<p>{shown}</p><table cellpadding='3'>{head}{lines}</table>"


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
