"""The symbols of the player's buttons, drawn for every pixel density."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPixmap, QPolygonF

from desktop.theme import colours

_RATIOS = (1.0, 1.5, 2.0, 3.0)
Draw = Callable[[QPainterPath], None]


def icon(draw: Draw, side: int) -> QIcon:
    """An icon of a symbol that is drawn into a unit square, ``side`` points wide."""
    made = QIcon()
    for ratio in _RATIOS:
        for mode, colour in ((QIcon.Mode.Normal, colours.TEXT), (QIcon.Mode.Disabled, colours.LINE)):
            made.addPixmap(_pixmap(draw, side, ratio, colour), mode)
    return made


def play(path: QPainterPath) -> None:
    """A triangle to the right."""
    _triangle(path, 0.22, 0.86)


def pause(path: QPainterPath) -> None:
    """Two bars."""
    path.addRect(QRectF(0.22, 0.16, 0.2, 0.68))
    path.addRect(QRectF(0.58, 0.16, 0.2, 0.68))


def step_back(path: QPainterPath) -> None:
    """A triangle to the left against a bar."""
    path.addRect(QRectF(0.2, 0.2, 0.12, 0.6))
    _triangle(path, 0.82, 0.36)


def step_forward(path: QPainterPath) -> None:
    """A triangle to the right against a bar."""
    path.addRect(QRectF(0.68, 0.2, 0.12, 0.6))
    _triangle(path, 0.18, 0.64)


def mark_in(path: QPainterPath) -> None:
    """An opening bracket."""
    _bracket(path, 0.36, 0.66)


def mark_out(path: QPainterPath) -> None:
    """A closing bracket."""
    _bracket(path, 0.64, 0.34)


def add(path: QPainterPath) -> None:
    """A plus sign."""
    path.addRect(QRectF(0.44, 0.18, 0.12, 0.64))
    path.addRect(QRectF(0.18, 0.44, 0.26, 0.12))
    path.addRect(QRectF(0.56, 0.44, 0.26, 0.12))


def _triangle(path: QPainterPath, base: float, tip: float) -> None:
    path.addPolygon(QPolygonF([QPointF(base, 0.16), QPointF(tip, 0.5), QPointF(base, 0.84)]))
    path.closeSubpath()


def _bracket(path: QPainterPath, spine: float, foot: float) -> None:
    left, width = min(spine, foot), abs(spine - foot)
    path.addRect(QRectF(spine - 0.06, 0.14, 0.12, 0.72))
    path.addRect(QRectF(left, 0.14, width, 0.11))
    path.addRect(QRectF(left, 0.75, width, 0.11))
    path.setFillRule(Qt.FillRule.WindingFill)


def _pixmap(draw: Draw, side: int, ratio: float, colour: str) -> QPixmap:
    pixmap = QPixmap(round(side * ratio), round(side * ratio))
    pixmap.fill(Qt.GlobalColor.transparent)
    path = QPainterPath()
    draw(path)
    with QPainter(pixmap) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(pixmap.width(), pixmap.height())
        painter.fillPath(path, QColor(colour))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
