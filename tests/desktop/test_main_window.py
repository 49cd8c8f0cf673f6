"""The real window with its real workers: the job, and what happens when a worker or a file is lost."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.domain import Verdict
from desktop.dialogs.import_dialog import ImportDialog
from desktop.importing import Outcome
from desktop.main_window import MainWindow
from desktop.player.picture import PictureState

from .window_case import FORM, LONG_MS, Case, choose, match, workers


def test_the_job(qtbot: Any, window: MainWindow, case: Case) -> None:
    choose(qtbot, window, case.follow_up)
    result = match(qtbot, window)
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
    choose(qtbot, window, case.follow_up)
    qtbot.waitUntil(lambda: "dmcl" in window._model.text(), timeout=LONG_MS)
    (inference,) = [number for number, module in workers() if module.endswith("inference_worker")]
    os.kill(inference, signal.SIGSTOP)  # it hears no more
    with qtbot.waitSignal(window.matching.failed, timeout=LONG_MS) as told:
        window.actions_by_id["match"].trigger()
        qtbot.wait(200)
        os.kill(inference, signal.SIGKILL)
    assert told.args[0].code == "worker-died"
    assert window.isVisible()
    assert not window.ranking.busy
    assert [one.clip for one in match(qtbot, window).patient] == [case.clips[0]]


def test_matching_can_be_cancelled(qtbot: Any, window: MainWindow, case: Case) -> None:
    choose(qtbot, window, case.follow_up)
    window.actions_by_id["match"].trigger()
    assert window.ranking.busy
    window.matches.cancelled.emit()
    assert not window.ranking.busy
    assert window.actions_by_id["match"].isEnabled()
    assert match(qtbot, window).patient


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
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))
        qtbot.mouseClick(window.player.find_file, Qt.MouseButton.LeftButton)

    case.ask(lose)
    choose(qtbot, window, case.follow_up)
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
    choose(qtbot, window, case.follow_up)
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
    choose(qtbot, window, case.follow_up)
    match(qtbot, window)
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
    assert "bad.mp4: This is a text file" in window.area.notices.text
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
    choose(qtbot, window, case.follow_up)
    match(qtbot, window)
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


def test_the_window_fits_a_small_screen_and_nothing_of_the_panel_is_cut(window: MainWindow) -> None:
    assert window.minimumSizeHint().width() <= window.screen().availableSize().width()
    window.resize(window.minimumSizeHint())
    window.actions_by_id["reports"].trigger()
    bar = window.tabs.tabBar()
    assert bar.elideMode() == Qt.TextElideMode.ElideNone
    assert window.tabs.width() >= window.tabs.minimumWidth() > 0
    mine = window.reporting.view.listed.mine
    assert mine.width() >= mine.sizeHint().width()


def test_the_panel_can_not_hide_the_names_of_its_tabs(window: MainWindow) -> None:
    room = int(window.screen().availableSize().width() * 0.95)
    others = window.area.minimumSizeHint().width() + window.library.minimumWidth()
    assert window.tabs.minimumWidth() >= min(window.tabs.tabBar().sizeHint().width(), room - others)
