"""EigenGradCAM on both pictures, side by side, with a slider for the map's opacity."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSlider, QVBoxLayout, QWidget

from core.domain import OVERLAY_CAPTION, RESEARCH_BANNER

NOTHING = "Choose a match and press Ctrl+E to see where in both pictures its score is sensitive."
_START = 50
"""Opacity in per cent at the beginning: the mucosa below stays visible."""


class ExplanationView(QWidget):
    """Shows the answer of the worker's ``explain``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = QLabel(NOTHING)
        self._state.setWordWrap(True)
        self._state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._state.setProperty("role", "quiet")
        self._pictures = (_Heat("This clip"), _Heat("Earlier clip"))
        self._words = (QLabel(), QLabel())
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, 100)
        self._slider.setValue(_START)
        self._slider.setAccessibleName("Opacity of the map, per cent")
        self._slider.setToolTip("Opacity of the map")
        self._slider.valueChanged.connect(self._blend)
        self._foot = QLabel()
        self._foot.setWordWrap(True)
        self._foot.setProperty("role", "quiet")
        self._body = QWidget()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self._state, 1)
        layout.addWidget(self._body, 1)
        self._lay_out(QVBoxLayout(self._body))
        self.show_nothing()

    def show_nothing(self) -> None:
        """Explanations are off until asked for."""
        self._say(NOTHING)

    def show_busy(self) -> None:
        """It is being computed."""
        self._say("Explaining… the first time takes some seconds, until the model is loaded.")

    def show_error(self, text: str) -> None:
        """It failed, in words."""
        self._say(text)

    def show_explanation(self, document: dict[str, Any]) -> None:
        """Both crops with their maps; a map without a clear region isn't drawn."""
        sides = (document["query"], document["candidate"])
        for side, picture, words in zip(sides, self._pictures, self._words, strict=True):
            picture.show_files(side["crop"], side["map"] if side["clear"] else None)
            words.setText(f"Clip {side['clip']}: {side['words']} (strength {side['strength']:.2g})")
        self._foot.setText(
            f"{OVERLAY_CAPTION}. Similarity of these two crops {document['similarity']:.3f}; "
            f"the ranking pools up to six a clip. {document['model']} on {document['device']}. "
            f"{RESEARCH_BANNER}"
        )
        self._blend(self._slider.value())
        self._state.hide()
        self._body.show()

    def _say(self, text: str) -> None:
        self._state.setText(text)
        self._state.show()
        self._body.hide()

    def _blend(self, percent: int) -> None:
        for picture in self._pictures:
            picture.set_opacity(percent / 100)

    def _lay_out(self, layout: QVBoxLayout) -> None:
        layout.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        for picture, words in zip(self._pictures, self._words, strict=True):
            column = QVBoxLayout()
            words.setWordWrap(True)
            column.addWidget(picture)
            column.addWidget(words)
            column.addStretch(1)
            row.addLayout(column, 1)
        layout.addLayout(row)
        slide = QHBoxLayout()
        less, more = QLabel("Picture"), QLabel("Map")
        for label in (less, more):
            label.setProperty("role", "quiet")
        slide.addWidget(less)
        slide.addWidget(self._slider, 1)
        slide.addWidget(more)
        layout.addLayout(slide)
        layout.addWidget(self._foot)
        layout.addStretch(1)


class _Heat(QWidget):
    """One crop with its map over it, as large as fits."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(f"{name} with the model's map")
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._crop, self._heat, self._opacity = QImage(), QImage(), _START / 100

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Large enough to see something."""
        side = self.fontMetrics().lineSpacing() * 10
        return QSize(side, side)

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """As high as the crop's proportions ask for."""
        if self._crop.isNull():
            return width
        return round(width * self._crop.height() / self._crop.width())

    def show_files(self, crop: str, heat: str | None) -> None:
        """A crop and its coloured map with the heat as alpha; None draws the crop alone."""
        self._crop = QImage(crop)
        self._heat = QImage(heat) if heat is not None else QImage()
        self.updateGeometry()
        self.update()

    def set_opacity(self, opacity: float) -> None:
        """Of the map at its hottest place, 0…1."""
        self._opacity = opacity
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """The picture in the middle, in its own proportions."""
        if self._crop.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = self._crop.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        place = QRectF(left, top, size.width(), size.height())
        painter.drawImage(place, self._crop)
        if not self._heat.isNull():
            painter.setOpacity(self._opacity)
            painter.drawImage(place, self._heat)
        painter.end()
