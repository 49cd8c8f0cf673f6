"""Before a training: what would train, where and for how long, in words; then start, or go on with a run."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError
from desktop.words import sentence

PRESETS = (
    ("quick", "Quick"),
    ("compact", "Thorough: many more steps"),
)


class TrainingDialog(QDialog):
    """``looked_for`` asks for a preset's plan, ``started`` carries preset and run (None = a new one).

    ``given_up`` carries the run that isn't wanted any more.
    """

    looked_for = Signal(str)
    started = Signal(str, object)
    given_up = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Train on confirmed links – {RESEARCH_BANNER}")
        self._unfinished: dict[str, Any] = {}
        self.preset = QComboBox()
        self.preset.setAccessibleName("How thorough")
        for name, words in PRESETS:
            self.preset.addItem(words, name)
        self.preset.currentIndexChanged.connect(lambda _: self.look())
        self.words, self.problem = QLabel(), QLabel()
        for label in (self.words, self.problem):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.problem.setProperty("role", "warning")
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Looking at what is confirmed")
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        roles = QDialogButtonBox.ButtonRole
        self.start = self._buttons.addButton("&Start training", roles.AcceptRole)
        self.go_on = self._buttons.addButton("&Go on with it", roles.AcceptRole)
        self.give_up = self._buttons.addButton("Give it &up", roles.DestructiveRole)
        self.give_up.setAutoDefault(False)
        self.give_up.clicked.connect(self._give_up)
        self.start.clicked.connect(lambda: self._begin(None))
        self.go_on.clicked.connect(lambda: self._begin(self._unfinished.get("run")))
        self._buttons.rejected.connect(self.reject)
        self._lay_out()
        self._buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)

    def look(self) -> None:
        """Asks for the plan anew."""
        self.words.setText("Looking at what is confirmed…")
        self.problem.hide()
        self._bar.show()
        self.start.setEnabled(False)
        self.go_on.hide()
        self.give_up.hide()
        self.looked_for.emit(self.preset.currentData())

    def show_plan(self, plan: dict[str, Any]) -> None:
        """The answer."""
        self._bar.hide()
        refused, known = plan["refused"], plan["unfinished"]
        self._unfinished = known or {}
        words = "\n\n".join(plan["words"] if refused is None else plan["words"][:-2])
        self.words.setText(words)
        self.start.setEnabled(refused is None)
        for button in (self.go_on, self.give_up):
            button.setVisible(known is not None)
        self.start.setText("&Start anew" if known is not None else "&Start training")
        said = [f"{refused['message']} {refused['hint']}"] if refused is not None else []
        if known is not None:
            ended = f"failed: {known['failure']}" if known["failure"] else f"was stopped ({known['words']})."
            said.append(
                f"The training that began at {known['began']} {ended} It can be "
                "gone on with; it learns from what was confirmed then."
            )
        self.problem.setText("\n\n".join(said))
        self.problem.setVisible(bool(said))
        waits = known is not None and not known["failure"]
        (self.go_on if waits else self.start).setDefault(True)
        self.adjustSize()

    def show_error(self, error: PolypTraceError) -> None:
        """There is no answer."""
        self._bar.hide()
        self.words.setText("")
        self.problem.setText(sentence(error))
        self.problem.show()

    def _give_up(self) -> None:
        self.words.setText("Looking at what is confirmed…")
        self.given_up.emit(self._unfinished["run"])

    def _begin(self, run: str | None) -> None:
        preset = self.preset.currentData() if run is None else self._unfinished["preset"]
        self.started.emit(preset, run)
        self.accept()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("&How thorough", self.preset)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self._bar)
        layout.addWidget(self.words)
        layout.addWidget(self.problem)
        layout.addStretch(1)
        layout.addWidget(self._buttons)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 80)
