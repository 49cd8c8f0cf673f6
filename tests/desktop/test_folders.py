"""One window, several catalogues, and words that can't be saved: nothing gets mixed up, nothing is lost."""

from __future__ import annotations

import datetime as dt
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.paths import DataDir
from desktop import app
from desktop.asking import Asking
from desktop.main_window import MOST_REFUSALS, MainWindow
from desktop.session import Selection

from .window_case import LONG_MS, Case, choose, match


def videos(folder: Path) -> int:
    with Catalog.open(DataDir(folder)) as catalog:
        return catalog.counts()["videos"]


def type_note(qtbot: Any, window: MainWindow, words: str) -> None:
    """At the end of the note of the chosen clip's finding."""
    text = window.form.body.rows["free_text"].editor.text
    text.moveCursor(text.textCursor().MoveOperation.End)
    qtbot.keyClicks(text, words)


def note(case: Case, number: int = 1) -> str:
    def ask(catalog: Catalog) -> str:
        clip = queries.clip(catalog, case.clips[number])
        revision = queries.description(catalog, clip.finding_id)
        return str((revision.values if revision else {}).get("free_text", ""))

    return str(case.ask(ask))


def test_an_import_stays_with_its_catalogue(
    qtbot: Any, window: MainWindow, case: Case, films: list[Path], tmp_path: Path, monkeypatch: Any
) -> None:
    other = tmp_path / "other"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(other))
    asked: list[list[str]] = []

    def answer(_: Asking, going: list[str]) -> bool:
        asked.append(going)
        return len(asked) > 1

    monkeypatch.setattr(Asking, "whether_to_stop", answer)
    copies = [tmp_path / f"{number}.mp4" for number in range(4)]
    for number, path in enumerate(copies):
        path.write_bytes(films[2].read_bytes() + bytes(number))
    window.imports.start(copies, "P-9", dt.date(2025, 1, 1))
    qtbot.waitUntil(lambda: window.imports.busy, timeout=LONG_MS)
    window.actions_by_id["open"].trigger()
    assert asked
    assert window.session.folder is not None
    assert window.session.folder.root == case.folder.root  # the answer was: go on here
    with qtbot.waitSignal(window.session.opened, timeout=LONG_MS):
        window.actions_by_id["open"].trigger()
    assert not window.imports.busy
    qtbot.waitUntil(lambda: not window.workers.active, timeout=LONG_MS)
    assert (videos(other), window.library.tree.model().rowCount()) == (0, 0)


def test_another_catalogue_shows_nothing_of_the_one_before(
    qtbot: Any, window: MainWindow, case: Case, tmp_path: Path
) -> None:
    choose(qtbot, window, case.follow_up)
    with qtbot.waitSignal(window.crops.ready, timeout=LONG_MS):
        match(qtbot, window)
    with qtbot.waitSignal(window.session.opened, timeout=LONG_MS):
        window.start(tmp_path / "other")
    qtbot.waitUntil(lambda: window.desk.facts.clip is None, timeout=LONG_MS)
    assert window.ranking.result is None
    assert not window.player.canvas.has_frame
    assert window.form.record is None
    with qtbot.waitSignal(window.session.opened, timeout=LONG_MS):
        window.start(case.folder.root)
    choose(qtbot, window, case.follow_up)
    model = window.matches._result.own
    assert model.index(0, 0).data(Qt.ItemDataRole.DecorationRole) is None


