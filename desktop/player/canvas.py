"""The picture of the player with its lesion box."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from core.domain import Box, PixelBox, ScopeRegion
from desktop.player.box_tool import BoxTool, Grip
from desktop.player.canvas_paint import paint_box, paint_ghost, paint_region, paint_text_box
from desktop.player.picture import PictureView
from desktop.player.text_boxes import TextBoxes

_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_CURSORS = {
    Grip.DRAW: Qt.CursorShape.CrossCursor,
    Grip.MOVE: Qt.CursorShape.SizeAllCursor,
    Grip.TOP: Qt.CursorShape.SizeVerCursor,
    Grip.BOTTOM: Qt.CursorShape.SizeVerCursor,
    Grip.LEFT: Qt.CursorShape.SizeHorCursor,
    Grip.RIGHT: Qt.CursorShape.SizeHorCursor,
    Grip.TOP_LEFT: Qt.CursorShape.SizeFDiagCursor,
    Grip.BOTTOM_RIGHT: Qt.CursorShape.SizeFDiagCursor,
    Grip.TOP_RIGHT: Qt.CursorShape.SizeBDiagCursor,
    Grip.BOTTOM_LEFT: Qt.CursorShape.SizeBDiagCursor,
}


class FrameCanvas(PictureView):
    """A frame on which one lesion box is drawn, moved and resized with the left button.

    Alt + arrows move the box by one pixel, with Shift they resize it; Enter in drawing mode puts one into the
    middle; Delete clears it, Escape cancels a drag. Boxes are in pixels of
    the displayed frame and stay in the picture; one with a side under 4 pixels is dropped. While burned-in
    text is corrected the mouse, Delete and Escape belong to its boxes.

    Signals:
        touched(): a drag on the frame begins, so the frame must stay.
        box_drawn(Box): the shown frame has this box now; without a time.
        box_cleared(): the shown frame has none any more.
        text_added(PixelBox), text_removed(PixelBox): burned-in text is, or isn't, in this box.
        text_mode(bool): the correction of burned-in text begins or ends.
        outlined(): burned-in text or the scope region are outlined now, or no longer.
    """

    touched = Signal()
    box_drawn = Signal(object)
    box_cleared = Signal()
    text_added = Signal(object)
    text_removed = Signal(object)
    text_mode = Signal(bool)
    outlined = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Video frame")
        self._tool, self.text = BoxTool(), TextBoxes()
        self._ghost: Box | None = None
        self._region: ScopeRegion | None = None
        self.region_shown = False
        self._drawing = self._nudged = False

    @property
    def box(self) -> Box | None:
        """The box of the shown frame as it stands, also during a drag."""
        return self._tool.box

    @property
    def ghost(self) -> Box | None:
        """The box of the nearest marked frame, where the shown one has none."""
        return self._ghost if self._tool.box is None else None

    @property
    def dragging(self) -> bool:
        """Whether the box is in the hand."""
        return self._tool.dragging

    def show_frame(self, number: int, image: QImage) -> None:
        """Shows a frame. A drag on another frame is cancelled; what Alt + arrows did there is told first."""
        if number != self.number:
            self._settle()
            self._tool.cancel()
        for tool in (self._tool, self.text):
            tool.set_picture(image.width(), image.height())
        super().show_frame(number, image)

    def set_boxes(self, box: Box | None, ghost: Box | None) -> None:
        """The box of the shown frame and, dashed, that of the nearest marked one. Not during a drag."""
        if not self.dragging:
            self._tool.box, self._ghost = box, ghost
            self.update()

    def set_region(self, region: ScopeRegion | None) -> None:
        """Takes the scope region as it was found; None where it wasn't."""
        self._region = region if region is not None and region.found else None
        self.update()

    def show_region(self, shown: bool) -> None:
        """Outlines the scope region, or doesn't."""
        self.region_shown = shown
        self.outlined.emit()
        self.update()

    def set_text(self, boxes: tuple[PixelBox, ...]) -> None:
        """Where burned-in text is, on every frame."""
        self.text.show(boxes)
        self.update()

    def show_text(self, shown: bool) -> None:
        """Outlines burned-in text, or doesn't."""
        self.text.shown = shown
        self.outlined.emit()
        self.update()

    def correct_text(self, on: bool) -> None:
        """Begins or ends the correction of burned-in text; Escape ends it too."""
        on = on and self.has_frame
        if on != self.text.correcting:
            self._settle()
            self._tool.cancel()
            self._drawing = False
            self.text.correct(on)
            self.setCursor(Qt.CursorShape.CrossCursor) if on else self.unsetCursor()
            self.text_mode.emit(on)
            self.update()
        if on:
            self.setFocus()

    def draw_box(self) -> None:
        """The next drag draws a new box, wherever it begins. Escape leaves this mode."""
        if self.has_frame:
            self.correct_text(False)
            self._drawing = True
            self.setFocus()
            self.setCursor(Qt.CursorShape.CrossCursor)

    def clear_box(self) -> None:
        """Takes the box away and tells of it."""
        if self._tool.box is not None and not self.dragging:
            self._tool.box, self._nudged = None, False
            self.update()
            self.box_cleared.emit()

    def box_rect(self, box: Box) -> QRectF:
        """Where a box lies on the widget."""
        corner = self.view.to_canvas(QPointF(box.x, box.y))
        return QRectF(corner, self.view.to_canvas(QPointF(box.x + box.w, box.y + box.h)))

    def paint_over(self, painter: QPainter) -> None:
        if self._region is not None and self.region_shown:
            paint_region(painter, [self.view.to_canvas(QPointF(x, y)) for x, y in self._region.polygon])
        for text in self.text.visible:
            paint_text_box(painter, self.box_rect(Box(*text)), text == self.text.chosen)
        if self.text.drawn is not None:
            paint_text_box(painter, self.box_rect(self.text.drawn), True)
        if self._tool.box is not None:
            paint_box(painter, self.box_rect(self._tool.box), self._reach)
        elif self._ghost is not None:
            paint_ghost(painter, self.box_rect(self._ghost))

    @property
    def _reach(self) -> float:
        """How far a handle reaches, in points."""
        return self.fontMetrics().height() / 2

    def _point(self, event: QMouseEvent) -> tuple[float, float]:
        point = self.view.to_picture(event.position())
        return point.x(), point.y()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and self.has_frame and not self.panning:
            self._settle()
            self.touched.emit()
            if self.text.correcting:
                self.text.press(*self._point(event))
                return
            self._tool.press(*self._point(event), self._reach / self.view.scale, self._drawing)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        super().mouseMoveEvent(event)
        if self.text.correcting:
            self.text.drag(*self._point(event))
            self.update()
        elif self.dragging:
            self._tool.drag(*self._point(event))
            self.update()
        elif self.has_frame and not self.panning:
            grip = self._tool.grip_at(*self._point(event), self._reach / self.view.scale, self._drawing)
            self.setCursor(_CURSORS[grip])

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        super().mouseReleaseEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and self.text.dragging:
            new = self.text.release(*self._point(event))
            self.update()
            if new is not None:
                self.text_added.emit(new)
        elif event.button() == Qt.MouseButton.LeftButton and self.dragging:
            self._drawing = False
            changed = self._tool.release()
            self.update()
            if changed:
                self.box_drawn.emit(self._tool.box)

    def claims(self, event: QKeyEvent) -> bool:
        """Whether a key means something here now: also those of the box and of a drag."""
        if event.key() == Qt.Key.Key_Escape:
            return self.dragging or self._drawing or self.text.correcting
        if event.key() in _ENTER:
            return self._drawing and not self.dragging
        if event.key() == Qt.Key.Key_Delete and self.text.correcting:
            return True
        alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
        if event.key() in _ARROWS and alt:
            return self._tool.box is not None
        return super().claims(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        key = Qt.Key(event.key())
        if self.text.correcting and key in (Qt.Key.Key_Escape, Qt.Key.Key_Delete):
            self._text_key(key)
        elif key == Qt.Key.Key_Escape and self.claims(event):
            self._tool.cancel()
            self._drawing = False
            self.unsetCursor()
            self.update()
        elif key == Qt.Key.Key_Delete and self._tool.box is not None:
            self.clear_box()
        elif key in _ENTER and self.claims(event):
            self._place_box()
        elif key in _ARROWS and self.claims(event):
            grows = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.touched.emit()
            self._nudged |= self._tool.nudge(*_ARROWS[key], Grip.BOTTOM_RIGHT if grows else Grip.MOVE)
            self.update()
        else:
            super().keyPressEvent(event)

    def _place_box(self) -> None:
        """A box without the mouse: Alt + arrows bring it to the lesion."""
        self._drawing = False
        self.unsetCursor()
        self.touched.emit()
        self._tool.place()
        self.update()
        self.box_drawn.emit(self._tool.box)

    def _text_key(self, key: Qt.Key) -> None:
        """Delete removes the chosen box; Escape ends the drag, else the correction."""
        if key == Qt.Key.Key_Delete:
            gone = self.text.remove()
            if gone is not None:
                self.text_removed.emit(gone)
        elif self.text.dragging:
            self.text.cancel()
        else:
            self.correct_text(False)
        self.update()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if self._nudged and not event.isAutoRepeat():
            self._settle()
        super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        self._settle()
        super().focusOutEvent(event)

    def _settle(self) -> None:
        """Tells of a box that was moved by keys, once for a whole row of them."""
        if self._nudged:
            self._nudged = False
            self.box_drawn.emit(self._tool.box)
