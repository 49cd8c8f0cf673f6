"""The frame under real mouse and key events: boxes, zoom, pan, and its states in words."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.domain import Box, ScopeRegion
from desktop.player.canvas import FrameCanvas
from desktop.player.picture import PictureState
from desktop.theme import colours

ALT = Qt.KeyboardModifier.AltModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
PLAIN = Qt.KeyboardModifier.NoModifier
LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton


@pytest.fixture
def canvas(qtbot: QtBot) -> FrameCanvas:
    """A grey frame of 400 × 300 on a widget of 800 × 700."""
    made = FrameCanvas()
    qtbot.addWidget(made)
    made.resize(800, 700)
    made.show()
    made.setFocus()
    picture = QImage(400, 300, QImage.Format.Format_RGB32)
    picture.fill(QColor("#808080"))
    made.show_frame(7, picture)
    return made


@pytest.fixture
def said(canvas: FrameCanvas) -> list[Any]:
    """Boxes drawn, and None for each that was cleared."""
    heard: list[Any] = []
    canvas.box_drawn.connect(heard.append)
    canvas.box_cleared.connect(lambda: heard.append(None))
    return heard


def at(canvas: FrameCanvas, x: float, y: float) -> QPoint:
    return canvas.view.to_canvas(QPointF(x, y)).toPoint()


def drag(
    canvas: FrameCanvas, start: tuple[float, float], end: tuple[float, float], button: Any = LEFT
) -> None:
    first, last = at(canvas, *start), at(canvas, *end)
    QTest.mousePress(canvas, button, PLAIN, first)
    QTest.mouseMove(canvas, (first + last) / 2)
    QTest.mouseMove(canvas, last)
    QTest.mouseRelease(canvas, button, PLAIN, last)


def wheel(canvas: FrameCanvas, notches: int, where: QPoint, modifiers: Any = PLAIN) -> None:
    event = QWheelEvent(
        QPointF(where), QPointF(canvas.mapToGlobal(where)), QPoint(), QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def test_drawing_gives_the_box_in_pixels_of_the_frame(canvas: FrameCanvas, said: list[Any]) -> None:
    drag(canvas, (50, 60), (150, 200))
    assert said == [Box(50, 60, 100, 140)]
    assert canvas.box == said[0]


def test_drawing_backwards_and_over_the_border_is_clipped(canvas: FrameCanvas, said: list[Any]) -> None:
    drag(canvas, (380, 290), (300, 400))
    drag(canvas, (20, 20), (-60, -60))
    assert said == [Box(300, 290, 80, 10), Box(0, 0, 20, 20)]


def test_a_box_under_four_pixels_is_dropped(canvas: FrameCanvas, said: list[Any]) -> None:
    drag(canvas, (50, 60), (53, 200))
    QTest.mouseClick(canvas, LEFT, PLAIN, at(canvas, 200, 200))
    assert said == []
    assert canvas.box is None


def test_moving_by_the_inside(canvas: FrameCanvas, said: list[Any]) -> None:
    canvas.set_boxes(Box(100, 100, 80, 60), None)
    drag(canvas, (140, 130), (160, 120))
    assert said == [Box(120, 90, 80, 60)]
    drag(canvas, (160, 120), (900, 900))
    assert said[1] == Box(320, 240, 80, 60)


@pytest.mark.parametrize(
    ("handle", "end", "expected"),
    [
        ((100, 100), (90, 80), Box(90, 80, 90, 80)),
        ((140, 100), (300, 90), Box(100, 90, 80, 70)),
        ((180, 160), (200, 180), Box(100, 100, 100, 80)),
        ((100, 130), (500, 130), Box(176, 100, 4, 60)),
        ((180, 130), (600, 130), Box(100, 100, 300, 60)),
        ((140, 160), (140, 150), Box(100, 100, 80, 50)),
        ((180, 100), (190, 90), Box(100, 90, 90, 70)),
        ((100, 160), (110, 170), Box(110, 100, 70, 70)),
    ],
)
def test_each_handle(
    canvas: FrameCanvas, said: list[Any], handle: tuple[int, int], end: tuple[int, int], expected: Box
) -> None:
    canvas.set_boxes(Box(100, 100, 80, 60), None)
    drag(canvas, handle, end)
    assert said == [expected]


def test_a_click_into_the_box_changes_nothing(canvas: FrameCanvas, said: list[Any]) -> None:
    canvas.set_boxes(Box(100, 100, 80, 60), None)
    QTest.mouseClick(canvas, LEFT, PLAIN, at(canvas, 140, 130))
    assert said == []


def test_draw_mode_draws_inside_an_old_box_and_escape_leaves_it(canvas: FrameCanvas, said: list[Any]) -> None:
    canvas.set_boxes(Box(100, 100, 200, 150), None)
    canvas.draw_box()
    drag(canvas, (150, 150), (200, 200))
    assert said == [Box(150, 150, 50, 50)]
    canvas.draw_box()
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    drag(canvas, (175, 175), (185, 175))
    assert said[1] == Box(160, 150, 50, 50)


def test_escape_cancels_a_drag(canvas: FrameCanvas, said: list[Any]) -> None:
    canvas.set_boxes(Box(100, 100, 80, 60), None)
    QTest.mousePress(canvas, LEFT, PLAIN, at(canvas, 140, 130))
    QTest.mouseMove(canvas, at(canvas, 200, 200))
    assert canvas.box == Box(160, 170, 80, 60)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(canvas, LEFT, PLAIN, at(canvas, 200, 200))
    assert canvas.box == Box(100, 100, 80, 60)
    assert said == []


def test_delete_clears(canvas: FrameCanvas, said: list[Any]) -> None:
    canvas.set_boxes(Box(100, 100, 80, 60), None)
    QTest.keyClick(canvas, Qt.Key.Key_Delete)
    QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert said == [None]
    assert canvas.box is None


def test_alt_and_arrows_move_by_one_pixel_and_are_told_once(canvas: FrameCanvas, said: list[Any]) -> None:
    canvas.set_boxes(Box(100, 100, 80, 60), None)
    for _ in range(3):
        QTest.keyPress(canvas, Qt.Key.Key_Right, ALT)
    assert canvas.box == Box(103, 100, 80, 60)
    assert said == []
    QTest.keyRelease(canvas, Qt.Key.Key_Right, ALT)
    QTest.keyClick(canvas, Qt.Key.Key_Up, ALT)
    assert said == [Box(103, 100, 80, 60), Box(103, 99, 80, 60)]


def test_a_box_can_be_drawn_without_the_mouse(canvas: FrameCanvas, said: list[Any]) -> None:
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert canvas.box is None  # Enter means nothing here but while a box is to be drawn
    canvas.draw_box()
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    placed = canvas.box
    assert placed is not None
    assert placed == Box(133, 100, 133, 100)
    QTest.keyClick(canvas, Qt.Key.Key_Right, ALT)
    QTest.keyClick(canvas, Qt.Key.Key_Down, ALT | Qt.KeyboardModifier.ShiftModifier)
    assert canvas.box == Box(placed.x + 1, placed.y, placed.w, placed.h + 1)


def test_a_nudged_box_is_told_before_the_frame_goes(canvas: FrameCanvas, said: list[Any]) -> None:
    canvas.set_boxes(Box(100, 100, 80, 60), None)
    canvas.box_drawn.connect(lambda _: said.append(canvas.number))
    QTest.keyPress(canvas, Qt.Key.Key_Right, ALT)
    canvas.show_frame(8, QImage(400, 300, QImage.Format.Format_RGB32))
    assert said == [Box(101, 100, 80, 60), 7]


def test_another_frame_ends_a_drag(canvas: FrameCanvas, said: list[Any]) -> None:
    QTest.mousePress(canvas, LEFT, PLAIN, at(canvas, 10, 10))
    QTest.mouseMove(canvas, at(canvas, 90, 90))
    canvas.show_frame(8, QImage(400, 300, QImage.Format.Format_RGB32))
    QTest.mouseRelease(canvas, LEFT, PLAIN, at(canvas, 90, 90))
    assert said == []
    assert canvas.box is None


def test_zoom_keeps_the_point_under_the_cursor_and_double_click_fits(canvas: FrameCanvas) -> None:
    where = at(canvas, 300, 50)
    before = canvas.view.to_picture(QPointF(where))
    wheel(canvas, 4, where, CONTROL)
    assert canvas.view.zoom == pytest.approx(1.25**4)
    assert (canvas.view.to_picture(QPointF(where)) - before).manhattanLength() < 0.1
    QTest.mouseDClick(canvas, LEFT, PLAIN, where)
    assert canvas.view.zoom == 1.0


def test_boxes_are_exact_while_zoomed_and_panned(canvas: FrameCanvas, said: list[Any]) -> None:
    canvas.zoom(5)
    start = canvas.view.to_picture(QPointF(400, 350))
    drag(canvas, (start.x(), start.y()), (start.x() - 20, start.y() + 10), MIDDLE)
    moved = canvas.view.to_picture(QPointF(400, 350)) - start
    assert (moved - QPointF(20, -10)).manhattanLength() < 0.5
    drag(canvas, (205, 142), (225, 160))
    assert said == [Box(205, 142, 20, 18)]


def test_space_and_drag_pans_and_a_tap_of_space_is_told(canvas: FrameCanvas, said: list[Any]) -> None:
    taps: list[None] = []
    canvas.space_tapped.connect(lambda: taps.append(None))
    canvas.zoom(4)
    before = canvas.view.target.topLeft()
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    drag(canvas, (200, 150), (190, 150))
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert canvas.view.target.left() < before.x() - 50
    assert (said, taps) == ([], [])
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert taps == [None]


def test_the_wheel_steps_frames(canvas: FrameCanvas) -> None:
    steps: list[int] = []
    canvas.stepped.connect(steps.append)
    wheel(canvas, -1, QPoint(400, 350))
    wheel(canvas, 2, QPoint(400, 350))
    assert steps == [1, -2]
    assert canvas.view.zoom == 1.0


def test_the_box_covers_the_pixels_that_it_names(canvas: FrameCanvas) -> None:
    canvas.set_boxes(Box(100, 100, 80, 60), None)
    shot = canvas.grab().toImage()
    edge = at(canvas, 120, 100) * shot.devicePixelRatio()
    assert shot.pixelColor(edge).name() == colours.BOX


def test_the_ghost_is_shown_only_where_there_is_no_box(canvas: FrameCanvas) -> None:
    ghost, plain = Box(30, 30, 100, 100), canvas.grab().toImage()
    canvas.set_boxes(None, ghost)
    assert canvas.ghost == ghost
    assert canvas.grab().toImage() != plain
    canvas.set_boxes(Box(1, 1, 9, 9), ghost)
    assert canvas.ghost is None


def test_the_scope_region_is_outlined_on_request(canvas: FrameCanvas) -> None:
    plain = canvas.grab().toImage()
    canvas.set_region(ScopeRegion((20, 20, 300, 200), ((20, 20), (320, 20), (320, 220), (20, 220)), True))
    canvas.show_region(True)
    assert canvas.grab().toImage() != plain
    canvas.show_region(False)
    assert canvas.grab().toImage() == plain


def test_states_are_told_in_words_and_to_screen_readers(canvas: FrameCanvas) -> None:
    assert canvas.state is PictureState.FRAME
    assert canvas.accessibleName() == "Video frame"
    shots = [canvas.grab().toImage()]
    canvas.mark_old("Frame 7 · frame 9 is being decoded …")
    shots.append(canvas.grab().toImage())
    assert (canvas.state, canvas.number) == (PictureState.OLD, 7)
    canvas.mark_refused("Frame 9 can't be given.", "Take another.", "Shown is frame 7")
    shots.append(canvas.grab().toImage())
    assert canvas.accessibleDescription() == "Frame 9 can't be given. Take another."
    canvas.show_message("No video chosen", "Choose one.")
    shots.append(canvas.grab().toImage())
    assert canvas.number is None
    canvas.mark_refused("Frame 0 can't be given.", "Take another.", "")
    assert (canvas.state, canvas.words[0]) == (PictureState.MESSAGE, "Frame 0 can't be given.")
    assert all(a != b for n, a in enumerate(shots) for b in shots[n + 1 :])


def test_nothing_is_drawn_where_there_is_no_frame(canvas: FrameCanvas, said: list[Any]) -> None:
    canvas.show_message("No video chosen")
    QTest.mousePress(canvas, LEFT, PLAIN, QPoint(100, 100))
    QTest.mouseMove(canvas, QPoint(300, 300))
    QTest.mouseRelease(canvas, LEFT, PLAIN, QPoint(300, 300))
    wheel(canvas, 3, QPoint(100, 100), CONTROL)
    canvas.draw_box()
    assert said == []
    assert canvas.view.zoom == 1.0
