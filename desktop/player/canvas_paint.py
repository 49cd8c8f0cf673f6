"""Paints what lies on a frame: boxes, the scope region's outline, and words where there is no frame."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from desktop.player.box_tool import HANDLES, Edges
from desktop.theme import colours

_SHADE = QColor(0, 0, 0, 150)
"""Under every line on the picture: the line stands out from bright mucosa and from highlights too."""
_WRAP = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignHCenter)


def paint_box(painter: QPainter, rect: QRectF, handle: float) -> None:
    """The lesion box with its handles, ``handle`` points wide."""
    _outline(painter, rect, Qt.PenStyle.SolidLine)
    edges = Edges(rect.left(), rect.top(), rect.right(), rect.bottom())
    side = min(handle, max(2.0, min(rect.width(), rect.height()) / 3))
    painter.setPen(QPen(_SHADE, 1))
    painter.setBrush(QColor(colours.BOX))
    for grip in HANDLES:
        x, y = edges.handle(grip)
        painter.drawRect(QRectF(x - side / 2, y - side / 2, side, side))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def paint_ghost(painter: QPainter, rect: QRectF) -> None:
    """The box of the nearest marked frame, which isn't a box of this one."""
    painter.setOpacity(0.75)
    _outline(painter, rect, Qt.PenStyle.DashLine)
    painter.setOpacity(1.0)


def paint_region(painter: QPainter, outline: Sequence[QPointF]) -> None:
    """The outline of the scope region."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(_SHADE, 3), QPen(QColor(colours.GOOD), 1.2)):
        painter.setPen(pen)
        painter.drawPolygon(QPolygonF(list(outline)))


def paint_text_box(painter: QPainter, rect: QRectF, chosen: bool) -> None:
    """A box of burned-in text; the chosen one has a full line."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    style = Qt.PenStyle.SolidLine if chosen else Qt.PenStyle.DotLine
    for pen in (QPen(_SHADE, 3), QPen(QColor(colours.ACCENT), 2 if chosen else 1.5, style)):
        painter.setPen(pen)
        painter.drawRect(rect)


def paint_badge(painter: QPainter, place: QRectF, text: str, colour: str) -> None:
    """One line of words in the upper left corner of a place, on a dark ground."""
    metrics = QFontMetricsF(painter.font())
    gap = metrics.height() * 0.4
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0.0, place.width() - 4 * gap))
    size = QRectF(0, 0, metrics.horizontalAdvance(text) + 2 * gap, metrics.height() + gap)
    _plate(painter, size.translated(place.left() + gap, place.top() + gap), text, colour, gap)


def paint_note(painter: QPainter, place: QRectF, title: str, hint: str) -> None:
    """A sentence and its hint along the lower border of a place, on a dark ground."""
    metrics = QFontMetricsF(painter.font())
    gap = metrics.height() * 0.5
    inner = place.adjusted(2 * gap, gap, -2 * gap, -gap)
    heights = [metrics.boundingRect(inner, _WRAP, text).height() if text else 0.0 for text in (title, hint)]
    ground = QRectF(
        place.left(), place.bottom() - sum(heights) - 2 * gap, place.width(), sum(heights) + 2 * gap
    )
    painter.fillRect(ground, QColor(0, 0, 0, 190))
    top = ground.top() + gap
    for text, height, colour in ((title, heights[0], colours.WARN), (hint, heights[1], colours.TEXT)):
        painter.setPen(QColor(colour))
        painter.drawText(QRectF(inner.left(), top, inner.width(), height), _WRAP, text)
        top += height


def paint_message(painter: QPainter, place: QRectF, title: str, hint: str) -> None:
    """A sentence and its hint in the middle of a place, where there is nothing else to show."""
    plain, large = QFont(painter.font()), QFont(painter.font())
    large.setPointSizeF(plain.pointSizeF() * 1.25) if plain.pointSizeF() > 0 else None
    gap = QFontMetricsF(plain).height()
    width = min(place.width() - 2 * gap, gap * 30)
    inner = QRectF(place.center().x() - width / 2, place.top(), width, place.height())
    lines = [(title, large, colours.TEXT), (hint, plain, colours.QUIET)]
    heights = [
        QFontMetricsF(font).boundingRect(inner, _WRAP, text).height() for text, font, _ in lines if text
    ]
    top = place.center().y() - (sum(heights) + gap / 2 * (len(heights) - 1)) / 2
    for (text, font, colour), height in zip(lines, heights, strict=False):
        painter.setFont(font)
        painter.setPen(QColor(colour))
        painter.drawText(QRectF(inner.left(), top, inner.width(), height), _WRAP, text)
        top += height + gap / 2
    painter.setFont(plain)


def _outline(painter: QPainter, rect: QRectF, style: Qt.PenStyle) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(_SHADE, 4))
    painter.drawRect(rect)
    painter.setPen(QPen(QColor(colours.BOX), 2, style))
    painter.drawRect(rect)


def _plate(painter: QPainter, place: QRectF, text: str, colour: str, gap: float) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 190))
    painter.drawRoundedRect(place, gap, gap)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QColor(colour))
    painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), text)
