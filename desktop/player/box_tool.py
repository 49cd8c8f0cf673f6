"""Draws, moves and resizes one lesion box by points in picture pixels. Knows nothing of widgets."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from core.domain import Box

LEAST_SIDE = 4
"""A box with a shorter side, in pixels, was a slip of the hand."""


class Grip(Enum):
    """What a press takes hold of; the value says which edges it moves: (left, top, right, bottom)."""

    DRAW = (0, 0, 0, 0)
    MOVE = (1, 1, 1, 1)
    TOP_LEFT = (1, 1, 0, 0)
    TOP = (0, 1, 0, 0)
    TOP_RIGHT = (0, 1, 1, 0)
    RIGHT = (0, 0, 1, 0)
    BOTTOM_RIGHT = (0, 0, 1, 1)
    BOTTOM = (0, 0, 0, 1)
    BOTTOM_LEFT = (1, 0, 0, 1)
    LEFT = (1, 0, 0, 0)


HANDLES = tuple(grip for grip in Grip if grip not in (Grip.DRAW, Grip.MOVE))


class Edges(NamedTuple):
    """A box by its edges, in picture pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, box: Box) -> Edges:
        """The edges of a box."""
        return cls(box.x, box.y, box.x + box.w, box.y + box.h)

    def box(self) -> Box:
        """The box without a time."""
        return Box(self.left, self.top, self.right - self.left, self.bottom - self.top)

    def handle(self, grip: Grip) -> tuple[float, float]:
        """Where a handle sits: on the corner or in the middle of the edge that it moves."""
        left, top, right, bottom = grip.value
        x = self.left if left else self.right if right else (self.left + self.right) / 2
        y = self.top if top else self.bottom if bottom else (self.top + self.bottom) / 2
        return x, y


class BoxTool:
    """The box of the shown frame and what the hand does to it. Boxes stay in the picture, on whole pixels."""

    def __init__(self) -> None:
        self.box: Box | None = None
        self._size = (0, 0)
        self._grip: Grip | None = None
        self._start = (0.0, 0.0)
        self._before: Box | None = None

    @property
    def dragging(self) -> bool:
        """Whether a drag is under way."""
        return self._grip is not None

    def set_picture(self, width: int, height: int) -> None:
        """The size of the picture in pixels."""
        self._size = (width, height)

    def grip_at(self, x: float, y: float, reach: float, drawing: bool = False) -> Grip:
        """What a press at this point takes hold of; handles reach ``reach`` pixels far.

        On a small box the handles shrink, so that it can still be moved by its middle.
        """
        if self.box is None or drawing:
            return Grip.DRAW
        edges = Edges.of(self.box)
        reach = min(reach, max(1.0, min(self.box.w, self.box.h) / 3))
        for grip in HANDLES:
            hx, hy = edges.handle(grip)
            if abs(x - hx) <= reach and abs(y - hy) <= reach:
                return grip
        inside = edges.left <= x <= edges.right and edges.top <= y <= edges.bottom
        return Grip.MOVE if inside else Grip.DRAW

    def press(self, x: float, y: float, reach: float, drawing: bool = False) -> None:
        """Begins a drag."""
        self._grip = self.grip_at(x, y, reach, drawing)
        self._start, self._before = (x, y), self.box

    def drag(self, x: float, y: float) -> None:
        """Follows the hand."""
        if self._grip is Grip.DRAW:
            self.box = self._drawn(x, y)
        elif self._grip is not None and self._before is not None:
            self._shift(self._before, self._grip, x - self._start[0], y - self._start[1])

    def release(self) -> bool:
        """Ends the drag; gives whether the box is another one than before."""
        if self._grip is Grip.DRAW and (self.box is None or _too_small(self.box)):
            self.box = self._before
        self._grip = None
        return self.box != self._before

    def cancel(self) -> None:
        """Ends the drag; the box is what it was before."""
        if self._grip is not None:
            self.box, self._grip = self._before, None

    def nudge(self, dx: int, dy: int, grip: Grip = Grip.MOVE) -> bool:
        """Moves the box, or one of its handles, by whole pixels; gives whether it could be moved."""
        before = self.box
        if before is not None and not self.dragging:
            self._shift(before, grip, dx, dy)
        return self.box != before

    def place(self) -> None:
        """Puts a box of a third of the picture into its middle, for who has no mouse at hand."""
        width, height = self._size
        w, h = max(width // 3, LEAST_SIDE), max(height // 3, LEAST_SIDE)
        self.box = Box((width - w) // 2, (height - h) // 2, w, h)

    def _drawn(self, x: float, y: float) -> Box | None:
        (x0, y0), (width, height) = self._start, self._size
        left, right = sorted(_between(round(value), 0, width) for value in (x0, x))
        top, bottom = sorted(_between(round(value), 0, height) for value in (y0, y))
        return Edges(left, top, right, bottom).box() if right > left and bottom > top else None

    def _shift(self, before: Box, grip: Grip, dx: float, dy: float) -> None:
        width, height = self._size
        dx, dy = round(dx), round(dy)
        if grip is Grip.MOVE:
            x, y = _between(before.x + dx, 0, width - before.w), _between(before.y + dy, 0, height - before.h)
            self.box = Box(x, y, before.w, before.h)
            return
        left, top, right, bottom = Edges.of(before)
        if grip.value[0]:
            left = _between(left + dx, 0, right - LEAST_SIDE)
        if grip.value[1]:
            top = _between(top + dy, 0, bottom - LEAST_SIDE)
        if grip.value[2]:
            right = _between(right + dx, left + LEAST_SIDE, width)
        if grip.value[3]:
            bottom = _between(bottom + dy, top + LEAST_SIDE, height)
        self.box = Edges(left, top, right, bottom).box()


def _too_small(box: Box) -> bool:
    return box.w < LEAST_SIDE or box.h < LEAST_SIDE


def _between(value: float, low: float, high: float) -> float:
    return float(max(low, min(value, high)))
