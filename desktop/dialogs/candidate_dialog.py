"""A candidate's figures beside those of the model in use; its id has to be typed before it is put to use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from core.domain import RESEARCH_BANNER
from core.retraining.figures import FIGURES

if TYPE_CHECKING:  # the catalogue's library loads after the first paint
    from core.retraining.candidates import Candidate, Standing

NO_FIGURES = "It was trained on a manifest: nothing was compared. Measure it with the command evaluate."


class CandidateDialog(QDialog):
    """``promoted`` carries the id of the candidate and what was typed, which are the same."""

    promoted = Signal(str, str)

    def __init__(self, standing: Standing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Candidate models – {RESEARCH_BANNER}")
        self._standing = standing
        self.choice = QComboBox()
        self.choice.setAccessibleName("Candidate")
        for one in standing.candidates:
            self.choice.addItem(one.id)
        self.choice.currentIndexChanged.connect(self._show)
        self._words, self._foot, self._ask = QLabel(), QLabel(), QLabel()
        for label in (self._words, self._foot, self._ask):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._foot.setProperty("role", "quiet")
        self._table = QWidget()
        self._table.setAccessibleName("Figures of both models")
        self._grid = QGridLayout(self._table)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self.typed = QLineEdit()
        self.typed.setAccessibleName("The candidate's id")
        self.typed.textChanged.connect(lambda _: self._check())
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.use = self._buttons.addButton("&Put it to use", QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.accepted.connect(self._promote)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        parts = (self.choice, self._words, self._table, self._foot, self._ask, self.typed, self._buttons)
        for part in parts:
            layout.addWidget(part)
        self._buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
        self.use.setDefault(True)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 80)
        self._show()
        self.typed.setFocus()

    @property
    def candidate(self) -> Candidate:
        """The one that is shown."""
        return self._standing.candidates[self.choice.currentIndex()]

    def _show(self) -> None:
        one = self.candidate
        compared = one.comparison
        words = [*one.learnt, *(compared["words"] if compared else (NO_FIGURES,))]
        if compared and compared["active_model"] != self._standing.active:
            words.append(
                f"It was compared with {compared['active_model']}; in use now is {self._standing.active}."
            )
        self._words.setText("\n\n".join(words))
        self._fill(compared)
        reasons = sorted(set(compared["reasons"].values())) if compared else []
        self._foot.setText("\n".join(f"–: {reason}" for reason in reasons))
        self._foot.setVisible(bool(reasons))
        self._ask.setText(f"To use it instead of {self._standing.active}, type its id, {one.id}:")
        self.typed.clear()
        self._check()
        self.adjustSize()

    def _fill(self, compared: dict[str, Any] | None) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self._table.setVisible(bool(compared and compared["on"]))
        if not compared or not compared["on"]:
            return
        heads = (f"Measured on {compared['patients']} {compared['on']}", "Candidate", "In use")
        self._row(0, heads, "quiet")
        for at, (key, words) in enumerate(FIGURES.items(), start=1):
            self._row(at, (words, _figure(compared, "candidate", key), _figure(compared, "active", key)))

    def _row(self, at: int, cells: tuple[str, str, str], role: str = "") -> None:
        for column, text in enumerate(cells):
            label = QLabel(text)
            label.setProperty("role", role)
            label.setAccessibleName(f"{cells[0]}: {text}" if column else text)
            side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
            self._grid.addWidget(label, at, column, side)
        self._grid.setColumnStretch(0, 1)

    def _check(self) -> None:
        self.use.setEnabled(self.typed.text().strip() == self.candidate.id)

    def _promote(self) -> None:
        self.promoted.emit(self.candidate.id, self.typed.text().strip())
        self.accept()


def _figure(compared: dict[str, Any], side: str, key: str) -> str:
    value = compared[side][key]
    if value is None:
        return "–"
    interval = compared["intervals"].get(side, {}).get(key)
    return f"{value:.2f}" + (f"  ({interval[0]:.2f}…{interval[1]:.2f})" if interval else "")
