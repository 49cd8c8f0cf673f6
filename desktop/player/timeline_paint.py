"""Paints the lanes of the timeline: ruler, clips with their boxes, picture quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from desktop.player.film import Film
from desktop.theme import colours

_TICKS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MOST_ROWS = 3
"""Clips that overlap lie in rows; there are no more than this many."""


@dataclass(frozen=True)
class Stretch:
    """A clip on the timeline, in seconds; ``current`` is the one that is shown."""

    begin: float
    end: float
    current: bool = False


@dataclass(frozen=True)
class Content:
    """What the timeline shows beside the playhead; ``ticks`` are the times of marked boxes."""

    film: Film
    clips: tuple[Stretch, ...] = ()
    ticks: tuple[float, ...] = ()
    mark_in: float | None = None
    mark_out: float | None = None


@dataclass(frozen=True)
class Lanes:
    """Where the lanes lie, and how seconds become points."""

    width: float
    unit: float
    length: float
    ruler: QRectF = field(init=False)
    clips: QRectF = field(init=False)
    quality: QRectF = field(init=False)

    def __post_init__(self) -> None:
        across = max(1.0, self.width - self.unit)
        top = 0.0
        for name, height in (("ruler", 1.25), ("clips", 1.4), ("quality", 1.4)):
            object.__setattr__(self, name, QRectF(self.unit / 2, top, across, height * self.unit))
            top += (height + 0.2) * self.unit

    @property
    def height(self) -> float:
        """The height of all lanes."""
        return self.quality.bottom() + 0.2 * self.unit

    def x(self, seconds: float) -> float:
        """Seconds → points."""
        share = seconds / self.length if self.length else 0.0
        return self.clips.left() + share * self.clips.width()

    def seconds(self, x: float) -> float:
        """Points → seconds, held within the video."""
        share = (x - self.clips.left()) / self.clips.width()
        return min(max(share, 0.0), 1.0) * self.length


def paint_lanes(painter: QPainter, lanes: Lanes, content: Content) -> None:
    """Everything but the playhead."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for lane in (lanes.clips, lanes.quality):
        painter.fillRect(lane, QColor(colours.RAISED))
    _ruler(painter, lanes)
    _quality(painter, lanes, content.film.quality)
    _clips(painter, lanes, content.clips)
    _ticks(painter, lanes, content.ticks)
    _marks(painter, lanes, content.mark_in, content.mark_out)


def paint_playhead(painter: QPainter, lanes: Lanes, seconds: float) -> None:
    """A line through all lanes, with a head on the ruler."""
    x, half = lanes.x(seconds), lanes.unit * 0.3
    top, bottom = lanes.clips.top() - lanes.unit * 0.2, lanes.quality.bottom()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(0, 0, 0, 160), 3))
    painter.drawLine(QPointF(x, top), QPointF(x, bottom))
    painter.setPen(QPen(QColor(colours.TEXT), 1.5))
    painter.drawLine(QPointF(x, top), QPointF(x, bottom))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.TEXT))
    corners = [(x - half, top - half), (x + half, top - half), (x, top + half)]
    painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))


def _ruler(painter: QPainter, lanes: Lanes) -> None:
    metrics = QFontMetricsF(painter.font())
    step = _tick_step(lanes, metrics.horizontalAdvance(_label(lanes.length, 0.1)) * 1.8)
    at, free_from = 0.0, lanes.ruler.left()
    while at <= lanes.length:
        x, text = lanes.x(at), _label(at, step)
        width = metrics.horizontalAdvance(text)
        left = min(max(x - width / 2, lanes.ruler.left()), lanes.ruler.right() - width)
        painter.setPen(QColor(colours.LINE))
        painter.drawLine(QPointF(x, lanes.clips.top() - lanes.unit * 0.25), QPointF(x, lanes.clips.top()))
        if left >= free_from:
            painter.setPen(QColor(colours.QUIET))
            painter.drawText(QPointF(left, lanes.ruler.top() + metrics.ascent()), text)
            free_from = left + width + lanes.unit / 2
        at += step


