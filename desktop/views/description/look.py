"""What the form's own widgets add to the theme: roles, a small style sheet, drawn marks."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from desktop.theme import colours as c

Mark = Literal["error", "warning", "needed", "good"]
_COLOURS: dict[Mark, str] = {"error": c.BAD, "warning": c.WARN, "needed": c.QUIET, "good": c.GOOD}

SHEET = f"""
QPushButton[role="toggle"] {{ padding: 0.25em 0.6em; }}
QPushButton[role="toggle"]:focus {{ border: 2px solid {c.ACCENT}; }}
QPushButton[role="toggle"]:checked:focus {{ border: 2px solid {c.TEXT}; }}
QToolButton[role="section"] {{
    background: transparent; border: 1px solid transparent; padding: 0.3em 0.1em; font-weight: 600;
}}
QToolButton[role="section"]:hover {{ color: {c.ACCENT}; }}
QToolButton[role="section"]:focus {{ border-color: {c.ACCENT}; }}
QPushButton[role="link"] {{
    background: transparent; border: 1px solid transparent; color: {c.ACCENT}; padding: 0.25em 0.2em;
    text-align: left;
}}
QPushButton[role="link"]:hover {{ text-decoration: underline; }}
QPushButton[role="link"]:focus {{ border-color: {c.ACCENT}; }}
QLineEdit[wrong="true"], QPlainTextEdit[wrong="true"], QComboBox[wrong="true"] {{ border-color: {c.BAD}; }}
QComboBox QLineEdit {{ background: transparent; border: none; padding: 0; }}
QLineEdit {{ placeholder-text-color: {c.QUIET}; }}
QFrame[role="card"] QLabel {{ background: transparent; }}
QFrame[role="rule"] {{ background: {c.LINE}; border: none; }}
QTextEdit[role="sentence"] {{ background: transparent; border: none; padding: 0; }}
"""


def draw_mark(painter: QPainter, kind: Mark, size: int) -> None:
    """Draws a sign whose shape alone says what it means: cross in a disc, triangle, ring, tick.

    Args:
        painter: at the sign's corner.
        kind: of the sign.
        size: width and height in device-independent pixels.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size / 16, size / 16)
    _DRAW[kind](painter, QColor(_COLOURS[kind]))


def _error(painter: QPainter, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(QRectF(1, 1, 14, 14))
    painter.setPen(_pen(QColor(c.WINDOW), 2))
    painter.drawLine(QPointF(5.2, 5.2), QPointF(10.8, 10.8))
    painter.drawLine(QPointF(10.8, 5.2), QPointF(5.2, 10.8))


def _warning(painter: QPainter, colour: QColor) -> None:
    painter.setPen(_pen(colour, 1.5))
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(8, 2), QPointF(15, 14), QPointF(1, 14)]))
    painter.setPen(_pen(QColor(c.WINDOW), 1.8))
    painter.drawLine(QPointF(8, 6.2), QPointF(8, 9.6))
    painter.drawPoint(QPointF(8, 12.2))


def _needed(painter: QPainter, colour: QColor) -> None:
    painter.setPen(_pen(colour, 1.6))
    painter.drawEllipse(QRectF(3.5, 3.5, 9, 9))


def _good(painter: QPainter, colour: QColor) -> None:
    painter.setPen(_pen(colour, 2.2))
    painter.drawPolyline([QPointF(3, 8.5), QPointF(6.5, 12), QPointF(13, 4.5)])


def _pen(colour: QColor, width: float) -> QPen:
    return QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)


_DRAW = {"error": _error, "warning": _warning, "needed": _needed, "good": _good}
