"""Where a picture lies on the canvas: fitted, zoomed, panned. Plain geometry, no painting."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF

MOST_ZOOM = 24.0


class View:
    """Maps picture pixels to points of the canvas.

    ``zoom`` 1 shows the whole picture as large as it fits; the picture never leaves the canvas further than
    its own border.
    """

    def __init__(self) -> None:
        self._picture = QSizeF()
        self._canvas = QSizeF()
        self._centre = QPointF()
        self.zoom = 1.0

    def set_picture(self, width: int, height: int) -> None:
        """The picture's size in pixels; another size than before is fitted."""
        size = QSizeF(width, height)
        if size != self._picture:
            self._picture = size
            self.fit()

    def set_canvas(self, width: int, height: int) -> None:
        """The canvas's size in points."""
        self._canvas = QSizeF(width, height)
        self._hold_in()

    @property
    def scale(self) -> float:
        """Points of the canvas a picture pixel."""
        if self._picture.isEmpty():
            return 1.0
        across = self._canvas.width() / self._picture.width()
        down = self._canvas.height() / self._picture.height()
        return max(min(across, down) * self.zoom, 1e-6)

    @property
    def target(self) -> QRectF:
        """The rectangle of the canvas on which the whole picture lies; may be larger than the canvas."""
        return QRectF(self.to_canvas(QPointF(0, 0)), self._picture * self.scale)

    def to_canvas(self, point: QPointF) -> QPointF:
        """Picture pixels → points of the canvas."""
        return (point - self._centre) * self.scale + self._middle

    def to_picture(self, point: QPointF) -> QPointF:
        """Points of the canvas → picture pixels, also beyond the picture."""
        return (point - self._middle) / self.scale + self._centre

    def fit(self) -> None:
        """Shows the whole picture."""
        self.zoom = 1.0
        self._hold_in()

    def zoom_by(self, factor: float, about: QPointF | None = None) -> None:
        """Enlarges by a factor; the picture stays where it is at ``about`` (points), else in the middle."""
        about = self._middle if about is None else about
        fixed = self.to_picture(about)
        self.zoom = min(max(self.zoom * factor, 1.0), MOST_ZOOM)
        self._centre += fixed - self.to_picture(about)
        self._hold_in()

    def pan_by(self, delta: QPointF) -> None:
        """Moves the picture by so many points of the canvas."""
        self._centre -= delta / self.scale
        self._hold_in()

    @property
    def _middle(self) -> QPointF:
        return QPointF(self._canvas.width() / 2, self._canvas.height() / 2)

    def _hold_in(self) -> None:
        self._centre = QPointF(
            _between(self._centre.x(), self._picture.width(), self._canvas.width() / self.scale),
            _between(self._centre.y(), self._picture.height(), self._canvas.height() / self.scale),
        )


def _between(centre: float, picture: float, seen: float) -> float:
    """The centre of what is seen: within the picture, or its middle where all of it is seen."""
    if seen >= picture:
        return picture / 2
    return min(max(centre, seen / 2), picture - seen / 2)
