"""The buttons under the picture, and where the playhead is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QFont, QIcon, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from desktop.player import glyphs
from desktop.player.film import Film, clock
from desktop.player.shuttle import SPEEDS
from desktop.views.flow import FlowBox

_DIGITS = QFont.Tag("tnum")
_LONGEST = "0:00:00.000 / 0:00:00.000 · frame 0000000"


class KeyButton(QToolButton):
    """A button that Space and Enter press while it has the focus, whatever they mean elsewhere."""

    def event(self, event: QEvent) -> bool:
        """Claims its keys before a shortcut of the window takes them; Enter is a press too."""
        keys = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if isinstance(event, QKeyEvent) and event.key() in keys:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress and event.key() != Qt.Key.Key_Space:
                self.click()
                return True
        return super().event(event)


class Transport(QWidget):
    """Play, step, mark and speed by mouse; the keys belong to the window's table of actions.

    Signals:
        play_pressed(), in_pressed(), out_pressed(), add_pressed(): the buttons.
        step_pressed(int): −1 or 1.
        speed_chosen(float): one of :data:`desktop.player.shuttle.SPEEDS`.
    """

    play_pressed = Signal()
    step_pressed = Signal(int)
    in_pressed = Signal()
    out_pressed = Signal()
    add_pressed = Signal()
    speed_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._side = self.fontMetrics().height()
        self._play_icon, self._pause_icon = self._icon(glyphs.play), self._icon(glyphs.pause)
        self.play_button = self._button(glyphs.play, "Play (Space)", self.play_pressed.emit)
        self.back_button = self._button(glyphs.step_back, "One frame back (Left)", self._step_back)
        self.on_button = self._button(glyphs.step_forward, "One frame forward (Right)", self._step_on)
        self.in_button = self._button(glyphs.mark_in, "Mark the clip's first frame (I)", self.in_pressed.emit)
        self.out_button = self._button(
            glyphs.mark_out, "Mark the clip's last frame (O)", self.out_pressed.emit
        )
        self.add_button = self._button(glyphs.add, "Add the marked clip (Enter)", self.add_pressed.emit)
        self._name(self.in_button, "In")
        self._name(self.out_button, "Out")
        self._name(self.add_button, "Add clip")
        self.speed_button = self._speed_button()
        self.time_label = QLabel(self)
        self.time_label.setAccessibleName("Position")
        self.time_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.time_label.setMinimumWidth(self.fontMetrics().horizontalAdvance(_LONGEST))
        font = self.time_label.font()
        font.setFeature(_DIGITS, 1)
        self.time_label.setFont(font)
        self._arrange()
        self.show_position(None, 0)

    def show_position(self, film: Film | None, number: int) -> None:
        """Says where the playhead is: ``00:12.480 / 01:03.000 · frame 312``."""
        if film is None:
            self.time_label.setText("")
            return
        self.time_label.setText(f"{clock(film.seconds(number))} / {clock(film.length)} · frame {number}")

    def show_playing(self, rate: float, chosen: float) -> None:
        """Says whether and how fast it plays; ``chosen`` is the speed when it doesn't."""
        playing = rate != 0
        self.play_button.setIcon(self._pause_icon if playing else self._play_icon)
        words = "Pause" if playing else "Play"
        self.play_button.setAccessibleName(words)
        self.play_button.setToolTip(f"{words} (Space)")
        speed = rate if playing else chosen
        self.speed_button.setText(speed_words(speed))
        for action in self._speeds.actions():
            action.setChecked(action.data() == abs(speed))

    def _button(self, draw: glyphs.Draw, tip: str, slot: Callable[[], None]) -> QToolButton:
        button = KeyButton(self)
        button.setIcon(self._icon(draw))
        button.setIconSize(QSize(self._side, self._side))
        button.setToolTip(tip)
        button.setAccessibleName(tip.rpartition(" (")[0])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(slot)
        return button

    def _icon(self, draw: glyphs.Draw) -> QIcon:
        return glyphs.icon(draw, self._side)

    def _name(self, button: QToolButton, words: str) -> None:
        button.setText(words)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)

    def _step_back(self) -> None:
        self.step_pressed.emit(-1)

    def _step_on(self) -> None:
        self.step_pressed.emit(1)

    def _speed_button(self) -> QToolButton:
        button = KeyButton(self)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setToolTip("Speed (L faster forwards, J faster backwards)")
        button.setAccessibleName("Speed")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        widest = max(SPEEDS, key=lambda speed: len(speed_words(-speed)))
        button.setText(speed_words(-widest))
        menu, self._speeds = QMenu(button), QActionGroup(button)
        for speed in SPEEDS:
            action = QAction(speed_words(speed), menu, checkable=True)
            action.setData(speed)
            action.triggered.connect(lambda _checked=False, value=speed: self.speed_chosen.emit(value))
            self._speeds.addAction(action)
            menu.addAction(action)
        button.setMenu(menu)
        button.setMinimumWidth(button.sizeHint().width())
        return button

    def _arrange(self) -> None:
        gap = self._side // 3
        self._buttons = FlowBox(self)
        self._group(self.back_button, self.play_button, self.on_button, self.speed_button)
        self._group(self.in_button, self.out_button, self.add_button)
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(self._side // 2, 0, self._side // 2, gap)
        self._box.setSpacing(gap)
        self._box.addWidget(self._buttons, 1)
        self._box.addWidget(self.time_label)

    def _group(self, *buttons: QToolButton) -> None:
        """Buttons that stay side by side where the line breaks."""
        group = QWidget(self._buttons)
        row = QHBoxLayout(group)
        row.setContentsMargins(0, 0, self._side // 3, 0)
        row.setSpacing(self._side // 3)
        for button in buttons:
            row.addWidget(button)
        self._buttons.add(group)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as a group of buttons: where it is narrow, the others and the position stand below."""
        width = max(self._buttons.minimumSizeHint().width(), self.time_label.minimumWidth())
        return QSize(width + self._margins(), self._box.minimumSize().height())

    def _margins(self) -> int:
        margins = self._box.contentsMargins()
        return margins.left() + margins.right()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        words = self.fontMetrics().horizontalAdvance(_LONGEST)
        wide = event.size().width() >= self._buttons.sizeHint().width() + self._margins() + words
        kind = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if kind != self._box.direction():
            self._box.setDirection(kind)
            self.updateGeometry()
        super().resizeEvent(event)


def speed_words(rate: float) -> str:
    """A speed as people write it: ``1×``, ``−4×``, ``0.25×``."""
    return f"{'−' if rate < 0 else ''}{abs(rate):g}×"
