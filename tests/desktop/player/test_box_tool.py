"""Drawing, moving and resizing a box: always in the picture, on whole pixels, never under four."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import Box
from desktop.player.box_tool import HANDLES, LEAST_SIDE, BoxTool, Edges, Grip

SIZE = (560, 480)
points = st.tuples(st.floats(-300, 900), st.floats(-300, 900))


def tool(box: Box | None = None) -> BoxTool:
    made = BoxTool()
    made.set_picture(*SIZE)
    made.box = box
    return made


def in_picture(box: Box) -> bool:
    return box.x >= 0 and box.y >= 0 and box.x + box.w <= SIZE[0] and box.y + box.h <= SIZE[1]


@given(points, points)
def test_a_drawn_box_spans_the_drag_within_the_picture(
    start: tuple[float, float], end: tuple[float, float]
) -> None:
    made = tool()
    made.press(*start, reach=5)
    made.drag(*end)
    if made.release():
        box = made.box
        assert box is not None
        assert in_picture(box)
        assert min(box.w, box.h) >= LEAST_SIDE
        assert box.pts is None
        assert all(value == round(value) for value in Edges.of(box))
    else:
        assert made.box is None


@given(st.lists(st.tuples(st.sampled_from(list(HANDLES)), points), min_size=1, max_size=6))
def test_resizing_moves_only_its_edges(drags: list[tuple[Grip, tuple[float, float]]]) -> None:
    made = tool(Box(100, 100, 200, 150))
    for grip, end in drags:
        assert made.box is not None
        before = Edges.of(made.box)
        made.press(*before.handle(grip), reach=5)
        made.drag(*end)
        made.release()
        after = Edges.of(made.box)
        assert in_picture(made.box)
        assert min(made.box.w, made.box.h) >= LEAST_SIDE
        moved = [a != b for a, b in zip(before, after, strict=True)]
        assert (
            all(may or not did for may, did in zip(grip.value, moved, strict=True))
            or made.box.w < 15
            or made.box.h < 15
        )


@given(points, points)
def test_moving_keeps_the_size(start: tuple[float, float], end: tuple[float, float]) -> None:
    box = Box(200, 200, 100.5, 80.25)
    made = tool(box)
    if made.grip_at(*start, reach=5) is not Grip.MOVE:
        return
    made.press(*start, reach=5)
    made.drag(*end)
    made.release()
    assert made.box is not None
    assert in_picture(made.box)
    assert (made.box.w, made.box.h) == (box.w, box.h)


def test_a_slip_of_the_hand_leaves_the_box_as_it_was() -> None:
    box = Box(100, 100, 50, 50)
    made = tool(box)
    made.press(300, 300, reach=5)
    made.drag(303, 350)
    assert not made.release()
    assert made.box == box


def test_cancel_puts_the_box_back() -> None:
    box = Box(100, 100, 50, 50)
    made = tool(box)
    made.press(125, 125, reach=5)
    made.drag(300, 300)
    assert made.box != box
    made.cancel()
    assert made.box == box
    assert not made.dragging


def test_a_small_box_can_still_be_moved_by_its_middle() -> None:
    made = tool(Box(100, 100, 8, 8))
    assert made.grip_at(104, 104, reach=20) is Grip.MOVE
    assert made.grip_at(100, 100, reach=20) is Grip.TOP_LEFT


@pytest.mark.parametrize(("dx", "dy", "x", "y"), [(1, 0, 101, 100), (0, -1, 100, 99), (9999, 0, 510, 100)])
def test_nudging(dx: int, dy: int, x: float, y: float) -> None:
    made = tool(Box(100, 100, 50, 50))
    assert made.nudge(dx, dy)
    assert made.box == Box(x, y, 50, 50)


def test_nudging_against_the_border_moves_nothing() -> None:
    made = tool(Box(0, 0, 50, 50))
    assert not made.nudge(-1, 0)