def test_words_stay_in_the_folder_that_they_were_typed_for(
    qtbot: Any, window: MainWindow, case: Case, films: list[Path], tmp_path: Path, monkeypatch: Any
) -> None:
    """Both folders have a clip and a finding with the same numbers; saving is slow."""
    twin = Case(tmp_path / "twin", films)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(twin.folder.root))
    choose(qtbot, window, case.follow_up)
    other = sqlite3.connect(case.folder.catalogue, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    type_note(qtbot, window, "first")
    window.actions_by_id["open"].trigger()
    type_note(qtbot, window, " and more")
    assert window.session.folder is not None
    assert window.session.folder.root == case.folder.root
    with qtbot.waitSignal(window.session.opened, timeout=LONG_MS):
        other.execute("ROLLBACK")
    other.close()
    choose(qtbot, window, twin.follow_up)
    assert "first" not in str(window.form.values())
    window.form.flush()
    qtbot.waitUntil(lambda: not window.form.saving, timeout=LONG_MS)
    assert (note(case), note(twin)) == ("first and more", "")


def test_what_was_said_of_one_folder_goes_with_it(qtbot: Any, window: MainWindow, tmp_path: Path) -> None:
    window.area.notices.show_note("Ctrl+Z takes it back.")
    with qtbot.waitSignal(window.session.opened, timeout=LONG_MS):
        window.start(tmp_path / "other")
    assert window.area.notices.text == ""


def test_every_refused_video_is_named(
    qtbot: Any, window: MainWindow, films: list[Path], tmp_path: Path
) -> None:
    bad = [tmp_path / f"bad {number}.mp4" for number in range(MOST_REFUSALS + 2)]
    for path in bad:
        path.write_text("no video")
    with qtbot.waitSignal(window.imports.finished, timeout=LONG_MS):
        window.imports.start([films[0], *bad], "P-7", dt.date(2025, 1, 1))
    said = window.area.notices.text
    assert f"Videos: 1 known already, {len(bad)} refused." in said
    assert all(path.name in said for path in bad[:MOST_REFUSALS])
    assert "and 2 more" in said


def test_a_folder_that_is_no_catalogue_leaves_the_open_one(
    qtbot: Any, window: MainWindow, case: Case, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "catalogue.sqlite").write_text("no catalogue " * 100)
    choose(qtbot, window, case.follow_up)
    window.start(bad)
    qtbot.waitUntil(lambda: "bad: " in window.area.notices.text, timeout=LONG_MS)
    assert window.session.folder is not None
    assert window.session.folder.root == case.folder.root
    assert window.desk.facts.clip is not None
    window.start(case.folder.root)  # the open one again: nothing changes
    type_note(qtbot, window, "still here")
    qtbot.waitUntil(lambda: note(case) == "still here", timeout=LONG_MS)


def test_a_second_window_on_the_folder_is_refused(qtbot: Any, window: MainWindow, case: Case) -> None:
    second = MainWindow("other")
    qtbot.addWidget(second)
    second.show()
    second.start(case.folder.root)
    qtbot.waitUntil(lambda: "Another PolypTrace window" in second.area.notices.text, timeout=LONG_MS)
    assert not second.session.is_open
    window.close()
    with qtbot.waitSignal(second.session.opened, timeout=LONG_MS):
        second.start(case.folder.root)
    second.close()


def test_somebody_else_s_words_are_not_overwritten(qtbot: Any, window: MainWindow, case: Case) -> None:
    choose(qtbot, window, case.follow_up)

    def write(catalog: Catalog) -> None:
        finding = queries.clip(catalog, case.clips[1]).finding_id
        old = queries.description(catalog, finding)
        assert old is not None
        operations.describe(catalog, finding, old.values | {"size_mm": 9}, author="other")

    case.ask(write)
    type_note(qtbot, window, "mine")
    qtbot.waitUntil(lambda: "changed elsewhere" in window.area.notices.text, timeout=LONG_MS)
    qtbot.waitUntil(lambda: note(case) == "mine", timeout=LONG_MS)
    latest = case.ask(
        lambda catalog: queries.description(catalog, queries.clip(catalog, case.clips[1]).finding_id)
    )
    assert latest.values["size_mm"] == 9


def test_quick_saves_and_undo_are_no_conflict(qtbot: Any, window: MainWindow, case: Case) -> None:
    choose(qtbot, window, case.follow_up)
    for words in ("one ", "two ", "three"):
        type_note(qtbot, window, words)
        window.form.flush()
    qtbot.waitUntil(lambda: note(case) == "one two three", timeout=LONG_MS)
    qtbot.waitUntil(lambda: window.desk.facts.undo is not None, timeout=LONG_MS)
    window.desk.undo()
    type_note(qtbot, window, "!")
    window.form.flush()
    qtbot.waitUntil(lambda: not window.form.saving and not window.form.dirty, timeout=LONG_MS)
    assert window.area.notices.text == ""


def test_words_that_cannot_be_saved_keep_the_window_open(
    qtbot: Any, window: MainWindow, case: Case, monkeypatch: Any
) -> None:
    choose(qtbot, window, case.follow_up)
    asked: list[int] = []
    monkeypatch.setattr(Asking, "whether_to_lose_words", lambda _: bool(asked.append(1)))
    other = sqlite3.connect(case.folder.catalogue, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    type_note(qtbot, window, "precious")
    window.close()
    assert window.isVisible()  # it waits for the save
    qtbot.waitUntil(lambda: bool(asked), timeout=LONG_MS)
    assert window.isVisible()
    assert "precious" in window.form.values()["free_text"]
    other.execute("ROLLBACK")
    other.close()
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=LONG_MS)
    assert note(case) == "precious"


def test_a_fault_in_a_slot_is_a_sentence(qtbot: Any, window: MainWindow, monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "__excepthook__", lambda *_: None)
    app.say_faults(window)
    sys.excepthook(ZeroDivisionError, ZeroDivisionError("a name"), None)
    assert "PolypTrace made a mistake (ZeroDivisionError" in window.area.notices.text
    assert "a name" not in window.area.notices.text


def test_an_import_takes_neither_the_clip_nor_the_keys_away(
    qtbot: Any, window: MainWindow, case: Case, films: list[Path]
) -> None:
    choose(qtbot, window, case.follow_up)
    with qtbot.waitSignal(window.imports.finished, timeout=LONG_MS):
        window.imports.start([films[2]], "P-2", dt.date(2025, 1, 1))
    assert window.session.selection.clip == case.clips[1]
    assert window.form.record is not None


def test_a_cancelled_import_says_what_was_left_out(
    qtbot: Any, window: MainWindow, films: list[Path], tmp_path: Path
) -> None:
    copies = [tmp_path / f"{number}.mp4" for number in range(3)]
    for number, path in enumerate(copies):
        path.write_bytes(films[2].read_bytes() + bytes(number + 1))
    window.imports.start(copies, "P-9", dt.date(2025, 1, 1))
    qtbot.waitUntil(lambda: window.imports.busy, timeout=LONG_MS)
    with qtbot.waitSignal(window.imports.finished, timeout=LONG_MS) as told:
        window.imports.cancel()
    outcome = told.args[0]
    assert outcome.left >= 2
    assert outcome.good + outcome.left == 3
    assert f"{outcome.left} left out" in window.area.notices.text


def test_without_a_clip_the_form_takes_nothing(qtbot: Any, window: MainWindow, case: Case) -> None:
    choose(qtbot, window, case.follow_up)
    window.session.choose(Selection())
    qtbot.waitUntil(lambda: window.form.record is None, timeout=LONG_MS)
    assert not window.form.meter.isEnabled()
    window.form.next_missing()
    window.form.next_section()
    assert not window.form.flush()


@pytest.mark.parametrize("key", ["free_text", "size_mm", "segment"])
def test_a_dropped_video_is_no_text(window: MainWindow, qtbot: Any, case: Case, key: str) -> None:
    choose(qtbot, window, case.follow_up)
    for stop in window.form.body.rows[key].editor.stops():
        edited = stop.lineEdit() if hasattr(stop, "lineEdit") else stop
        assert not edited.acceptDrops()
