"""The timeline: where things lie, scrubbing, the preview beside the pointer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from desktop.player.film import Film
from desktop.player.timeline import Timeline
from desktop.player.timeline_paint import Content, Stretch
from desktop.theme import colours

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def timeline(qtbot: QtBot, video: Any) -> Timeline:
    window = QWidget()
    window.resize(800, 400)
    made = Timeline(window)
    column = QVBoxLayout(window)
    column.addStretch(1)
    column.addWidget(made)
    qtbot.addWidget(window)
    window.show()
    made.kept = window  # type: ignore[attr-defined]  # the window lives as long as the test
    made.show_content(Content(Film(video.index)))
    return made


@pytest.fixture
def scrubbed(timeline: Timeline) -> list[int]:
    heard: list[int] = []
    timeline.scrubbed.connect(heard.append)
    return heard


def test_every_frame_can_be_pointed_at(make_video: Callable[..., Any], timeline: Timeline) -> None:
    for number in range(120):
        assert timeline.number_at(timeline.x_of(number) + 0.01) == number
    assert timeline.number_at(-100) == 0
    assert timeline.number_at(5000) == 119


def test_click_and_drag_scrub(timeline: Timeline, scrubbed: list[int]) -> None:
    y = timeline.height() // 2

    def x(number: int) -> int:
        return round(timeline.x_of(number) + 2)

    QTest.mousePress(timeline, LEFT, PLAIN, QPoint(x(30), y))
    QTest.mouseMove(timeline, QPoint(x(60), y))
    QTest.mouseMove(timeline, QPoint(-50, y))
    QTest.mouseRelease(timeline, LEFT, PLAIN, QPoint(-50, y))
    QTest.mouseMove(timeline, QPoint(x(90), y))
    assert scrubbed == [30, 60, 0]


def test_home_and_end(timeline: Timeline, scrubbed: list[int]) -> None:
    QTest.keyClick(timeline, Qt.Key.Key_End)
    QTest.keyClick(timeline, Qt.Key.Key_Home)
    assert scrubbed == [119, 0]


def test_pointing_shows_the_nearest_thumbnail_and_the_time(timeline: Timeline) -> None:
    for number, colour in ((0, "red"), (60, "green"), (119, "blue")):
        picture = QImage(32, 20, QImage.Format.Format_RGB32)
        picture.fill(QColor(colour))
        timeline.add_thumbnail(number, picture)
    QTest.mouseMove(timeline, QPoint(round(timeline.x_of(50) + 2), 20))
    tip = timeline.tip
    assert tip is not None
    assert tip.isVisible()
    assert tip.image.pixelColor(3, 3) == QColor("green")
    assert tip.words.startswith("00:02.000 · quality ")
    assert tip.geometry().bottom() <= timeline.geometry().top() + 1
    QTest.mouseMove(timeline, QPoint(1, 20))
    assert tip.image.pixelColor(3, 3) == QColor("red")
    assert tip.geometry().left() >= 0
    timeline.show_content(None)
    assert not tip.isVisible()


def column(timeline: Timeline, number: int) -> set[str]:
    shot = timeline.grab().toImage()
    x = round((timeline.x_of(number) + 1) * shot.devicePixelRatio())
    return {shot.pixelColor(x, y).name() for y in range(shot.height())}


def test_clips_boxes_and_marks_are_to_be_seen(timeline: Timeline, video: Any) -> None:
    film = Film(video.index)
    timeline.show_content(Content(film))
    empty = {number: column(timeline, number) for number in (20, 40, 60, 100)}
    timeline.show_content(
        Content(film, (Stretch(0.6, 1.2, True), Stretch(1.4, 1.8)), (film.seconds(60),), 3.9, 4.2)
    )
    assert all(column(timeline, number) != empty[number] for number in empty)
    shot = timeline.grab().toImage()
    x = round(timeline.x_of(60) * shot.devicePixelRatio())
    assert colours.BOX in {shot.pixelColor(x + dx, y).name() for dx in (-1, 0) for y in range(shot.height())}
    timeline.set_playhead(80)
    assert timeline.grab().toImage() != shot


def test_overlapping_clips_lie_in_rows(timeline: Timeline, video: Any) -> None:
    film = Film(video.index)
    timeline.show_content(Content(film, (Stretch(1.0, 3.0),)))
    alone = column(timeline, 60)
    timeline.show_content(Content(film, (Stretch(1.0, 3.0), Stretch(2.0, 4.0, True))))
    assert len(column(timeline, 60)) > len(alone)


def test_without_a_video_it_does_nothing(timeline: Timeline, scrubbed: list[int]) -> None:
    timeline.show_content(None)
    assert not timeline.isEnabled()
    assert timeline.number_at(50) is None
    assert not timeline.grab().isNull()
    QTest.mouseMove(timeline, QPoint(50, 20))
    assert scrubbed == []
