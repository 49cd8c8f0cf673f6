"""A sign and a sentence: what is wrong with a field, or what it still needs."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from desktop.theme.style import set_role
from desktop.views.description.look import Mark, draw_mark

_ROLES: dict[Mark, str] = {"error": "error", "warning": "warning", "needed": "quiet", "good": "good"}
_NAMES: dict[Mark, str] = {"error": "Wrong", "warning": "Doubtful", "needed": "Needed", "good": "Good"}


class Sign(QWidget):
    """One mark, as high as a letter."""

    def __init__(self, kind: Mark, parent: QWidget) -> None:
        super().__init__(parent)
        self.kind = kind
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(_NAMES[kind])

    def show_kind(self, kind: Mark) -> None:
        """Shows another mark."""
        if kind != self.kind:
            self.kind = kind
            self.setAccessibleName(_NAMES[kind])
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        metrics = self.fontMetrics()
        return QSize(metrics.ascent(), metrics.height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        size, painter = self.fontMetrics().ascent(), QPainter(self)
        painter.translate(0, (self.fontMetrics().height() - size) / 2)
        draw_mark(painter, self.kind, size)
        painter.end()


class Remark(QWidget):
    """A wrapped sentence with its mark."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._sign = Sign("warning", self)
        self._said = QLabel(self)
        self._said.setWordWrap(True)
        self._said.setTextFormat(Qt.TextFormat.PlainText)
        lay = QHBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        lay.addWidget(self._said, 1)

    @property
    def kind(self) -> Mark:
        """What sort of remark it is."""
        return self._sign.kind

    @property
    def text(self) -> str:
        """The sentence."""
        return self._said.text()

    def say(self, kind: Mark, sentence: str) -> None:
        """Shows a sentence; a screen reader hears its kind too."""
        if (kind, sentence) == (self.kind, self.text):
            return
        self._sign.show_kind(kind)
        self._said.setText(sentence)
        self._said.setAccessibleName(f"{_NAMES[kind]}: {sentence}")
        set_role(self._said, _ROLES[kind])
