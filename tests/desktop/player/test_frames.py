"""The source of frames: exactly the frame that was asked for last, from a thread that ends."""

from __future__ import annotations

import dataclasses
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from core.errors import PolypTraceError
from core.paths import DataDir
from core.video.index import save_index
from desktop.player.film import Film
from desktop.player.footage import STATION, Footage, Overtaken, Source
from desktop.player.frames import FrameSource


class Heard:
    """What a source said, in order."""

    def __init__(self, source: FrameSource, eyes: Any) -> None:
        self.films: list[Film] = []
        self.missing: list[PolypTraceError] = []
        self.frames: list[int] = []
        self.failed: list[tuple[int, PolypTraceError]] = []
        self.thumbnails: dict[int, QImage] = {}
        self._eyes = eyes
        source.opened.connect(self.films.append)
        source.missing.connect(self.missing.append)
        source.frame_ready.connect(self._frame)
        source.failed.connect(lambda number, error: self.failed.append((number, error)))
        source.thumbnail_ready.connect(self.thumbnails.__setitem__)

    def _frame(self, number: int, image: QImage) -> None:
        assert self._eyes.number_in(image) == number, "another frame was given"
        self.frames.append(number)


@pytest.fixture
def source(qapp: Any) -> Iterator[FrameSource]:
    made = FrameSource()
    yield made
    made.shutdown()


@pytest.fixture
def heard(source: FrameSource, eyes: Any) -> Heard:
    return Heard(source, eyes)


def opening(source: FrameSource, heard: Heard, video: Any, qtbot: QtBot) -> None:
    source.open(video.path, video.sha256, video.data_dir)
    qtbot.waitUntil(lambda: len(heard.films) == 1)


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "usual"},
        {"name": "one-key", "frames": 300, "gop": 600},
        {"name": "stream", "suffix": ".ts", "frames": 90, "format": "mpegts"},
        {"name": "all-keys", "frames": 40, "gop": 1},
    ],
    ids=lambda settings: settings["name"],
)
def test_random_seeks_and_steps_back_give_exactly_that_frame(
    source: FrameSource, heard: Heard, make_video: Callable[..., Any], qtbot: QtBot, settings: dict[str, Any]
) -> None:
    video = make_video(**settings)
    opening(source, heard, video, qtbot)
    rng = random.Random(settings["name"])
    last = len(video.index) - 1
    for number in [rng.randrange(last + 1) for _ in range(15)] + list(range(last, last - 30, -1)):
        source.want(number, -1)
        qtbot.waitUntil(lambda number=number: heard.frames[-1:] == [number])


def test_many_wishes_at_once_end_with_the_last(
    source: FrameSource, heard: Heard, make_video: Callable[..., Any], qtbot: QtBot
) -> None:
    video = make_video("one-key", frames=300, gop=600)
    opening(source, heard, video, qtbot)
    rng = random.Random(3)
    for _ in range(10):
        wishes = [rng.randrange(300) for _ in range(25)]
        for number in wishes:
            source.want(number)
        qtbot.waitUntil(lambda last=wishes[-1]: heard.frames[-1:] == [last])
        qtbot.wait(30)
        assert heard.frames[-1] == wishes[-1], "an overtaken frame came after the newest"


