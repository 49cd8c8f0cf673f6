"""The whole video as a strip: clips, boxes, marks, quality, and the playhead that the mouse drags."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.player.film import clock
from desktop.player.thumbnail_tip import ThumbnailTip
from desktop.player.timeline_paint import Content, Lanes, paint_lanes, paint_playhead
from desktop.theme import colours


class Timeline(QWidget):
    """Shows where in the video things are. Click and drag scrub; Home and End go to the ends.

    Signals:
        scrubbed(int): this frame was pointed at.
    """

    scrubbed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Timeline")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.content: Content | None = None
        self.playhead = 0
        self._thumbnails: dict[int, QImage] = {}
        self._lanes_picture: QPixmap | None = None
        self._tip: ThumbnailTip | None = None

    def show_content(self, content: Content | None) -> None:
        """Shows a video and what is marked in it, or nothing."""
        if content is None or self.content is None or content.film is not self.content.film:
            self._thumbnails.clear()
            self.playhead = 0
            self._hide_tip()
        self.content = content
        self.setEnabled(content is not None)
        self._redraw()

    def set_playhead(self, number: int) -> None:
        """Moves the playhead to a frame."""
        if number != self.playhead:
            self.playhead = number
            self.update()

    def add_thumbnail(self, number: int, image: QImage) -> None:
        """Keeps the small picture of a frame for pointing at."""
        self._thumbnails[number] = image

    @property
    def tip(self) -> ThumbnailTip | None:
        """The preview beside the pointer, once there was one."""
        return self._tip

    def x_of(self, number: int) -> float:
        """Where a frame lies, in points of the widget."""
        film = self.content.film if self.content is not None else None
        return self._lanes().x(film.seconds(number)) if film is not None else 0.0

    def number_at(self, x: float) -> int | None:
        """The frame that lies at a point."""
        if self.content is None:
            return None
        return self.content.film.at_seconds(self._lanes().seconds(x))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(self.fontMetrics().height() * 30, round(self._lanes().height))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(self.fontMetrics().height() * 12, round(self._lanes().height))

    def _lanes(self) -> Lanes:
        length = self.content.film.length if self.content is not None else 0.0
        return Lanes(self.width(), self.fontMetrics().height(), length)

    def _redraw(self) -> None:
        self._lanes_picture = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        lanes = self._lanes()
        with QPainter(self) as painter:
            if self.content is None:
                for lane in (lanes.clips, lanes.quality):
                    painter.fillRect(lane, QColor(colours.RAISED))
                return
            if self._lanes_picture is None:
                self._lanes_picture = self._paint_lanes(lanes, self.content)
            painter.drawPixmap(0, 0, self._lanes_picture)
            paint_playhead(painter, lanes, self.content.film.seconds(self.playhead))
            if self.hasFocus():
                painter.setPen(QColor(colours.ACCENT))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(lanes.clips.united(lanes.quality).adjusted(-2, -2, 2, 2))

    def _paint_lanes(self, lanes: Lanes, content: Content) -> QPixmap:
        """Painted once for many positions of the playhead."""
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        with QPainter(picture) as painter:
            painter.setFont(self.font())
            paint_lanes(painter, lanes, content)
        return picture

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        self._redraw()
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.updateGeometry()
            self._redraw()
        super().changeEvent(event)

    def event(self, event: QEvent) -> bool:
        """Paints anew for another screen's pixels; hides the preview with the widget."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._redraw()
        elif event.type() in (QEvent.Type.Leave, QEvent.Type.Hide):
            self._hide_tip()
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        if event.button() == Qt.MouseButton.LeftButton:
            self._scrub(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._scrub(event.position())
        self._show_tip(event.position())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: self.content.film.last if self.content is not None else 0}
        if self.content is not None and event.key() in ends:
            self.scrubbed.emit(ends[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _scrub(self, point: QPointF) -> None:
        number = self.number_at(point.x())
        if number is not None:
            self.scrubbed.emit(number)

    def _show_tip(self, point: QPointF) -> None:
        number = self.number_at(point.x())
        if self.content is None or number is None:
            return
        if self._tip is None or self._tip.parentWidget() is not self.window():
            self._tip = ThumbnailTip(self.window())
        seconds = self.content.film.seconds(number)
        score = self.content.film.score_at(seconds)
        words = clock(seconds) + (f" · quality {score:.0%}" if score is not None else "")
        above = self.mapTo(self.window(), QPoint(round(point.x()), 0))
        self._tip.show_at(above, self._nearest(number), words)

    def _nearest(self, number: int) -> QImage:
        if not self._thumbnails:
            return QImage()
        return self._thumbnails[min(self._thumbnails, key=lambda other: abs(other - number))]

    def _hide_tip(self) -> None:
        if self._tip is not None:
            self._tip.hide()
