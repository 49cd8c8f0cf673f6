"""The report sentence in a card, live and selectable."""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent, QTextOption
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QTextEdit, QVBoxLayout, QWidget

from desktop.theme.style import set_role
from desktop.views.description.reading import Reading

_MOST_LINES = 6
"""Lines that the card shows at most before it scrolls."""
_EMPTY = "The report sentence appears here while you describe."


class SentenceCard(QFrame):
    """What the report will say, word for word; or which field keeps it from being written."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._title = QLabel("Report sentence", self)
        self._title.setProperty("role", "quiet")
        self.view = _View(self)
        self.view.setAccessibleName("Report sentence")
        lay = QVBoxLayout(self)
        lay.setContentsMargins(*[self.fontMetrics().height() // 4] * 4)
        lay.setSpacing(self.fontMetrics().height() // 5)
        lay.addWidget(self._title)
        lay.addWidget(self.view)

    @property
    def text(self) -> str:
        """What stands in the card."""
        return self.view.toPlainText()

    def tell(self, reading: Reading) -> None:
        """Shows the sentence of these values."""
        if reading.blocked:
            self._write(f"Not written yet. {reading.blocked}", "error")
        elif reading.sentence:
            self._write(reading.sentence, "sentence")
        else:
            self._write(_EMPTY, "quiet")

    def _write(self, text: str, state: str) -> None:
        if text == self.text:
            return
        set_role(self.view, state, "state")
        self.view.setPlainText(text)
        self.view.fit()


class _View(QTextEdit):
    """Read-only text as high as it needs to be, up to some lines."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "sentence")
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(0)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(super().sizeHint().width(), self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()

    def fit(self) -> None:
        """Takes the height of the text."""
        layout = self.document().firstBlock().layout()
        line = layout.lineAt(0).height() if layout.lineCount() else self.fontMetrics().lineSpacing()
        wanted = max(self.document().size().height(), line)
        self.setFixedHeight(math.ceil(min(wanted, line * _MOST_LINES)))
