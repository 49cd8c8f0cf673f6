"""How much of what is needed is there: a bar and a sentence that lead to the next missing field."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from core.text.vocabulary import load
from desktop.views.description.reading import Reading


class Meter(QWidget):
    """``5 of 8 needed``; a click or the key goes to the first field that is missing."""

    wanted = Signal()

    def __init__(self, shortcut: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._shortcut = shortcut
        title = QLabel("Description", self)
        title.setProperty("role", "title")
        self.button = QPushButton(self)
        self.button.setProperty("role", "link")
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self.wanted)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(max(4, self.fontMetrics().height() // 3))
        self.bar.setAccessibleName("Completeness of the description")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        line = QHBoxLayout()
        line.addWidget(title)
        line.addStretch(1)
        line.addWidget(self.button)
        lay = QVBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(self.fontMetrics().height() // 5)
        lay.addLayout(line)
        lay.addWidget(self.bar)

    def tell(self, reading: Reading) -> None:
        """Shows how many of the needed fields are filled, and which comes next."""
        needed, there = len(reading.required), len(reading.required) - len(reading.missing)
        self.bar.setRange(0, needed)
        self.bar.setValue(there)
        self.button.setText(
            f"{there} of {needed} needed" if reading.missing else f"All {needed} needed are there"
        )
        following = load().by_key[reading.missing[0]].label if reading.missing else ""
        hint = f"Next: {following} ({self._shortcut})" if following else "Nothing needed is missing"
        self.button.setToolTip(hint)
        self.button.setAccessibleDescription(hint)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        self.wanted.emit()
        event.accept()
