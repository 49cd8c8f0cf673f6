"""Finding clips by words in the window: the real worker prepares, the reading thread searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QToolButton

from core.catalog import operations, queries
from core.search.searching import SearchResult
from desktop.main_window import MainWindow
from desktop.searching import Wish
from desktop.views.search.view import NOTHING_TYPED, OF_A_KIND, SearchView

from .window_case import LONG_MS, Case, choose


def says(view: SearchView, words: str) -> bool:
    return any(words in one.text() for one in view.findChildren(QLabel) if one.isVisible())


def press(view: SearchView, name: str) -> None:
    kinds = (*view.findChildren(QToolButton), *view.findChildren(QPushButton))
    next(one for one in kinds if one.text() == name).click()


def type_words(qtbot: Any, window: MainWindow, words: str) -> Any:
    """Typed like a user does; the answer comes by itself."""
    window.actions_by_id["search"].trigger()
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS) as heard:
        qtbot.keyClicks(window.search.field, words)
    return heard.args[0]


def prepare(qtbot: Any, window: MainWindow) -> None:
    with qtbot.waitSignal(window.searching.prepared, timeout=LONG_MS):
        press(window.search, "Prepare them")


def rows(view: SearchView) -> list[str]:
    model = view.table.model()
    return [model.index(row, 1).data() for row in range(model.rowCount())]


def test_words_find_clips_and_chips_refine(qtbot: Any, window: MainWindow, case: Case) -> None:
    view = window.search
    window.actions_by_id["search"].trigger()
    assert view.field.hasFocus()
    assert says(view, NOTHING_TYPED)
    assert says(view, OF_A_KIND)
    result = type_words(qtbot, window, "8 mm polyp in the sigmoid")
    assert (result.hits, result.unprepared) == ((), 2)
    assert says(view, "2 clips not prepared for search yet")
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        prepare(qtbot, window)  # and what was typed is searched for again
    assert {int(row.split(" ")[0]) for row in rows(view)} == set(case.clips)
    assert says(view, "Understood: polyp, sigmoid, 6–9 mm. The best of 2 clips.")
    assert not says(view, "not prepared for search yet")
    before = rows(view)
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS) as heard:
        press(view, "Larger")
    assert heard.args[0].codes["size_mm"] == ("6–9", "10–19", "20–29", "≥30")
    assert says(view, "at least 9 mm")
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        press(view, "Smaller")
    assert view.chips.refinements == ("smaller",), "larger and smaller don't go together"
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        press(view, "Other segment")
    assert rows(view) == []
    assert says(view, "No clip is left by: at most 7 mm, not sigmoid.")
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        press(view, "Clear")
    assert rows(view) == before
    view.field.clear()
    qtbot.waitUntil(lambda: says(view, NOTHING_TYPED), timeout=LONG_MS)
    assert rows(view) == []


def test_a_hit_is_opened_and_others_like_it_are_found(qtbot: Any, window: MainWindow, case: Case) -> None:
    view = window.search
    type_words(qtbot, window, "polyp")
    prepare(qtbot, window)
    qtbot.waitUntil(lambda: len(rows(view)) == 2, timeout=LONG_MS)
    qtbot.keyClick(view.field, Qt.Key.Key_Return)
    assert view.table.hasFocus()
    first = int(rows(view)[0].split(" ")[0])
    qtbot.keyClick(view.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.session.selection.clip == first, timeout=LONG_MS)
    assert window.tabs.currentWidget() is view
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        press(view, "Like this clip")
    assert view.wish == Wish(text="polyp", like=first)
    assert [int(row.split(" ")[0]) for row in rows(view)] == [clip for clip in case.clips if clip != first]
    choose(qtbot, window, case.follow_up)
    assert view.chips.like == first, "another clip that is chosen changes no search"
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        press(view, f"Like clip {first}")
    assert view.chips.like is None
    before, open_ = rows(view), window.session.selection.clip
    place = next(at for at, row in enumerate(before) if int(row.split(" ")[0]) != open_)
    view.table.selectRow(place)  # chosen in the list is enough
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        press(view, "Like this clip")
    assert view.wish == Wish(text="polyp", like=int(before[place].split(" ")[0]))


def test_filters_and_refusals_are_said(qtbot: Any, window: MainWindow, case: Case) -> None:
    view = window.search
    choose(qtbot, window, case.follow_up)
    type_words(qtbot, window, "red")
    if not view.fold.isChecked():  # the screen is low, or its letters are large
        view.fold.click()
    prepare(qtbot, window)
    with qtbot.waitSignal(window.searching.failed, timeout=LONG_MS):
        press(view, "Larger")
    assert says(view, "says no size")
    assert rows(view) == []
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        press(view, "Clear")
    assert len(rows(view)) == 2
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        press(view, "Only this patient")
    assert len(rows(view)) == 2
    segment = view.findChild(QComboBox)
    assert segment is not None
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        segment.setCurrentText("rectum")
    assert rows(view) == []


def test_an_answer_that_comes_late_is_not_shown(qtbot: Any, window: MainWindow, case: Case) -> None:
    view = window.search
    type_words(qtbot, window, "polyp")
    prepare(qtbot, window)
    qtbot.waitUntil(lambda: len(rows(view)) == 2, timeout=LONG_MS)
    window.searching.ask(Wish(text="rectum"))
    view.field.clear()
    view.ask()
    qtbot.wait(300)
    assert rows(view) == []
    assert says(view, NOTHING_TYPED)


def ask(qtbot: Any, window: MainWindow, wish: Wish) -> SearchResult:
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS) as heard:
        window.searching.ask(wish)
    result: SearchResult = heard.args[0]
    return result


def write(qtbot: Any, window: MainWindow, work: Any) -> None:
    with qtbot.waitSignal(window.session.changed, timeout=LONG_MS):
        window.session.write(work)


def test_the_next_search_sees_what_was_written_meanwhile(
    qtbot: Any, window: MainWindow, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_words(qtbot, window, "polyp in the sigmoid")
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        prepare(qtbot, window)
    readings: list[int] = []
    read = queries.indexed_clips
    monkeypatch.setattr(queries, "indexed_clips", lambda *given: (readings.append(1), read(*given))[1])
    polyp, rectum = Wish(text="polyp"), Wish(text="polyp", segment="rectum")
    assert [ask(qtbot, window, polyp).searched for _ in range(3)] == [2, 2, 2]
    assert readings == [], "kept from the search that followed the preparing"
    first = case.clips[0]
    finding = case.ask(lambda catalog: queries.clip(catalog, first).finding_id)
    assert ask(qtbot, window, rectum).hits == ()
    write(qtbot, window, lambda c: operations.describe(c, finding, {"segment": "rectum"}, author="t"))
    (hit,) = ask(qtbot, window, rectum).hits
    assert (hit.clip, hit.place) == (first, "rectum")
    write(qtbot, window, lambda c: operations.remove_clip(c, first, author="t"))
    assert {hit.clip for hit in ask(qtbot, window, polyp).hits} == {case.clips[1]}
    write(qtbot, window, lambda c: operations.undo(c, author="t"))
    back = ask(qtbot, window, polyp)
    assert (len(back.hits), back.searched, back.unprepared) == (2, 2, 0)
    case.ask(lambda other: operations.drop_vectors(other, back.model, [first], author="t"))
    left = ask(qtbot, window, polyp)
    assert (left.searched, left.unprepared) == (1, 1), "the command line writes beside the window"


def test_what_is_shown_is_searched_again_when_something_is_written(
    qtbot: Any, window: MainWindow, case: Case
) -> None:
    type_words(qtbot, window, "polyp in the sigmoid")
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS):
        prepare(qtbot, window)
    finding = case.ask(lambda catalog: queries.clip(catalog, case.clips[0]).finding_id)
    with qtbot.waitSignal(window.searching.found, timeout=LONG_MS) as heard:
        write(qtbot, window, lambda c: operations.describe(c, finding, {"segment": "rectum"}, author="t"))
    assert [hit.place for hit in heard.args[0].hits][-1] == "rectum"
    assert not says(window.search, "not prepared for search yet"), "words need no preparing"


def test_the_tab_key_goes_from_words_to_chips_filters_and_hits(window: MainWindow) -> None:
    view = window.search
    order = [view.field, *view.chips.buttons, view.fold, *view.filters.fields, view.table]
    follows, one = [view.field], view.field.nextInFocusChain()
    while one is not view.field:
        follows += [one] if one in order else []
        one = one.nextInFocusChain()
    assert follows == order


def test_another_catalogue_is_searched_by_itself(
    qtbot: Any, window: MainWindow, case: Case, tmp_path: Path
) -> None:
    type_words(qtbot, window, "polyp")
    prepare(qtbot, window)
    qtbot.waitUntil(lambda: len(rows(window.search)) == 2, timeout=LONG_MS)
    for folder, count in ((tmp_path / "other", 0), (case.folder.root, 2)):
        with qtbot.waitSignal(window.session.opened, timeout=LONG_MS):
            window.start(folder)
        result = ask(qtbot, window, Wish(text="polyp"))
        assert (len(result.hits), result.searched) == (count, count)


def test_filters_fold_away_where_there_is_no_room(qtbot: Any, window: MainWindow) -> None:
    view = window.search
    window.tabs.setCurrentWidget(view)
    line = view.fontMetrics().lineSpacing()
    view.resize(view.width(), 40 * line)
    assert view.filters.isVisible()
    view.resize(view.width(), 20 * line)
    assert not view.filters.isVisible()
    view.fold.click()
    assert view.filters.isVisible()
    view.resize(view.width(), 21 * line)
    assert view.filters.isVisible(), "somebody wants them"
    view.filters.fields[2].setChecked(True)
    assert view.fold.text() == "Filters (1)"
    view.filters.fields[2].setChecked(False)
    assert view.fold.text() == "Filters"
