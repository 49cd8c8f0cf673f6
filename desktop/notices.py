"""What went wrong, and what is worth knowing, above the player. It never takes the focus."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from core.errors import PolypTraceError
from desktop.theme.style import set_role
from desktop.words import sentence

MOST = 4
"""So many notices are shown at once; the oldest give way."""


class NoticeBar(QWidget):
    """Errors and warnings stay until they are closed; of the notes only the newest is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)
        self._notices: list[_Notice] = []
        self.hide()

    @property
    def text(self) -> str:
        """What stands there, a line each."""
        return "\n".join(one.text for one in self._notices)

    def show_error(self, error: PolypTraceError) -> None:
        """An error as a sentence with its hint."""
        self._show(sentence(error), "error")

    def show_note(self, text: str) -> None:
        """Something worth knowing."""
        self._show(text, "quiet")

    def show_warning(self, text: str) -> None:
        """Something that should be looked at."""
        self._show(text, "warning")

    def show_news(self, text: str, button: str, do: Callable[[], object]) -> None:
        """Something that can be followed up with a button; stays until it is closed or followed."""
        notice = self._show(text, "news")
        more = QToolButton()
        more.setText(button.replace("&", ""))
        more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        more.setAccessibleDescription(text)
        more.clicked.connect(lambda: self._close(notice))
        more.clicked.connect(lambda: do())
        notice.add(more)

    def clear(self) -> None:
        """Closes all."""
        for one in list(self._notices):
            self._close(one)

    def clear_note(self) -> None:
        """Closes what was only worth knowing until the next step."""
        for one in [notice for notice in self._notices if notice.role == "quiet"]:
            self._close(one)

    def clear_news(self) -> None:
        """Closes what can't be followed up any more."""
        for one in [notice for notice in self._notices if notice.role == "news"]:
            self._close(one)

    def _show(self, text: str, role: str) -> _Notice:
        for one in list(self._notices):
            if one.text == text or (role == one.role and role in ("quiet", "news")):
                self._close(one)
        notice = _Notice(text, role, self)
        notice.closed.clicked.connect(lambda: self._close(notice))
        self._notices.append(notice)
        self._column.addWidget(notice)
        for one in self._notices[:-MOST]:
            self._close(one)
        self.show()
        return notice

    def _close(self, notice: _Notice) -> None:
        if notice not in self._notices:
            return
        self._notices.remove(notice)
        self._column.removeWidget(notice)
        notice.hide()
        notice.deleteLater()
        self.setVisible(bool(self._notices))


class _Notice(QFrame):
    def __init__(self, text: str, role: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.text, self.role = text, role
        self.setProperty("role", "card")
        self.setAccessibleName({"error": "Error", "warning": "Warning"}.get(role, "Note"))
        self.setAccessibleDescription(text)
        label = QLabel(text)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        set_role(label, role)
        self.closed = QToolButton()
        self.closed.setText("Close")
        self.closed.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.closed.setToolTip("Close; Ctrl+W closes all notices")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.addWidget(label)
        self._row = layout
        layout.addWidget(self.closed, alignment=Qt.AlignmentFlag.AlignTop)

    def add(self, button: QToolButton) -> None:
        """A button before the one that closes."""
        self._row.insertWidget(1, button, alignment=Qt.AlignmentFlag.AlignTop)
