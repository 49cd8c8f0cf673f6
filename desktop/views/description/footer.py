"""The foot of the form: what is saved, which revision it is, and the button that finalises it."""

from __future__ import annotations

from PySide6.QtCore import QTime, Signal, SignalInstance
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.errors import PolypTraceError
from desktop.theme.style import set_role
from desktop.views.description.remark import Remark


class Footer(QWidget):
    """Says the state in words."""

    finalise = Signal()
    about = Signal()
    again = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.problem = Remark(self)
        self.problem.hide()
        self._state, self._revision = QLabel(self), QLabel(self)
        self._state.setWordWrap(True)
        self._state.setAccessibleName("Saved state")
        set_role(self._revision, "quiet")
        self.about_button = _link("About this vocabulary", self.about, self)
        self.again_button = _link("Save again", self.again, self)
        self.again_button.hide()
        self.button = QPushButton("Finalise", self)
        self.button.setAutoDefault(False)
        self.button.setToolTip("Check the whole description and save it as final")
        self.button.clicked.connect(self.finalise)
        self._build()

    @property
    def state(self) -> str:
        """The words on what is saved."""
        return self._state.text()

    @property
    def revision(self) -> str:
        """The words on revision and draft."""
        return self._revision.text()

    def tab_stops(self) -> list[QWidget]:
        """Where the Tab key may stop, in order."""
        return [self.again_button, self.about_button, self.button]

    def show_revision(self, number: int, draft: bool) -> None:
        """Names the revision; 0 is none yet."""
        self._revision.setText(f"Revision {number} · {'Draft' if draft else 'Final'}" if number else "New")

    def show_quiet(self, text: str) -> None:
        """A state that nobody needs to look at."""
        self._show(text, "quiet")

    def show_saved(self) -> None:
        """A save succeeded just now."""
        self._show(f"Saved {QTime.currentTime().toString('HH:mm')}", "good")

    def show_failed(self, error: PolypTraceError) -> None:
        """A save failed; the text is still in the form."""
        self._show("Not saved", "error")
        self.say(f"{error.message} What you typed is still here. {error.hint}".strip())
        self.again_button.show()

    def say(self, sentence: str) -> None:
        """Shows what went wrong, or with an empty sentence that nothing did."""
        if sentence:
            self.problem.say("error", sentence)
        self.problem.setVisible(bool(sentence))

    def _show(self, text: str, role: str) -> None:
        self._state.setText(text)
        set_role(self._state, role)
        self.again_button.hide()

    def _build(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self._state, 1)
        first.addWidget(self.again_button)
        first.addWidget(self._revision)
        second.addWidget(self.about_button)
        second.addStretch(1)
        second.addWidget(self.button)
        lay = QVBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.addWidget(self.problem)
        lay.addLayout(first)
        lay.addLayout(second)


def _link(text: str, signal: SignalInstance, parent: QWidget) -> QPushButton:
    button = QPushButton(text, parent)
    button.setProperty("role", "link")
    button.setAutoDefault(False)
    button.clicked.connect(signal)
    return button
