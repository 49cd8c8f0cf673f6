"""Burned-in text in the player: shown on request, corrected by hand, written to the catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.domain import Box
from core.importing import import_videos
from core.paths import DataDir
from desktop.desk import Desk
from desktop.player.player import Player
from desktop.session import Selection, Session
from desktop.theme import colours
from desktop.views.description.form import DescriptionForm

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
FOUND = ((20, 60, 40, 20), (100, 90, 30, 12))


def at(player: Player, x: float, y: float) -> QPoint:
    return player.canvas.view.to_canvas(QPointF(x, y)).toPoint()


def drag(player: Player, start: tuple[float, float], end: tuple[float, float]) -> None:
    first, last = at(player, *start), at(player, *end)
    QTest.mousePress(player.canvas, LEFT, PLAIN, first)
    QTest.mouseMove(player.canvas, (first + last) / 2)
    QTest.mouseMove(player.canvas, last)
    QTest.mouseRelease(player.canvas, LEFT, PLAIN, last)


def click(player: Player, x: float, y: float) -> None:
    QTest.mouseClick(player.canvas, LEFT, PLAIN, at(player, x, y))


@pytest.fixture
def lettered(opened: Player) -> Player:
    """A player that knows of two boxes."""
    opened.show_text_boxes(FOUND)
    return opened


@pytest.fixture
def said(lettered: Player) -> list[Any]:
    """What was added and removed, and lesion boxes."""
    heard: list[Any] = []
    lettered.text_added.connect(lambda box: heard.append(("added", box)))
    lettered.text_removed.connect(lambda box: heard.append(("removed", box)))
    lettered.box_drawn.connect(lambda box: heard.append(("lesion", box)))
    return heard


def is_outlined(player: Player) -> bool:
    """Whether the colour of text boxes is on the left edge of the first box."""
    shot = player.canvas.grab().toImage()
    point, accent = at(player, 20, 70), QColor(colours.ACCENT)

    def near(colour: QColor) -> bool:
        return abs(colour.blue() - accent.blue()) + abs(colour.red() - accent.red()) < 70

    return any(
        near(shot.pixelColor(point.x() + dx, point.y() + dy)) for dx in (-1, 0, 1) for dy in range(-9, 9)
    )


def test_boxes_are_outlined_on_request(lettered: Player) -> None:
    assert not is_outlined(lettered)
    lettered.toggle_text()
    assert is_outlined(lettered)
    lettered.toggle_text()
    assert not is_outlined(lettered)


def test_a_drag_adds_a_box_also_within_another(lettered: Player, said: list[Any]) -> None:
    lettered.correct_text()
    assert lettered.text_hint.isVisible()
    assert is_outlined(lettered)
    drag(lettered, (30, 65), (50, 75))
    assert said == [("added", (30, 65, 20, 10))]
    assert lettered.canvas.text.boxes == (*FOUND, (30, 65, 20, 10))


def test_a_click_and_delete_removes_the_smallest_box(lettered: Player, said: list[Any]) -> None:
    lettered.correct_text()
    drag(lettered, (30, 65), (50, 75))
    click(lettered, 40, 70)
    QTest.keyClick(lettered.canvas, Qt.Key.Key_Delete)
    click(lettered, 110, 95)
    QTest.keyClick(lettered.canvas, Qt.Key.Key_Delete)
    assert said[1:] == [("removed", (30, 65, 20, 10)), ("removed", FOUND[1])]
    assert lettered.canvas.text.boxes == FOUND[:1]


def test_delete_without_a_choice_removes_nothing(lettered: Player, said: list[Any]) -> None:
    lettered.canvas.set_boxes(Box(60, 30, 40, 30), None)
    lettered.correct_text()
    click(lettered, 150, 20)
    QTest.keyClick(lettered.canvas, Qt.Key.Key_Delete)
    assert said == []
    assert lettered.canvas.box == Box(60, 30, 40, 30)


def test_escape_ends_a_drag_and_then_the_correction(lettered: Player, said: list[Any]) -> None:
    lettered.correct_text()
    QTest.mousePress(lettered.canvas, LEFT, PLAIN, at(lettered, 30, 30))
    QTest.mouseMove(lettered.canvas, at(lettered, 60, 60))
    QTest.keyClick(lettered.canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(lettered.canvas, LEFT, PLAIN, at(lettered, 60, 60))
    assert (said, lettered.canvas.text.correcting) == ([], True)
    QTest.keyClick(lettered.canvas, Qt.Key.Key_Escape)
    assert not lettered.canvas.text.correcting
    assert not lettered.text_hint.isVisible()
    drag(lettered, (30, 30), (60, 60))
    assert [kind for kind, _ in said] == ["lesion"]


def test_drawing_a_lesion_box_ends_the_correction(lettered: Player) -> None:
    lettered.correct_text()
    lettered.canvas.draw_box()
    assert not lettered.canvas.text.correcting


def test_another_video_has_no_text_until_told(lettered: Player, other_video: Any, open_video: Any) -> None:
    lettered.correct_text()
    open_video(lettered, other_video)
    assert not lettered.canvas.text.correcting
    assert lettered.canvas.text.boxes == ()


@pytest.fixture
def desk(player: Player, video: Any, tmp_path: Any, qtbot: QtBot) -> Iterator[tuple[Desk, DataDir]]:
    """A desk with the usual video chosen, in which two boxes are known."""
    folder = DataDir(tmp_path / "data")
    with Catalog.open(folder) as catalog:
        summary = import_videos(catalog, [video.path], "P-1", dt.date(2024, 1, 2), author="t")
        operations.set_text_boxes(catalog, 1, FOUND, author="t")
    session, form = Session(), DescriptionForm()
    qtbot.addWidget(form)
    made = Desk(session, player, form)
    session.open(folder.root)
    qtbot.waitUntil(lambda: session.is_open)
    session.choose(Selection(1, summary.exam, 1))
    qtbot.waitUntil(lambda: player.canvas.number == 0 and player.canvas.text.boxes == FOUND)
    yield made, folder
    session.shutdown()


def test_corrections_are_written_one_upon_the_other_and_undone(
    desk: tuple[Desk, DataDir], player: Player, qtbot: QtBot
) -> None:
    made, folder = desk
    player.correct_text()
    drag(player, (60, 20), (80, 30))
    drag(player, (90, 20), (120, 30))
    click(player, 30, 65)
    QTest.keyClick(player.canvas, Qt.Key.Key_Delete)
    wanted = {(60, 20, 20, 10), (90, 20, 30, 10), FOUND[1]}
    qtbot.waitUntil(lambda: made.facts.video is not None and set(made.facts.video.text_boxes) == wanted)
    assert set(player.canvas.text.boxes) == wanted
    for left in (3 + 1, 3, 2):
        made.undo()
        qtbot.waitUntil(
            lambda left=left: made.facts.video is not None and len(made.facts.video.text_boxes) == left
        )
    assert player.canvas.text.boxes == FOUND
    with Catalog.open(folder) as catalog:
        assert queries.video(catalog, 1).text_boxes == FOUND
