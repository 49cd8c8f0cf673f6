"""Clips that aren't in the common space yet: how many, and preparing them with progress and cancel."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from core.counting import count
from core.progress import Progress


class Preparing(QWidget):
    """How many clips can't be found yet, and what can be done about it."""

    wanted = Signal()
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._button = QPushButton("Prepare them")
        self._button.setToolTip("Reads their frames once; meanwhile everything else goes on")
        self._bar = QProgressBar()
        self._bar.setAccessibleName("Progress of preparing")
        self._cancel = QPushButton("Cancel")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._text, 1)
        for widget in (self._bar, self._button, self._cancel):
            layout.addWidget(widget)
        self._button.clicked.connect(self._begin)
        self._cancel.clicked.connect(self.cancelled)
        self._going = False
        self.show_missing(0)

    def show_missing(self, clips: int) -> None:
        """So many clips aren't in the common space."""
        if self._going:
            return
        self._text.setText(f"{count(clips, 'clip', 'clips')} not prepared for search yet.")
        self._show(clips > 0, going=False)

    def show_progress(self, progress: Progress) -> None:
        """How far it is."""
        if self._going:
            self._bar.setRange(0, progress.total or 0)
            self._bar.setValue(progress.done if progress.total else -1)

    def end(self) -> None:
        """Nothing is being prepared."""
        self._going = False
        self.show_missing(0)

    def _begin(self) -> None:
        self._going = True
        self._text.setText("Preparing clips for search…")
        self._bar.setRange(0, 0)
        self._show(True, going=True)
        self.wanted.emit()

    def _show(self, there: bool, *, going: bool) -> None:
        self.setVisible(there)
        self._button.setVisible(not going)
        self._bar.setVisible(going)
        self._cancel.setVisible(going)
