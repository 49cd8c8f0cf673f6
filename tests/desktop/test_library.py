"""The library in every state: branch by branch, in place after a write, searched, by keyboard."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from core.catalog import operations
from core.catalog.engine import Catalog
from core.domain import Video
from core.errors import PolypTraceError
from core.paths import DataDir
from desktop.item_models.library_feed import Stage
from desktop.item_models.library_reader import LibraryReader
from desktop.session import Selection, Session
from desktop.views.library import LibraryView

A = "t"
MANY = 60


def _import(catalog: Catalog, number: int, code: str, year: int) -> None:
    path = f"/videos/withdrawal {number}.mp4"
    video = Video(0, f"{number:064x}", path, 1000, 40.0, 560, 480, "h264", (1, 25))
    operations.import_video(catalog, video, patient_code=code, exam_date=dt.date(year, 1, 2), author=A)


@pytest.fixture
def session(qtbot: Any) -> Iterator[Session]:
    made = Session("tester")
    yield made
    made.shutdown()


@pytest.fixture
def view(qtbot: Any, session: Session) -> LibraryView:
    made = LibraryView(session)
    qtbot.addWidget(made)
    made.resize(320, 500)
    made.show()
    return made


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """P-1 with two exams (one video, one clip each) and P-2 with one exam without clips."""
    with Catalog.open(DataDir(tmp_path / "small")) as catalog:
        _import(catalog, 1, "P-1", 2023)
        _import(catalog, 2, "P-1", 2024)
        _import(catalog, 3, "P-2", 2024)
        operations.add_clip(catalog, 1, 1, 0, 50, author=A)
        operations.add_clip(catalog, 2, 2, 0, 50, author=A)
        operations.describe(catalog, 1, {"segment": "sigmoid", "size_mm": 8}, author=A)
    return tmp_path / "small"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """More patients than fit on the screen; the first has an exam with a clip."""
    with Catalog.open(DataDir(tmp_path / "large")) as catalog:
        _import(catalog, 1, "P-000", 2023)
        operations.add_clip(catalog, 1, 1, 0, 50, author=A)
        for number in range(1, MANY):
            operations.add_patient(catalog, f"P-{number:03d}", author=A)
    return tmp_path / "large"


def shown(view: LibraryView) -> list[str]:
    rows = [view.model.at(number) for number in range(view.model.rowCount())]
    return ["  " * (len(row.key) - 1) + row.text for row in rows if row is not None]


def opened(qtbot: Any, view: LibraryView, folder: Path) -> None:
    view._session.open(folder)
    qtbot.waitUntil(lambda: view._feed.stage not in (Stage.OPENING, Stage.READING))


def find(qtbot: Any, view: LibraryView, typed: str) -> None:
    view.search.setText(typed)
    view.search.returnPressed.emit()
    qtbot.waitUntil(lambda: view._feed.typed == typed and view._feed.stage is not Stage.READING)


ALL = [
    "P-1", "  Exam 2023-01-02", "    withdrawal 1.mp4", "  Exam 2024-01-02", "    withdrawal 2.mp4",
    "P-2", "  Exam 2024-01-02", "    withdrawal 3.mp4",
]  # fmt: skip
CLIP_1 = "      Clip 1 · finding 1 · 2.0 s"
CLIP_2 = "      Clip 2 · finding 1 · 2.0 s"


def test_it_says_what_it_waits_for_and_what_to_do(
    qtbot: Any, view: LibraryView, session: Session, tmp_path: Path
) -> None:
    assert "Opening" in view._state.text()
    opened(qtbot, view, tmp_path / "data")
    assert "No patients yet" in view._state.text()
    assert view._state.isVisible()
    session.write(lambda catalog: operations.add_patient(catalog, "P-7", author=A))
    qtbot.waitUntil(view.tree.isVisible)
    assert shown(view) == ["P-7"]
    assert view._count.text() == "1 patient"
    find(qtbot, view, "nobody")
    assert "Nothing found for “nobody”" in view._state.text()
    assert not view.tree.isVisible()
    find(qtbot, view, "p-7")
    assert view.tree.isVisible()
    assert view._count.text() == "1 patient found"
    view.show_problem("It can't be opened.")
    assert view._state.isVisible()
    assert view._state.text() == "It can't be opened."


def test_a_failed_read_is_said_and_can_be_tried_again(
    qtbot: Any, view: LibraryView, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PolypTraceError("catalogue-corrupt", "The file is damaged.", "Restore a backup.")

    with monkeypatch.context() as patched:
        patched.setattr(LibraryReader, "top", fail)
        view._session.open(small)
        qtbot.waitUntil(lambda: view._feed.stage is Stage.FAILED)
    assert "damaged" in view._state.text()
    assert view._again.isVisible()
    qtbot.mouseClick(view._again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(view.tree.isVisible)
    assert shown(view) == ALL


def test_a_branch_that_cannot_be_read_closes_again(
    qtbot: Any, view: LibraryView, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, view, small)

    def fail(*_: object) -> None:
        raise PolypTraceError("catalogue-busy", "It is busy.", "Wait.")

    monkeypatch.setattr(LibraryReader, "branch", fail)
    with qtbot.waitSignal(view._session.problem):
        view._feed.open((1, 1, 1))
        assert "      Loading…" in shown(view)
        assert view.model.rowCount() == len(ALL) + 1
    assert shown(view) == ALL
    assert not view.model.is_open((1, 1, 1))


def test_few_patients_stand_open_down_to_the_videos(qtbot: Any, view: LibraryView, small: Path) -> None:
    QAbstractItemModelTester(view.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    opened(qtbot, view, small)
    assert shown(view) == ALL


def test_branches_are_read_when_they_are_opened(
    qtbot: Any, view: LibraryView, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    plain = LibraryReader.branch
    monkeypatch.setattr(LibraryReader, "branch", lambda *given: (read.append(given[2]), plain(*given))[1])
    opened(qtbot, view, large)
    assert view.model.rowCount() == view.model.patients == MANY
    assert not read
    view._feed.open((1,))
    assert shown(view)[1] == "  Loading…"
    assert not view.model.flags(view.model.index(1, 0)) & Qt.ItemFlag.ItemIsSelectable
    qtbot.waitUntil(lambda: shown(view)[1] == "  Exam 2023-01-02")
    view._feed.open((1, 1))
    qtbot.waitUntil(lambda: shown(view)[2] == "    withdrawal 1.mp4")
    view._feed.close((1,))
    assert view.model.rowCount() == MANY
    view._feed.open((1,))
    qtbot.waitUntil(lambda: len(shown(view)) == MANY + 2)  # the exam stands open as it was left
    assert read == [(1,), (1, 1), (1,)]


def test_a_write_changes_its_rows_alone(qtbot: Any, view: LibraryView, session: Session, small: Path) -> None:
    opened(qtbot, view, small)
    QAbstractItemModelTester(view.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    view._feed.open((1, 1, 1))
    qtbot.waitUntil(lambda: CLIP_1 in shown(view))
    view.show_selection(Selection(1, 1, 1, 1))
    resets: list[None] = []
    changed: list[int] = []
    view.model.modelReset.connect(lambda: resets.append(None))
    view.model.dataChanged.connect(lambda first, _: changed.append(first.row()))
    session.write(lambda c: operations.describe(c, 1, {"segment": "rectum"}, author=A))
    qtbot.waitUntil(lambda: view.model.at(3).detail == "rectum")
    assert changed == [3]
    with qtbot.waitSignal(view.model.rowsInserted) as told:
        session.write(lambda c: operations.add_clip(c, 1, 1, 60, 85, author=A))
    assert told.args[1:] == [4, 4]
    assert shown(view)[4] == "      Clip 3 · finding 2 · 1.0 s"
    assert view.model.at(1).detail == "1 video · 2 clips"
    with qtbot.waitSignal(view.model.rowsRemoved) as told:
        session.write(lambda c: operations.undo(c, author=A))
    assert told.args[1:] == [4, 4]
    assert session.selection == Selection(1, 1, 1, 1)
    # A new patient between the two, a new exam of the second; the closed branch stays closed.
    session.write(lambda c: operations.add_patient(c, "P-10", author=A))
    session.write(lambda c: _imported(c))
    qtbot.waitUntil(lambda: "  Exam 2025-01-02" in shown(view))
    assert [text for text in shown(view) if not text.startswith(" ")] == ["P-1", "P-10", "P-2"]
    assert shown(view)[-1] == "  Exam 2025-01-02"
    assert not resets


def _imported(catalog: Catalog) -> Any:
    video = Video(0, f"{9:064x}", "/videos/new.mp4", 1000, 40.0, 560, 480, "h264", (1, 25))
    return operations.import_video(
        catalog, video, patient_code="P-2", exam_date=dt.date(2025, 1, 2), author=A
    )


def test_what_is_on_the_screen_stays_there(
    qtbot: Any, view: LibraryView, session: Session, large: Path
) -> None:
    opened(qtbot, view, large)
    view.show_selection(Selection(patient=40))
    bar = view.tree.verticalScrollBar()
    bar.setValue(30 * view.tree.verticalHeader().defaultSectionSize() + 7)
    before = view.tree.visualRect(view.tree.currentIndex()).top()
    with qtbot.waitSignal(view.model.rowsInserted):
        session.write(lambda c: operations.add_patient(c, "P-0000", author=A))
    QApplication.processEvents()
    assert view.tree.visualRect(view.tree.currentIndex()).top() == before
    assert session.selection == Selection(patient=40)
    assert view._count.text() == f"{MANY + 1} patients"


def test_a_chosen_clip_that_goes_leaves_its_video_chosen(
    qtbot: Any, view: LibraryView, session: Session, small: Path
) -> None:
    opened(qtbot, view, small)
    view.show_selection(Selection(1, 1, 1, 1))
    qtbot.waitUntil(lambda: session.selection.clip == 1)
    session.write(lambda c: operations.remove_clip(c, 1, author=A))
    qtbot.waitUntil(lambda: session.selection == Selection(1, 1, 1))


def test_a_row_is_found_wherever_it_stands(
    qtbot: Any, view: LibraryView, session: Session, large: Path
) -> None:
    opened(qtbot, view, large)
    view.show_selection(Selection(exam=1, video=1))  # as an import knows it: without the patient
    qtbot.waitUntil(lambda: session.selection == Selection(1, 1, 1))
    assert shown(view)[:4] == ["P-000", "  Exam 2023-01-02", "    withdrawal 1.mp4", CLIP_1]
    # A clip that isn't there yet is chosen when it comes.
    view.show_selection(Selection(1, 1, 1, 2))
    session.write(lambda c: operations.add_clip(c, 1, 1, 60, 85, author=A))
    qtbot.waitUntil(lambda: session.selection == Selection(1, 1, 1, 2))


def test_a_search_shows_what_holds_it_and_its_end_what_was_open(
    qtbot: Any, view: LibraryView, session: Session, small: Path
) -> None:
    opened(qtbot, view, small)
    view._feed.close((2,))
    before = shown(view)
    find(qtbot, view, "sigmoid")
    assert shown(view) == ["P-1", "  Exam 2023-01-02", "    withdrawal 1.mp4", CLIP_1]
    qtbot.keyClick(view.search, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: view._feed.stage is Stage.SHOWN)
    assert view.search.text() == ""
    assert shown(view) == before


def test_a_write_while_searching(qtbot: Any, view: LibraryView, session: Session, small: Path) -> None:
    opened(qtbot, view, small)
    find(qtbot, view, "sigmoid")
    session.write(lambda c: operations.describe(c, 2, {"segment": "sigmoid"}, author=A))
    qtbot.waitUntil(lambda: "  Exam 2024-01-02" in shown(view))
    view.show_selection(Selection(1, 1, 1, 1))
    session.write(lambda c: operations.describe(c, 1, {"segment": "rectum"}, author=A))
    qtbot.waitUntil(lambda: view.model.at(3).detail == "rectum")
    assert session.selection == Selection(1, 1, 1, 1)  # somebody works on it: it isn't taken away
    session.write(lambda c: operations.describe(c, 2, {"segment": "caecum"}, author=A))
    qtbot.waitUntil(lambda: "  Exam 2024-01-02" not in shown(view))
    # What was asked for from outside and isn't among the found ends the search.
    view.show_selection(Selection(exam=3, video=3))
    qtbot.waitUntil(lambda: session.selection == Selection(2, 3, 3))
    assert view.search.text() == ""


def test_the_keys_of_a_tree(qtbot: Any, view: LibraryView, session: Session, small: Path) -> None:
    opened(qtbot, view, small)

    def press(*keys: Qt.Key) -> Selection:
        for key in keys:
            qtbot.keyClick(view.tree, key)
        return session.selection

    key = Qt.Key
    view.tree.setFocus()
    assert press(key.Key_Home) == Selection(1)
    assert press(key.Key_Down, key.Key_Down) == Selection(1, 1, 1)
    press(key.Key_Right)
    qtbot.waitUntil(lambda: CLIP_1 in shown(view))
    assert press(key.Key_Right) == Selection(1, 1, 1, 1)
    assert press(key.Key_Right) == Selection(1, 1, 1, 1)
    with qtbot.waitSignal(view.activated) as told:
        press(key.Key_Return)
    assert told.args == [Selection(1, 1, 1, 1)]
    assert press(key.Key_Left) == Selection(1, 1, 1)
    press(key.Key_Left)
    assert CLIP_1 not in shown(view)
    assert press(*[key.Key_Left] * 4) == Selection(1)
    assert shown(view)[:2] == ["P-1", "P-2"]
    with qtbot.waitSignal(view.activated):
        press(key.Key_Return)
    qtbot.waitUntil(lambda: shown(view) == [*ALL[:2], *ALL[3:]])  # the exam that was closed stays so
    assert press(key.Key_End) == Selection(2, 3, 3)
    view.focus_search()
    qtbot.waitUntil(view.search.hasFocus)
    qtbot.keyClick(view.search, key.Key_Down)
    assert view.tree.hasFocus()


def test_the_arrow_opens_without_choosing(
    qtbot: Any, view: LibraryView, session: Session, small: Path
) -> None:
    opened(qtbot, view, small)
    at = view.tree.visualRect(view.model.index(0, 0))
    qtbot.mouseClick(view.tree.viewport(), Qt.MouseButton.LeftButton, pos=at.topLeft() + QPoint(4, 8))
    assert shown(view)[:2] == ["P-1", "P-2"]
    assert session.selection == Selection()
    qtbot.mouseClick(view.tree.viewport(), Qt.MouseButton.LeftButton, pos=at.center())
    assert session.selection == Selection(1)


def test_every_text_can_be_read_whole(qtbot: Any, view: LibraryView, small: Path) -> None:
    opened(qtbot, view, small)
    video = view.model.index(2, 0)
    assert video.data(Qt.ItemDataRole.ToolTipRole) == "withdrawal 1.mp4\n00:40.0 · 1 clip"
    assert (
        video.data(Qt.ItemDataRole.AccessibleTextRole) == "video: withdrawal 1.mp4, 00:40.0 · 1 clip, closed"
    )
    assert view.model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole).endswith(", open")
    assert view.tree.accessibleName()
    assert view.search.accessibleName()


def test_another_catalogue_begins_anew(qtbot: Any, view: LibraryView, small: Path, large: Path) -> None:
    opened(qtbot, view, small)
    view.show_selection(Selection(2))
    view._session.open(large)
    qtbot.waitUntil(lambda: view.model.patients == MANY)
    assert view._session.selection == Selection()
    assert not view.tree.currentIndex().isValid()
