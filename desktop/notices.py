"""A bar that says what went wrong, without taking the focus; it goes away by hand or with the next one."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from core.errors import PolypTraceError
from desktop.theme.style import set_role
from desktop.words import sentence


class NoticeBar(QFrame):
    """Shows the newest notice; earlier ones stand in its tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setAccessibleName("Notice")
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        close = QToolButton()
        close.setText("Close")
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.addWidget(self._text)
        layout.addWidget(close, alignment=Qt.AlignmentFlag.AlignTop)
        self._earlier: list[str] = []
        self.hide()

    @property
    def text(self) -> str:
        """What stands there."""
        return "" if self.isHidden() else self._text.text()

    def show_error(self, error: PolypTraceError) -> None:
        """An error as a sentence with its hint."""
        self._show(sentence(error), "error")

    def show_note(self, text: str) -> None:
        """Something worth knowing."""
        self._show(text, "quiet")

    def show_warning(self, text: str) -> None:
        """Something that should be looked at."""
        self._show(text, "warning")

    def _show(self, text: str, role: str) -> None:
        if self._text.text():
            self._earlier = [self._text.text(), *self._earlier][:5]
        self._text.setText(text)
        set_role(self._text, role)
        self.setToolTip("\n".join(self._earlier))
        self.show()
