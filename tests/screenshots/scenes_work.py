"""Work in the status bar, notices, and a small window."""

from __future__ import annotations

from pathlib import Path

from camera import Heard, Stage, button, choose, clips_of, works
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from scenes_matches import rank, select
from scenes_player import to_a_box

from desktop.dialogs.import_dialog import ImportDialog
from desktop.main_window import MainWindow

SMALL, LARGE = (1280, 800), (1920, 1080)


def importing(stage: Stage) -> None:
    """An import that runs, is cancelled, and one whose files are refused."""
    with stage.window(stage.copy(stage.demo)) as window:
        drop(stage, window, [stage.material.to_import])
        stage.wait(lambda: works(window.statusBar()), "the import", 30)
        stage.settle(0.6)
        stage.catch(window, "status-import-runs")
        button(window.statusBar(), "Cancel").click()
        stage.catch(window, "status-import-stops")
        stage.wait(lambda: not works(window.statusBar()), "the end of the import")
        stage.take(window, "notice-import-cancelled")
        finished = Heard(window.imports.finished)
        drop(stage, window, [*stage.material.refused])
        stage.wait(lambda: finished, "the end of the import")
        stage.take(window, "notices-import-refused")
        finished = Heard(window.imports.finished)
        drop(stage, window, [stage.material.follow_up])
        stage.wait(lambda: finished, "the end of the import")
        stage.settle(1.0)
        stage.take(window, "notices-import-done")


def several_notices(stage: Stage) -> None:
    """Something to know, something to look at, something that went wrong, one after another."""
    with stage.window(stage.copy(stage.demo)) as window:
        choose(stage, window, clips_of(stage.demo, "PH4-001")[-1])
        window.actions_by_id["clip-add"].trigger()
        stage.take(window, "notice-error")
        window.player.seek(0)
        stage.wait(lambda: window.player.canvas.number == 0, "frame 0")
        decided = Heard(window.deciding.decided)
        window.actions_by_id["not-a-lesion"].trigger()
        stage.wait(lambda: decided, "the verdict")
        stage.take(window, "notices-several")


def small(stage: Stage) -> None:
    """Everything on a small screen."""
    with stage.window(stage.copy(stage.demo), SMALL) as window:
        stage.take(window, "small-library")
        choose(stage, window, clips_of(stage.demo, "PH4-001")[-1])
        to_a_box(stage, window)
        stage.take(window, "small-description")
        rank(stage, window)
        stage.take(window, "small-matches")
        select(window, 0)
        explained = Heard(window.matching.explained)
        window.actions_by_id["explain"].trigger()
        stage.wait(lambda: explained, "the explanation")
        stage.take(window, "small-explanation")


def large(stage: Stage) -> None:
    """The ranking on a large screen."""
    with stage.window(stage.copy(stage.demo), LARGE) as window:
        choose(stage, window, clips_of(stage.demo, "PH4-001")[-1])
        to_a_box(stage, window)
        rank(stage, window)
        stage.take(window, "large-matches")


def drop(stage: Stage, window: MainWindow, files: list[Path]) -> None:
    """Drops files on the window and files them under a patient."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in files])
    copy, left, no_key = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(10, 10), copy, mime, left, no_key))
    stage.wait(lambda: window.findChild(ImportDialog) is not None, "the dialog", 30)
    dialog = window.findChild(ImportDialog)
    assert isinstance(dialog, ImportDialog)
    dialog.patient.setText("PT-020")
    QTest.keyClick(dialog.patient, Qt.Key.Key_Return)
    stage.settle(0.05)


SCENES = (importing, several_notices, small, large)
