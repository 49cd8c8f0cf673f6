"""The real window with its real workers: the job, and what happens when a worker or a file is lost."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.domain import Verdict
from core.importing import import_videos
from core.matching.footage import frame_index
from core.paths import DataDir
from desktop.dialogs.import_dialog import ImportDialog
from desktop.importing import Outcome
from desktop.main_window import MainWindow
from desktop.player.picture import PictureState
from desktop.session import Selection

LONG_MS = 60_000
FORM = {"state": "polyp", "segment": "sigmoid", "size_mm": 8, "paris": "Is", "imaging": "white light"}


def draw_video(path: Path, seed: int) -> Path:
    """A second of moving texture with a spot."""
    from core.phantom.writer import VideoWriter

    rng = np.random.default_rng(seed)
    wall = cv2.resize(rng.integers(90, 200, (12, 40)).astype(np.float32), (320, 120))
    with VideoWriter(path, 160, 120, 25, 20) as writer:
        for number in range(25):
            part = wall[:, number * 2 : number * 2 + 160]
            picture = np.stack([part, part * 0.55, part * 0.5], axis=-1).astype(np.uint8)
            writer.write(cv2.circle(np.ascontiguousarray(picture), (60 + number, 60), 18, (200, 60, 70), -1))
    return path


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("films")
    return [draw_video(folder / f"exam {seed}.mp4", seed) for seed in range(3)]


class Case:
    """One patient, two exams with a described clip each, and the window on them."""

    def __init__(self, root: Path, films: list[Path]) -> None:
        self.folder = DataDir(root / "data")
        self.clips: list[int] = []
        self.exams: list[int] = []
        self.videos: list[int] = []
        with Catalog.open(self.folder) as catalog:
            for film, day in zip(films[:2], (dt.date(2024, 1, 2), dt.date(2025, 3, 4)), strict=True):
                summary = import_videos(catalog, [film], "P-1", day, author="t")
                video = queries.video(catalog, summary.videos[0].id or 0)
                index = frame_index(catalog, video)
                ends = (int(index.pts[2]), int(index.pts[20]))
                assert summary.exam is not None
                done = operations.add_clip(catalog, summary.exam, video.id, *ends, author="t")
                (finding,) = done.created.findings
                operations.describe(catalog, finding, FORM, author="t")
                self.clips.append(done.subject or 0)
                self.exams.append(summary.exam)
                self.videos.append(video.id)

    @property
    def follow_up(self) -> Selection:
        return Selection(1, self.exams[1], self.videos[1], self.clips[1])

    def ask(self, question: Any) -> Any:
        with Catalog.open(self.folder) as catalog:
            return question(catalog)


@pytest.fixture
def case(tmp_path: Path, films: list[Path]) -> Case:
    return Case(tmp_path, films)


@pytest.fixture
def window(qtbot: Any, case: Case) -> Iterator[MainWindow]:
    made = MainWindow("tester")
    made.show()
    with qtbot.waitSignal(made.session.opened, timeout=LONG_MS):
        made.start(case.folder.root)
    yield made
    made.close()
    assert _workers() == []


def _workers() -> list[tuple[int, str]]:
    """Our worker processes that are children of this one: number and module."""
    if not sys.platform.startswith("linux"):
        return []
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        module = next((word.decode() for word in words if word.startswith(b"core.jobs.")), "")
        if module and parent == os.getpid():
            found.append((int(folder.name), module))
    return found


def _choose(qtbot: Any, window: MainWindow, selection: Selection) -> None:
    window.library.show_selection(selection)
    qtbot.waitUntil(
        lambda: window.desk.facts.clip is not None and window.desk.facts.clip.id == selection.clip,
        timeout=LONG_MS,
    )


def _match(qtbot: Any, window: MainWindow) -> Any:
    with qtbot.waitSignal(window.matching.ranked, timeout=LONG_MS) as told:
        window.actions_by_id["match"].trigger()
    return told.args[0]


def test_the_job(qtbot: Any, window: MainWindow, case: Case) -> None:
    _choose(qtbot, window, case.follow_up)
    result = _match(qtbot, window)
    assert [one.clip for one in result.patient] == [case.clips[0]]
    assert window.matches.candidate is not None
    with qtbot.waitSignal(window.deciding.decided, timeout=LONG_MS):
        window.actions_by_id["same"].trigger()
    finding = case.ask(lambda c: queries.clip(c, case.clips[1]).finding_id)
    verdict = case.ask(lambda c: queries.verdict(c, finding))
    assert (verdict.verdict, verdict.author, verdict.model_id) == (Verdict.SAME, "tester", result.model.id)
    assert "Ctrl+Z" in window.area.notices.text
    # The ranking is asked for again, and now says that they are linked.
    qtbot.waitUntil(
        lambda: window.ranking.result is not None and window.ranking.result.patient[0].linked, timeout=LONG_MS
    )
    with qtbot.waitSignal(window.session.changed, timeout=LONG_MS):
        window.actions_by_id["undo"].trigger()
    assert case.ask(lambda c: queries.verdict(c, finding)) is None
    with qtbot.waitSignal(window.matching.explained, timeout=LONG_MS) as told:
        qtbot.waitUntil(lambda: window.actions_by_id["explain"].isEnabled(), timeout=LONG_MS)
        window.actions_by_id["explain"].trigger()
    assert Path(told.args[0]["query"]["crop"]).is_file()


def test_a_dead_worker_is_said_and_replaced(qtbot: Any, window: MainWindow, case: Case) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("finds the worker's process in /proc")
    _choose(qtbot, window, case.follow_up)
    qtbot.waitUntil(lambda: "dmcl" in window._model.text(), timeout=LONG_MS)
    (inference,) = [number for number, module in _workers() if module.endswith("inference_worker")]
    os.kill(inference, signal.SIGSTOP)  # it hears no more
    with qtbot.waitSignal(window.matching.failed, timeout=LONG_MS) as told:
        window.actions_by_id["match"].trigger()
        qtbot.wait(200)
        os.kill(inference, signal.SIGKILL)
    assert told.args[0].code == "worker-died"
    assert window.isVisible()
    assert not window.ranking.busy
    assert [one.clip for one in _match(qtbot, window).patient] == [case.clips[0]]


def test_matching_can_be_cancelled(qtbot: Any, window: MainWindow, case: Case) -> None:
    _choose(qtbot, window, case.follow_up)
    window.actions_by_id["match"].trigger()
    assert window.ranking.busy
    window.matches.cancelled.emit()
    assert not window.ranking.busy
    assert window.actions_by_id["match"].isEnabled()
    assert _match(qtbot, window).patient


def test_a_lost_video_is_found_again(
    qtbot: Any,
    window: MainWindow,
    case: Case,
    films: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lose(catalog: Catalog) -> Any:
        return operations.relocate_video(catalog, case.videos[1], str(tmp_path / "gone.mp4"), author="t")

    def say(path: Path) -> None:
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
        qtbot.mouseClick(window.player.find_file, Qt.MouseButton.LeftButton)

    case.ask(lose)
    _choose(qtbot, window, case.follow_up)
    canvas, locate = window.player.canvas, window.actions_by_id["locate"]
    qtbot.waitUntil(
        lambda: canvas.state is PictureState.MESSAGE and "no file" in canvas.words[0],
        timeout=LONG_MS,
    )
    assert locate.isEnabled()
    with qtbot.waitSignal(window.matching.failed, timeout=LONG_MS) as told:
        window.actions_by_id["match"].trigger()
    assert told.args[0].message
    say(films[0])
    qtbot.waitUntil(lambda: "another video" in window.area.notices.text, timeout=LONG_MS)
    assert case.ask(lambda catalog: queries.video(catalog, case.videos[1])).path == str(tmp_path / "gone.mp4")
    say(films[1])
    qtbot.waitUntil(lambda: canvas.has_frame, timeout=LONG_MS)
    assert not window.player.find_file.isVisible()
    assert not locate.isEnabled()
    assert case.ask(lambda catalog: queries.video(catalog, case.videos[1])).path == str(films[1])


def test_what_is_outlined_is_checked_in_the_menu(qtbot: Any, window: MainWindow, case: Case) -> None:
    _choose(qtbot, window, case.follow_up)
    qtbot.waitUntil(lambda: window.player.canvas.has_frame, timeout=LONG_MS)
    for name in ("text-show", "text-correct", "region-show"):
        action = window.actions_by_id[name]
        assert action.isCheckable()
        for on in (True, False):
            action.trigger()
            assert action.isChecked() is on
    window.actions_by_id["text-correct"].trigger()
    qtbot.keyClick(window.player.canvas, Qt.Key.Key_Escape)
    assert not window.actions_by_id["text-correct"].isChecked()


def test_corrected_burned_in_text_takes_the_ranking_away(qtbot: Any, window: MainWindow, case: Case) -> None:
    _choose(qtbot, window, case.follow_up)
    _match(qtbot, window)
    assert window.actions_by_id["new"].isEnabled()
    with qtbot.waitSignal(window.session.changed, timeout=LONG_MS):
        window.player.text_added.emit((4, 4, 30, 12))
    qtbot.waitUntil(lambda: not window.actions_by_id["new"].isEnabled(), timeout=LONG_MS)
    qtbot.waitUntil(lambda: window.matches.candidate is None, timeout=LONG_MS)
    assert not window.actions_by_id["same"].isEnabled()


def test_dropped_files_are_imported_and_bad_ones_refused(
    qtbot: Any, window: MainWindow, case: Case, films: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in (films[2], bad)])
    event = QDropEvent(
        QPointF(10, 10),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)
    qtbot.waitUntil(lambda: window.findChild(ImportDialog) is not None, timeout=LONG_MS)
    dialog = window.findChild(ImportDialog)
    qtbot.keyClicks(dialog.patient, "P-2")
    with qtbot.waitSignal(window.imports.finished, timeout=LONG_MS) as told:
        qtbot.keyClick(dialog.patient, Qt.Key.Key_Return)
    assert told.args == [Outcome(good=1, refused=1)]
    assert "1 imported, 1 refused" in window.area.notices.text
    assert "bad.mp4" in window.area.notices.text
    assert {patient.code for patient in case.ask(queries.patients)} == {"P-1", "P-2"}
    qtbot.waitUntil(lambda: window.session.selection.video is not None, timeout=LONG_MS)


def test_the_question_about_a_removed_lesion_blocks(
    qtbot: Any, window: MainWindow, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (case.ask(lambda c, clip=clip: queries.clip(c, clip).finding_id) for clip in case.clips)
    case.ask(lambda c: operations.describe(c, first, FORM | {"complete": "yes"}, author="t"))
    asked: list[str] = []

    def answer(box: QMessageBox) -> int:
        asked.append(box.text())
        next(button for button in box.buttons() if "recurrence" in button.text()).click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", answer)
    _choose(qtbot, window, case.follow_up)
    _match(qtbot, window)
    with qtbot.waitSignal(window.deciding.decided, timeout=LONG_MS):
        window.actions_by_id["same"].trigger()
    assert "completely removed" in asked[0]
    assert case.ask(lambda c: queries.verdict(c, second)).verdict is Verdict.RECURRENCE


def test_a_catalogue_that_cannot_be_opened_leaves_the_window(qtbot: Any, tmp_path: Path) -> None:
    (tmp_path / "catalogue.sqlite").write_text("This is no catalogue. " * 100)
    window = MainWindow("tester")
    window.show()
    window.start(tmp_path)
    qtbot.waitUntil(lambda: bool(window.area.notices.text), timeout=LONG_MS)
    assert not window.actions_by_id["import"].isEnabled()
    assert window.actions_by_id["open"].isEnabled()
    window.close()
    assert QApplication.activeModalWidget() is None
