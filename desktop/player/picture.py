"""A frame on a dark ground, zoomed and panned by hand, or words where there is none."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from desktop.player.canvas_paint import paint_badge, paint_message, paint_note
from desktop.player.view import View
from desktop.theme import colours

_NOTCH = 120
_ZOOM_A_NOTCH = 1.25
_DIMMED = 0.45
_AVERAGE_BELOW = 0.6
"""Reduced further than this, a picture is averaged: interpolating would skip pixels and flicker."""


class PictureState(StrEnum):
    """What is to be seen."""

    MESSAGE = "message"
    """Words and no frame: nothing chosen, loading, missing."""
    FRAME = "frame"
    OLD = "old frame"
    """Not the frame that was asked for: that one is still being decoded."""
    REFUSED = "refused"
    """Not the frame that was asked for: that one can't be given."""


class PictureView(QWidget):
    """Shows one frame as large as it fits. Ctrl + wheel zooms, the middle button or space + drag pans.

    Signals:
        stepped(int): the wheel was turned by so many notches, away from the user is negative.
        painted(): what is to be seen is on the screen.
        space_tapped(): space was pressed while the picture is zoomed, and nothing was dragged.
    """

    stepped = Signal(int)
    space_tapped = Signal()
    painted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.state = PictureState.MESSAGE
        self.number: int | None = None
        self.view = View()
        self.words = ("", "")
        self._badge = ""
        self._image = QImage()
        self._scaled = QImage()
        self._scaled_for: tuple[int, QSize] | None = None
        self._pan_from: QPointF | None = None
        self._space = self._panned = False
        self._turned = 0

    # -- what is shown ---------------------------------------------------------------------------------------

    def show_frame(self, number: int, image: QImage) -> None:
        """Shows a frame: it is the one that was asked for."""
        self.number, self._image = number, image
        self.view.set_picture(image.width(), image.height())
        self._become(PictureState.FRAME)

    def show_message(self, title: str, hint: str = "") -> None:
        """Shows words and no frame."""
        self.number, self._image = None, QImage()
        self._become(PictureState.MESSAGE, title, hint)

    def mark_old(self, words: str) -> None:
        """Says that another frame was asked for and is on its way."""
        self._become(PictureState.OLD, words)

    def mark_refused(self, title: str, hint: str, badge: str) -> None:
        """Says why the frame that was asked for isn't shown; ``badge`` says which one is, if one is."""
        if self.number is None:
            self._become(PictureState.MESSAGE, title, hint)
        else:
            self._become(PictureState.REFUSED, title, hint)
            self._badge = badge

    @property
    def has_frame(self) -> bool:
        """Whether a frame is to be seen, old or not."""
        return self.number is not None

    @property
    def panning(self) -> bool:
        """Whether the picture is in the hand."""
        return self._pan_from is not None

    def fit(self) -> None:
        """Shows the whole picture."""
        self.view.fit()
        self.update()

    def zoom(self, factor: float, about: QPointF | None = None) -> None:
        """Enlarges by a factor about a point of the widget, else about its middle."""
        if self.has_frame:
            self.view.zoom_by(factor, about)
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        unit = self.fontMetrics().height()
        return QSize(unit * 40, unit * 26)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        unit = self.fontMetrics().height()
        return QSize(unit * 14, unit * 9)

    def _become(self, state: PictureState, title: str = "", hint: str = "") -> None:
        self.state, self.words, self._badge = state, (title, hint), ""
        self.setAccessibleDescription(" ".join(word for word in self.words if word))
        self.update()

    # -- painting --------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), QColor(colours.WINDOW))
            if self.has_frame:
                self._paint_frame(painter)
            else:
                paint_message(painter, QRectF(self.rect()), *self.words)
            if self.hasFocus():
                painter.setPen(QPen(QColor(colours.ACCENT), 1))
                painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        self.painted.emit()

    def paint_over(self, painter: QPainter) -> None:
        """Paints what lies on the frame; points are those of the widget."""

    def _paint_frame(self, painter: QPainter) -> None:
        painter.setOpacity(_DIMMED if self.state is PictureState.REFUSED else 1.0)
        self._paint_picture(painter)
        painter.setOpacity(1.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint_over(painter)
        self._paint_words(painter, QRectF(self.rect()))

    def _paint_words(self, painter: QPainter, place: QRectF) -> None:
        if self.state is PictureState.OLD:
            painter.setPen(QPen(QColor(colours.WARN), 2))
            painter.drawRect(self.view.target.intersected(place).adjusted(1, 1, -1, -1))
            paint_badge(painter, place, self.words[0], colours.WARN)
        elif self.state is PictureState.REFUSED:
            paint_note(painter, place, *self.words)
            paint_badge(painter, place, self._badge, colours.TEXT)

    def _paint_picture(self, painter: QPainter) -> None:
        target, ratio = self.view.target, self.devicePixelRatioF()
        seen = target.intersected(QRectF(self.rect()))
        if self.view.scale * ratio < _AVERAGE_BELOW:
            painter.drawImage(target.topLeft(), self._reduced(target, ratio))
            return
        source = QRectF(self.view.to_picture(seen.topLeft()), seen.size() / self.view.scale)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(seen, self._image, source)

    def _reduced(self, target: QRectF, ratio: float) -> QImage:
        """The picture averaged down to the device's pixels; kept, because the box is redrawn often."""
        size = QSize(round(target.width() * ratio), round(target.height() * ratio))
        key = (self._image.cacheKey(), size)
        if self._scaled_for != key:
            ignore, smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            self._scaled = self._image.scaled(size, ignore, smooth)
            self._scaled.setDevicePixelRatio(ratio)
            self._scaled_for = key
        return self._scaled

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        self.view.set_canvas(self.width(), self.height())
        super().resizeEvent(event)

    # -- the hand --------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        left_pans = event.button() == Qt.MouseButton.LeftButton and self._space
        if self.has_frame and (left_pans or event.button() == Qt.MouseButton.MiddleButton):
            self._pan_from, self._panned = event.position(), True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        if self._pan_from is not None:
            self.view.pan_by(event.position() - self._pan_from)
            self._pan_from = event.position()
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        if self._pan_from is not None:
            self._pan_from = None
            self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        if event.button() == Qt.MouseButton.LeftButton:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        delta = event.angleDelta().y()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(_ZOOM_A_NOTCH ** (delta / _NOTCH), event.position())
        else:
            self._turned += delta
            notches = int(self._turned / _NOTCH)
            self._turned -= notches * _NOTCH
            if notches:
                self.stepped.emit(-notches)
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Claims the keys that mean something here before a shortcut of the window takes them."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self.claims(event)
        ):
            event.accept()
            return True
        return super().event(event)

    def claims(self, event: QKeyEvent) -> bool:
        """Whether a key means something here now. Space pans only where there is something to pan."""
        return event.key() == Qt.Key.Key_Space and self.has_frame and self.view.zoom > 1.0

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if not self.claims(event):
            super().keyPressEvent(event)
        elif not event.isAutoRepeat():
            self._space, self._panned = True, False
            self.setCursor(Qt.CursorShape.OpenHandCursor)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() != Qt.Key.Key_Space or not self._space:
            super().keyReleaseEvent(event)
        elif not event.isAutoRepeat():
            self._space = False
            self.unsetCursor()
            if not self._panned:
                self.space_tapped.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        self._space = False
        super().focusOutEvent(event)
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusInEvent(event)
        self.update()
