"""The player as the window uses it: what is painted last is what was asked for last."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.domain import Box, Clip
from core.paths import DataDir
from core.video.index import save_index
from desktop.player.footage import Footage
from desktop.player.picture import PictureState
from desktop.player.player import Player

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def pts_of(video: Any, number: int) -> int:
    return int(video.index.pts[number])


def clip_of(video: Any, first: int, last: int, *boxes: Box, clip_id: int = 1) -> Clip:
    return Clip(clip_id, 1, 1, clip_id, pts_of(video, first), pts_of(video, last), boxes)


@pytest.fixture
def shows(eyes: Any, qtbot: QtBot) -> Callable[[Player, int], None]:
    """Waits until a frame is shown, and reads its number off the screen."""

    def check(player: Player, number: int) -> None:
        qtbot.waitUntil(lambda: player.canvas.number == number)
        assert player.canvas.state is PictureState.FRAME
        assert eyes.painted(player.canvas) == number
        assert player.number == number
        assert f"frame {number}" in player.transport.time_label.text()

    return check


@pytest.fixture
def problems(player: Player) -> list[str]:
    heard: list[str] = []
    player.problem.connect(lambda error: heard.append(error.code))
    return heard


# -- states --------------------------------------------------------------------------------------------------


def test_without_a_video_it_says_so_and_every_wish_is_harmless(player: Player, problems: list[str]) -> None:
    assert player.canvas.words[0] == "No video chosen"
    assert (player.number, player.pts, player.marks) == (None, None, (None, None))
    for wish in (
        player.toggle_play, player.play_forward, player.play_backward, player.pause, player.mark_in,
        player.mark_out, player.add_clip, player.toggle_text, player.correct_text, player.toggle_region,
    ):  # fmt: skip
        wish()
    player.step(1)
    player.step_seconds(1.0)
    player.show_clip(None)
    assert not player.transport.isEnabled()
    assert problems == []


def test_loading_then_the_first_frame(
    player: Player, video: Any, open_video: Any, shows: Any, problems: list[str]
) -> None:
    open_video(player, video)
    assert player.canvas.words[0].startswith("Loading")
    shows(player, 0)
    assert player.transport.isEnabled()
    assert player.transport.time_label.text() == "00:00.000 / 00:04.800 · frame 0"
    assert problems == []


def test_a_missing_file_is_a_state_and_the_next_video_opens(
    player: Player, video: Any, open_video: Any, shows: Any, qtbot: QtBot, problems: list[str], tmp_path: Path
) -> None:
    open_video(player, dataclasses.replace(video, path=tmp_path / "gone.mp4"))
    qtbot.waitUntil(lambda: problems == ["video-missing"])
    assert player.canvas.state is PictureState.MESSAGE
    assert player.canvas.words == (
        "gone.mp4: There is no file at this path.",
        "Check the path; was the file moved or renamed?",
    )
    assert not player.transport.isEnabled()
    open_video(player, video)
    shows(player, 0)


def test_a_refused_frame_keeps_the_old_one_and_says_which(
    player: Player, video: Any, open_video: Any, shows: Any, eyes: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    prints = video.index.fingerprints.copy()
    prints[50] ^= 0xFFFF
    save_index(DataDir(tmp_path).frame_indexes, dataclasses.replace(video.index, fingerprints=prints))
    open_video(player, dataclasses.replace(video, data_dir=tmp_path))
    shows(player, 0)
    player.seek(49)
    shows(player, 49)
    player.step(1)
    qtbot.waitUntil(lambda: player.canvas.state is PictureState.REFUSED)
    assert "Frame 50" in player.canvas.words[0]
    assert (player.number, player.canvas.number) == (50, 49)
    player.step(1)
    shows(player, 51)
    player.step(-1)
    qtbot.waitUntil(lambda: player.canvas.state is PictureState.REFUSED)
    player.step(-1)
    shows(player, 49)


def test_a_frame_that_takes_long_leaves_the_old_one_marked(
    opened: Player, shows: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, real = threading.Event(), Footage.image

    def slow(self: Footage, number: int, overtaken: Any) -> Any:
        gate.wait(10)
        return real(self, number, overtaken)

    qtbot.waitUntil(lambda: 0 in (opened._source._cache.numbers if opened._source._cache else ()))
    monkeypatch.setattr(Footage, "image", slow)
    opened.seek(119)
    qtbot.waitUntil(lambda: opened.canvas.state is PictureState.OLD)
    assert opened.canvas.number != 119
    assert "119" in opened.canvas.words[0]
    gate.set()
    shows(opened, 119)


# -- exactness -----------------------------------------------------------------------------------------------


def test_random_seeks(opened: Player, shows: Any) -> None:
    rng = random.Random(8)
    for _ in range(20):
        number = rng.randrange(120)
        opened.seek(number)
        shows(opened, number)


def test_steps_show_each_next_frame_both_ways(opened: Player, shows: Any) -> None:
    opened.seek(60)
    for number in (*range(61, 75), *range(73, 40, -1)):
        opened.step(1 if number > (opened.number or 0) else -1)
        shows(opened, number)


def test_quick_steps_add_up(opened: Player, shows: Any) -> None:
    for _ in range(40):
        opened.step(1)
    for _ in range(15):
        opened.step(-1)
    shows(opened, 25)
    opened.step(-1000)
    shows(opened, 0)
    opened.step(1000)
    shows(opened, 119)


def test_steps_by_seconds(opened: Player, shows: Any) -> None:
    opened.step_seconds(1.0)
    shows(opened, 25)
    opened.step_seconds(0.001)
    shows(opened, 26)
    opened.step_seconds(-0.001)
    shows(opened, 25)
    opened.step_seconds(-60.0)
    shows(opened, 0)


def test_fast_scrubbing_ends_where_the_mouse_ends(
    player: Player, make_video: Callable[..., Any], open_video: Any, shows: Any, qtbot: QtBot
) -> None:
    open_video(player, make_video("one-key", frames=300, gop=600))
    shows(player, 0)
    rng, timeline = random.Random(2), player.timeline
    for _ in range(4):
        QTest.mousePress(timeline, LEFT, PLAIN, QPoint(rng.randrange(700), 30))
        for _ in range(30):
            QTest.mouseMove(timeline, QPoint(rng.randrange(700), 30))
            if rng.random() < 0.2:
                qtbot.wait(3)
        x = rng.randrange(20, 690)
        QTest.mouseMove(timeline, QPoint(x, 30))
        QTest.mouseRelease(timeline, LEFT, PLAIN, QPoint(x, 30))
        wanted = timeline.number_at(x)
        assert wanted is not None
        shows(player, wanted)
        qtbot.wait(50)
        shows(player, wanted)


def test_two_videos_opened_quickly_show_the_second(
    player: Player, video: Any, other_video: Any, open_video: Any, shows: Any, qtbot: QtBot
) -> None:
    open_video(player, video)
    open_video(player, other_video)
    player.seek(40)
    shows(player, 40)
    qtbot.wait(50)
    shows(player, 40)
    assert player.transport.time_label.text() == "00:01.600 / 00:02.400 · frame 40"


def test_closing_shows_nothing_of_what_was_on_its_way(opened: Player, qtbot: QtBot) -> None:
    opened.seek(100)
    opened.close_video()
    qtbot.wait(100)
    assert opened.canvas.words[0] == "No video chosen"
    assert opened.canvas.number is None
    assert opened.timeline.content is None


# -- playing -------------------------------------------------------------------------------------------------


def frames_of(player: Player) -> list[int]:
    heard: list[int] = []
    player.frame_shown.connect(heard.append)
    return heard


def test_play_to_the_end_then_again_from_the_beginning(opened: Player, shows: Any, qtbot: QtBot) -> None:
    opened.seek(105)
    shows(opened, 105)
    seen = frames_of(opened)
    opened.toggle_play()
    assert opened.transport.play_button.accessibleName() == "Pause"
    qtbot.waitUntil(lambda: opened.number == 119, timeout=5000)
    assert seen == sorted(set(seen))
    assert opened.transport.play_button.accessibleName() == "Play"
    opened.toggle_play()
    qtbot.waitUntil(lambda: 2 <= (opened.number or 0) < 20)
    opened.pause()


def test_speeds_forwards_and_backwards(opened: Player, shows: Any, qtbot: QtBot) -> None:
    words = []
    for press in (opened.play_forward,) * 5 + (opened.play_backward,) * 2 + (opened.play_forward,):
        opened.seek(60) if not words else None
        press()
        words.append(opened.transport.speed_button.text())
    assert words == ["1×", "2×", "4×", "8×", "8×", "−1×", "−2×", "1×"]
    opened.pause()
    opened.seek(60)
    shows(opened, 60)
    seen = frames_of(opened)
    opened.play_backward()
    qtbot.waitUntil(lambda: len(seen) >= 4)
    opened.pause()
    assert seen == sorted(seen, reverse=True)
    assert seen[0] < 60


def test_pausing_stays_on_the_frame_that_is_seen(opened: Player, shows: Any, qtbot: QtBot) -> None:
    opened.play_forward()
    opened.play_forward()
    qtbot.waitUntil(lambda: (opened.canvas.number or 0) >= 10)
    opened.pause()
    number = opened.canvas.number
    assert opened.number == number
    qtbot.wait(120)
    shows(opened, number)


def test_a_chosen_speed_is_taken_by_play_and_while_playing(opened: Player) -> None:
    opened.transport.speed_chosen.emit(0.5)
    assert opened.transport.speed_button.text() == "0.5×"
    opened.seek(60)
    opened.play_backward()
    assert opened.transport.speed_button.text() == "−0.5×"
    opened.transport.speed_chosen.emit(2.0)
    opened.seek(30)
    opened.toggle_play()
    assert opened.transport.speed_button.text() == "2×"
    opened.step(1)
    assert opened.transport.play_button.accessibleName() == "Play"


# -- clips and boxes -----------------------------------------------------------------------------------------


def test_marks_make_a_clip_and_are_cleared_when_it_is_there(
    opened: Player, video: Any, shows: Any, problems: list[str]
) -> None:
    wanted: list[tuple[int, int]] = []
    opened.clip_wanted.connect(lambda first, last: wanted.append((first, last)))
    opened.add_clip()
    assert problems == ["marks-missing"]
    opened.seek(20)
    opened.transport.in_button.click()
    opened.seek(50)
    opened.transport.out_button.click()
    opened.transport.add_button.click()
    assert wanted == [(pts_of(video, 20), pts_of(video, 50))]
    assert opened.marks == wanted[0]
    opened.show_clips([clip_of(video, 5, 9, clip_id=3)])
    assert opened.marks == wanted[0]
    opened.show_clips([clip_of(video, 5, 9, clip_id=3), clip_of(video, 20, 50, clip_id=4)])
    assert opened.marks == (None, None)


def test_the_playhead_ends_a_clip_that_has_only_a_beginning(opened: Player, video: Any) -> None:
    wanted: list[tuple[int, int]] = []
    opened.clip_wanted.connect(lambda first, last: wanted.append((first, last)))
    opened.seek(20)
    opened.mark_in()
    opened.seek(33)
    opened.add_clip()
    assert wanted == [(pts_of(video, 20), pts_of(video, 33))]


def test_a_clip_is_gone_to_once_and_not_again_when_it_is_refreshed(
    opened: Player, video: Any, shows: Any
) -> None:
    clip = clip_of(video, 30, 60)
    opened.show_clip(clip)
    shows(opened, 30)
    opened.seek(90)
    opened.show_clip(clip_of(video, 30, 60, Box(1, 1, 20, 20, pts_of(video, 40))))
    shows(opened, 90)
    opened.show_clip(clip_of(video, 70, 100, clip_id=2))
    shows(opened, 90)


def test_a_clip_that_is_chosen_while_the_video_loads_is_gone_to(
    player: Player, video: Any, open_video: Any, shows: Any
) -> None:
    open_video(player, video)
    clip = clip_of(video, 70, 80, Box(10, 10, 40, 40, pts_of(video, 70)))
    player.show_clips([clip])
    player.show_clip(clip)
    shows(player, 70)
    assert player.canvas.box == Box(10, 10, 40, 40, pts_of(video, 70))
    assert player.timeline.content is not None
    assert [stretch.current for stretch in player.timeline.content.clips] == [True]


def drag(player: Player, start: tuple[int, int], end: tuple[int, int]) -> None:
    canvas = player.canvas
    first, last = (canvas.view.to_canvas(QPointF(*point)).toPoint() for point in (start, end))
    QTest.mousePress(canvas, LEFT, PLAIN, first)
    QTest.mouseMove(canvas, last)
    QTest.mouseRelease(canvas, LEFT, PLAIN, last)


def test_a_box_has_the_time_of_the_frame_it_was_drawn_on(opened: Player, video: Any, shows: Any) -> None:
    drawn: list[Box] = []
    cleared: list[int] = []
    opened.box_drawn.connect(drawn.append)
    opened.box_cleared.connect(cleared.append)
    opened.show_clip(clip_of(video, 30, 60))
    opened.seek(40)
    shows(opened, 40)
    drag(opened, (20, 60), (80, 100))
    assert drawn == [Box(20, 60, 60, 40, pts_of(video, 40))]
    opened.step(1)
    shows(opened, 41)
    assert opened.canvas.box is None
    assert opened.canvas.ghost is not None
    opened.step(-1)
    shows(opened, 40)
    assert opened.canvas.box is not None
    opened.canvas.clear_box()
    assert cleared == [pts_of(video, 40)]
    opened.canvas.clear_box()
    assert len(cleared) == 1


def test_drawing_stops_playing_on_the_frame_under_the_hand(opened: Player, video: Any, qtbot: QtBot) -> None:
    drawn: list[Box] = []
    opened.box_drawn.connect(drawn.append)
    opened.toggle_play()
    qtbot.waitUntil(lambda: (opened.canvas.number or 0) >= 5)
    canvas = opened.canvas
    QTest.mousePress(canvas, LEFT, PLAIN, canvas.view.to_canvas(QPointF(20, 60)).toPoint())
    number = canvas.number
    assert number is not None
    qtbot.wait(150)
    QTest.mouseMove(canvas, canvas.view.to_canvas(QPointF(80, 100)).toPoint())
    QTest.mouseRelease(canvas, LEFT, PLAIN, canvas.view.to_canvas(QPointF(80, 100)).toPoint())
    assert canvas.number == number
    assert [box.pts for box in drawn] == [pts_of(video, number)]


def test_a_box_that_was_not_saved_goes_when_the_clip_is_shown_anew(opened: Player, video: Any) -> None:
    opened.box_drawn.connect(lambda _: opened.show_clip(None))
    drag(opened, (20, 60), (80, 100))
    assert opened.canvas.box is None


def test_without_time_stamps_nothing_can_be_marked_and_it_says_so(
    player: Player, make_video: Callable[..., Any], open_video: Any, shows: Any, problems: list[str]
) -> None:
    open_video(player, make_video("bare", frames=50, suffix=".h264", format="h264"))
    shows(player, 0)
    player.seek(30)
    shows(player, 30)
    assert player.pts is None
    player.mark_in()
    drag(player, (20, 60), (80, 100))
    assert problems == ["time-no-stamps"] * 2
    assert player.canvas.box is None


def test_the_wheel_and_the_buttons_step(opened: Player, shows: Any) -> None:
    opened.canvas.stepped.emit(3)
    shows(opened, 3)
    opened.transport.back_button.click()
    shows(opened, 2)
    opened.transport.on_button.click()
    opened.transport.on_button.click()
    shows(opened, 4)


def test_shutdown_leaves_no_thread_also_while_it_plays_or_opens(
    opened: Player, video: Any, open_video: Any
) -> None:
    opened.play_forward()
    open_video(opened, video)
    opened.shutdown()
    assert not [thread for thread in threading.enumerate() if thread.name == "player-frames"]
    opened.shutdown()


def test_the_windows_shortcuts_leave_a_focused_button_its_keys(
    opened: Player, video: Any, qtbot: QtBot
) -> None:
    """As the window wires it: Space plays, but presses the button that has the focus."""
    action = QAction("Play", opened)
    action.setShortcuts([QKeySequence("Space"), QKeySequence("K")])
    action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    action.triggered.connect(opened.toggle_play)
    opened.addAction(action)
    qtbot.waitActive(opened)
    opened.seek(10)
    transport = opened.transport
    for key, button in ((Qt.Key.Key_Space, transport.in_button), (Qt.Key.Key_Return, transport.out_button)):
        button.setFocus()
        QTest.keyClick(button, key)
    assert opened.marks == (pts_of(video, 10), pts_of(video, 10))
    assert opened.transport.play_button.accessibleName() == "Play"
    opened.setFocus()
    assert opened.canvas.hasFocus()
    QTest.keyClick(opened.canvas, Qt.Key.Key_Space)
    assert opened.transport.play_button.accessibleName() == "Pause"
    opened.canvas.zoom(2.0)
    QTest.keyClick(opened.canvas, Qt.Key.Key_Space)
    assert opened.transport.play_button.accessibleName() == "Play"


def test_all_that_is_used_has_a_name_and_buttons_say_their_key(player: Player) -> None:
    transport = player.transport
    for widget in (player, player.canvas, player.timeline, transport.time_label, transport.speed_button):
        assert widget.accessibleName()
    for button in (transport.play_button, transport.back_button, transport.on_button, transport.in_button,
                   transport.out_button, transport.add_button):  # fmt: skip
        assert button.accessibleName()
        assert button.toolTip().endswith(")")


@pytest.mark.parametrize("width", [420, 560, 700, 1200])
def test_nothing_is_cut_off_at_any_width(opened: Player, width: int, qtbot: QtBot) -> None:
    opened.resize(width, 500)
    qtbot.wait(20)
    label = opened.transport.time_label
    assert label.width() >= label.fontMetrics().horizontalAdvance(label.text())
    for button in (opened.transport.add_button, opened.transport.speed_button):
        assert button.width() >= button.sizeHint().width() - 1
    assert opened.transport.rect().contains(label.geometry())
