"""The small picture and the time beside the pointer on the timeline."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop.theme import colours

_PICTURE_UNITS = 9.0


class ThumbnailTip(QWidget):
    """Floats over its window without taking focus or mouse."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Preview")
        self._ground = parent
        self.image = QImage()
        self.words = ""
        self.hide()

    def show_at(self, tip: QPoint, image: QImage, words: str) -> None:
        """Shows a picture (a null one leaves only the words) above a point of the parent, inside of it."""
        self.image, self.words = image, words
        self.setAccessibleDescription(words)
        size = self.sizeHint()
        room = self._ground.width() - size.width()
        left = min(max(tip.x() - size.width() // 2, 0), max(0, room))
        self.setGeometry(left, max(0, tip.y() - size.height()), size.width(), size.height())
        self.raise_()
        self.show()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        unit = self.fontMetrics().height()
        picture = self._picture_size()
        width = max(picture.width(), self.fontMetrics().horizontalAdvance(self.words)) + unit
        return QSize(width, picture.height() + round(unit * (2.0 if picture.height() else 1.6)))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        unit = self.fontMetrics().height()
        picture = self._picture_size()
        with QPainter(self) as painter:
            painter.setRenderHints(
                QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
            )
            painter.setPen(QPen(QColor(colours.LINE), 1))
            painter.setBrush(QColor(colours.RAISED))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), unit / 4, unit / 4)
            left = (self.width() - picture.width()) / 2
            place = QRectF(left, unit / 2, picture.width(), picture.height())
            if not self.image.isNull():
                painter.drawImage(place, self.image)
            painter.setPen(QColor(colours.TEXT))
            below = QRectF(0, place.bottom(), self.width(), self.height() - place.bottom())
            painter.drawText(below, int(Qt.AlignmentFlag.AlignCenter), self.words)

    def _picture_size(self) -> QSize:
        if self.image.isNull():
            return QSize(0, 0)
        unit = self.fontMetrics().height() * _PICTURE_UNITS
        size = self.image.size()
        return size.scaled(round(unit * 1.6), round(unit), Qt.AspectRatioMode.KeepAspectRatio)
