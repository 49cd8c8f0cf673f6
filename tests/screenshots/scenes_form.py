"""The form of the description in every state."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from camera import Heard, Stage, choose, clips_of
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox

from core.paths import DataDir
from desktop.main_window import MainWindow

NOTE = "Flat lesion behind a fold; the patient, Mrs. Miller (12.03.1957), was told."


def no_clip(stage: Stage) -> None:
    """Nothing to describe."""
    with stage.window(stage.copy(stage.demo)) as window:
        stage.take(window.tabs, "form-no-clip")


def a_new_clip(stage: Stage) -> None:
    """A clip of a moment ago: empty, begun, with errors after Finalise, with a name in the free text."""
    with stage.window(stage.copy(stage.demo)) as window:
        new_clip(stage, window)
        stage.take(window, "form-empty")
        window.form.body.go_to("segment")
        box = next(one for one in window.form.findChildren(QComboBox) if one.hasFocus() or one.isVisible())
        box.showPopup()
        stage.take(window, "form-list-open", box.view().window())
        box.hidePopup()
        type_note(window, NOTE)
        stage.take(window, "form-name-in-the-note")
        type_note(window, "Flat lesion behind a fold.")
        stage.wait(lambda: window.desk.facts.revision is not None, "the draft")
        window.actions_by_id["finalise"].trigger()
        stage.take(window, "form-errors-after-finalise")
        window.actions_by_id["field-next"].trigger()
        stage.take(window.tabs, "form-next-needed-field")


def a_described_clip(stage: Stage) -> None:
    """A whole description: as it was saved, final, with a later section in view."""
    with stage.window(stage.copy(stage.demo)) as window:
        choose(stage, window, clips_of(stage.demo, "PH4-002")[-1])
        stage.take(window, "form-described")
        for number in (1, 2, 3):
            for _ in range(3):
                window.actions_by_id["section-next"].trigger()
            stage.take(window.tabs, f"form-sections-{number}")
        changed = Heard(window.session.changed)
        window.actions_by_id["finalise"].trigger()
        stage.settle(1.5)
        stage.take(window.tabs, "form-final" if changed else "form-finalise-refused")


def a_save_that_fails(stage: Stage) -> None:
    """Another program holds the catalogue: what is typed isn't saved yet, is being saved, isn't saved."""
    folder = stage.copy(stage.demo)
    with stage.window(folder) as window:
        choose(stage, window, clips_of(stage.demo, "PH4-002")[-1])
        with closing(sqlite3.connect(DataDir(folder).catalogue)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            type_note(window, "Seen twice.")
            stage.wait(lambda: "yet" in window.form.footer.state, "what isn't saved yet", 10)
            stage.catch(window.tabs, "form-not-saved-yet")
            stage.wait(lambda: window.form.footer.state.startswith("Saving"), "the save", 10)
            stage.settle(0.2)
            stage.catch(window.tabs, "form-saving")
            stage.wait(lambda: window.form.footer.state == "Not saved", "the failure", 60)
            stage.take(window, "form-save-failed")
            stage.ask(window, "question-words-not-saved", window.asking.whether_to_lose_words)
        window.form.flush()
        stage.wait(lambda: window.form.footer.state.startswith(("Saved", "All saved")), "the save", 60)
        stage.take(window.tabs, "form-saved")


def new_clip(stage: Stage, window: MainWindow) -> None:
    """Marks ten frames of a follow-up exam and adds them as a clip."""
    choose(stage, window, clips_of(stage.demo, "PH4-001")[-1])
    added = Heard(window.desk.clip_added)
    window.player.seek(20)
    stage.wait(lambda: window.player.canvas.number == 20, "frame 20")
    window.actions_by_id["mark-in"].trigger()
    window.player.step(10)
    window.actions_by_id["mark-out"].trigger()
    window.actions_by_id["clip-add"].trigger()
    stage.wait(lambda: added and window.desk.facts.selection == added.told[0][0], "the new clip")
    stage.settle(0.6)


def type_note(window: MainWindow, words: str) -> None:
    """Writes into the free text, as by hand."""
    row = next(row for row in window.form.body.rows.values() if row.field.type == "text")
    window.in_form().body.go_to(row.field.key)
    text = row.editor.stops()[0]
    text.selectAll()  # type: ignore[attr-defined]
    QTest.keyClicks(text, words)


SCENES = (no_clip, a_new_clip, a_described_clip, a_save_that_fails)