def test_overtaken_wishes_are_not_decoded(
    source: FrameSource, heard: Heard, video: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, asked = threading.Event(), []
    real = Footage.image

    def slow(self: Footage, number: int, overtaken: Overtaken) -> QImage | None:
        asked.append(number)
        gate.wait(10)
        return real(self, number, overtaken)

    monkeypatch.setattr(Footage, "image", slow)
    opening(source, heard, video, qtbot)
    source.want(10)
    qtbot.waitUntil(lambda: len(asked) == 1)
    for number in (30, 50, 70, 90):
        source.want(number)
    gate.set()
    qtbot.waitUntil(lambda: heard.frames[-1:] == [90])
    first = asked[0]
    assert asked[1] == 90
    assert not {30, 50, 70} & set(asked) - {first}
    assert heard.frames in ([90], [first, 90])


def test_far_frames_are_given_up_half_way(make_video: Callable[..., Any]) -> None:
    video = make_video("one-key", frames=300, gop=600)
    footage = Footage(Source(video.path, video.sha256, video.data_dir))
    left: list[int] = []

    def overtaken(frames: int) -> bool:
        left.append(frames)
        return True

    try:
        assert footage.image(290, overtaken) is None
        assert left == [290 - (STATION - 1)]
        assert footage.image(290, lambda _: False) is not None
    finally:
        footage.close()


def test_stepping_near_the_playhead_needs_no_decoding(
    source: FrameSource, heard: Heard, video: Any, qtbot: QtBot
) -> None:
    opening(source, heard, video, qtbot)
    source.want(60)
    qtbot.waitUntil(lambda: 60 in heard.frames)

    def at_hand() -> bool:
        return source.want(75) and source.want(45) and source.want(60)

    qtbot.waitUntil(at_hand)
    assert heard.frames[-3:] == [75, 45, 60]


def test_a_refused_frame_is_told_in_words_and_the_others_still_come(
    source: FrameSource, heard: Heard, video: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    spoilt = spoil(video, tmp_path, 50)
    opening(source, heard, spoilt, qtbot)
    source.want(50)
    qtbot.waitUntil(lambda: len(heard.failed) == 1)
    number, error = heard.failed[0]
    assert number == 50
    assert error.code == "frame-not-exact"
    for number in (49, 51):
        source.want(number)
        qtbot.waitUntil(lambda number=number: heard.frames[-1:] == [number])


def spoil(video: Any, folder: Path, number: int) -> Any:
    """The same video, with an index in which one frame looks different."""
    prints = video.index.fingerprints.copy()
    prints[number] ^= 0xFFFF
    save_index(DataDir(folder).frame_indexes, dataclasses.replace(video.index, fingerprints=prints))
    return dataclasses.replace(video, data_dir=folder)


def test_a_file_that_is_gone_is_a_sentence(
    source: FrameSource, heard: Heard, video: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    source.open(tmp_path / "gone.mp4", video.sha256, video.data_dir)
    qtbot.waitUntil(lambda: len(heard.missing) == 1)
    assert heard.missing[0].code == "video-missing"
    assert heard.missing[0].hint


def test_an_unknown_video_is_a_sentence(
    source: FrameSource, heard: Heard, video: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    source.open(video.path, video.sha256, tmp_path)
    qtbot.waitUntil(lambda: len(heard.missing) == 1)
    assert heard.missing[0].code == "video-not-read"


def test_a_file_that_was_changed_is_a_sentence(
    source: FrameSource, heard: Heard, video: Any, other_video: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    changed = shutil.copy(other_video.path, tmp_path / "changed.mp4")
    source.open(Path(changed), video.sha256, video.data_dir)
    qtbot.waitUntil(lambda: len(heard.missing) == 1)
    assert heard.missing[0].code == "video-changed"


def test_a_fault_of_ours_ends_neither_the_thread_nor_the_words(
    source: FrameSource, heard: Heard, video: Any, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("desktop.player.footage.Film", lambda _: 1 / 0)
        source.open(video.path, video.sha256, video.data_dir)
        qtbot.waitUntil(lambda: len(heard.missing) == 1)
    assert "ZeroDivisionError" in heard.missing[0].message
    opening(source, heard, video, qtbot)
    source.want(3)
    qtbot.waitUntil(lambda: heard.frames == [3])


def test_the_video_that_was_opened_last_counts(
    source: FrameSource, heard: Heard, video: Any, other_video: Any, qtbot: QtBot
) -> None:
    for _ in range(5):
        source.open(video.path, video.sha256, video.data_dir)
        source.open(other_video.path, other_video.sha256, other_video.data_dir)
    opening(source, heard, other_video, qtbot)
    assert heard.films[0].count == 60
    source.want(59)
    qtbot.waitUntil(lambda: heard.frames == [59])
    qtbot.wait(50)
    assert len(heard.films) == 1


def test_all_thumbnails_come_by_themselves(
    source: FrameSource, heard: Heard, video: Any, qtbot: QtBot
) -> None:
    opening(source, heard, video, qtbot)
    qtbot.waitUntil(lambda: set(heard.thumbnails) == set(video.index.facts.thumbnails))
    assert all(not image.isNull() for image in heard.thumbnails.values())


def test_a_closed_video_is_let_go_and_says_nothing_more(
    source: FrameSource, heard: Heard, video: Any, qtbot: QtBot, tmp_path: Path
) -> None:
    opening(source, heard, video, qtbot)
    source.want(100)
    source.close()
    assert not source.want(5)
    qtbot.wait(100)
    assert heard.frames == []


def test_nothing_opens_after_shutdown(source: FrameSource, heard: Heard, video: Any, qtbot: QtBot) -> None:
    opening(source, heard, video, qtbot)
    source.want(110)
    source.shutdown()
    source.shutdown()
    source.open(video.path, video.sha256, video.data_dir)
    assert not [thread for thread in threading.enumerate() if thread.name == "player-frames"]
    qtbot.wait(30)
    assert heard.frames == []