def _tick_step(lanes: Lanes, least: float) -> float:
    a_second = lanes.ruler.width() / max(lanes.length, 1e-9)
    return next((step for step in _TICKS_S if step * a_second >= least), max(_TICKS_S[-1], lanes.length))


def _label(seconds: float, step: float) -> str:
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    if minutes >= 60:
        return f"{minutes // 60}:{minutes % 60:02d}:{rest // 10:02d}"
    return f"{minutes}:{rest // 10:02d}" + (f".{rest % 10}" if step < 1 else "")


def _quality(painter: QPainter, lanes: Lanes, scores: Sequence[float]) -> None:
    if not scores:
        return
    lane, count = lanes.quality, len(scores)
    points = [QPointF(lane.left(), lane.bottom())]
    for at, score in enumerate(scores):
        y = lane.bottom() - min(max(score, 0.0), 1.0) * lane.height()
        points += [QPointF(lane.left() + lane.width() * side / count, y) for side in (at, at + 1)]
    points.append(QPointF(lane.right(), lane.bottom()))
    fill = QColor(colours.QUIET)
    fill.setAlphaF(0.55)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawPolygon(QPolygonF(points))


def _clips(painter: QPainter, lanes: Lanes, clips: Sequence[Stretch]) -> None:
    rows = _rows(clips)
    count = min(_MOST_ROWS, max(rows, default=0) + 1)
    height = lanes.clips.height() / count
    for clip, row in zip(clips, rows, strict=True):
        left, right = lanes.x(clip.begin), lanes.x(clip.end)
        top = lanes.clips.top() + min(row, count - 1) * height
        place = QRectF(left, top + 1, max(right - left, 3.0), height - 2)
        fill = QColor(colours.CLIP)
        fill.setAlphaF(0.85 if clip.current else 0.35)
        painter.setPen(QPen(QColor(colours.TEXT if clip.current else colours.CLIP), 1))
        painter.setBrush(fill)
        painter.drawRoundedRect(place, 2, 2)


def _rows(clips: Sequence[Stretch]) -> list[int]:
    """The first row in which each clip overlaps none before it."""
    ends: list[float] = []
    rows = [0] * len(clips)
    for at in sorted(range(len(clips)), key=lambda n: clips[n].begin):
        row = next((r for r, end in enumerate(ends) if end < clips[at].begin), len(ends))
        ends[row : row + 1] = [clips[at].end]
        rows[at] = row
    return rows


def _ticks(painter: QPainter, lanes: Lanes, ticks: Sequence[float]) -> None:
    half, height = lanes.unit * 0.14, lanes.unit * 0.7
    painter.setPen(QPen(QColor(0, 0, 0, 170), 1))
    painter.setBrush(QColor(colours.BOX))
    for seconds in ticks:
        left = lanes.x(seconds) - half
        painter.drawRect(QRectF(left, lanes.clips.bottom() - height, 2 * half, height))


def _marks(painter: QPainter, lanes: Lanes, mark_in: float | None, mark_out: float | None) -> None:
    top, bottom = lanes.clips.top() - 1, lanes.quality.bottom()
    if mark_in is not None and mark_out is not None:
        fill = QColor(colours.ACCENT)
        fill.setAlphaF(0.18)
        between = QRectF(QPointF(lanes.x(mark_in), top), QPointF(lanes.x(mark_out), bottom))
        painter.fillRect(between, fill)
    painter.setPen(QPen(QColor(colours.ACCENT), 2))
    for seconds, inwards in ((mark_in, 1), (mark_out, -1)):
        if seconds is not None:
            x, foot = lanes.x(seconds), inwards * lanes.unit * 0.35
            corners = [(x + foot, top), (x, top), (x, bottom), (x + foot, bottom)]
            painter.drawPolyline([QPointF(*corner) for corner in corners])
