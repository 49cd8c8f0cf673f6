"""Where burned-in text is in a video, and its correction by hand. Knows nothing of widgets."""

from __future__ import annotations

from core.domain import Box, PixelBox
from desktop.player.box_tool import BoxTool


class TextBoxes:
    """The boxes of a video, the same on every frame. While ``correcting`` a drag draws one more."""

    def __init__(self) -> None:
        self.boxes: tuple[PixelBox, ...] = ()
        self.shown = self.correcting = False
        self.chosen: PixelBox | None = None
        self._tool = BoxTool()

    @property
    def visible(self) -> tuple[PixelBox, ...]:
        """What is to be painted."""
        return self.boxes if self.shown or self.correcting else ()

    @property
    def drawn(self) -> Box | None:
        """The box in the hand."""
        return self._tool.box

    @property
    def dragging(self) -> bool:
        """Whether a drag is under way."""
        return self._tool.dragging

    def show(self, boxes: tuple[PixelBox, ...]) -> None:
        """Takes the boxes as they were saved."""
        self.boxes = boxes
        if self.chosen not in boxes:
            self.chosen = None

    def correct(self, on: bool) -> None:
        """Begins or ends the correction."""
        self.correcting, self.chosen = on, None
        self.cancel()

    def set_picture(self, width: int, height: int) -> None:
        """The size of the picture in pixels."""
        self._tool.set_picture(width, height)

    def press(self, x: float, y: float) -> None:
        """Begins a drag, or a click."""
        self._tool.press(x, y, 0, drawing=True)

    def drag(self, x: float, y: float) -> None:
        """Follows the hand."""
        self._tool.drag(x, y)

    def release(self, x: float, y: float) -> PixelBox | None:
        """Ends the drag; gives the new box. A click draws none and chooses the one under it."""
        changed, box = self._tool.release(), self._tool.box
        self._tool.box = None
        if not changed or box is None:
            self.chosen = self._at(x, y)
            return None
        new = (round(box.x), round(box.y), round(box.w), round(box.h))
        self.boxes, self.chosen = (*self.boxes, new), new
        return new

    def cancel(self) -> None:
        """Ends the drag without a box."""
        self._tool.cancel()

    def remove(self) -> PixelBox | None:
        """Takes the chosen box away and gives it."""
        gone, self.chosen = self.chosen, None
        self.boxes = tuple(box for box in self.boxes if box != gone)
        return gone

    def _at(self, x: float, y: float) -> PixelBox | None:
        """The smallest box around a point."""
        around = [box for box in self.boxes if 0 <= x - box[0] <= box[2] and 0 <= y - box[1] <= box[3]]
        return min(around, key=lambda box: box[2] * box[3], default=None)
