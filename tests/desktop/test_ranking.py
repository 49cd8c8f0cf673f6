"""Answers that come late, and rows that are chosen: a verdict is only ever about what is on the screen."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QTableView

from core.catalog import queries
from core.domain import Verdict
from desktop.main_window import MainWindow
from desktop.session import Selection
from desktop.views.explanation import NOTHING
from desktop.views.matches.view import MatchesView

from .window_case import LONG_MS, Case, choose, match, result, tables

PAIR = ("same", "scar-clean", "recurrence", "reject", "explain")


def earlier(case: Case) -> Selection:
    return Selection(1, case.exams[0], case.videos[0], case.clips[0])


def says(window: MainWindow, words: str) -> bool:
    return any(words in one.text() for one in window.explanation.findChildren(QLabel) if one.isVisible())


def test_a_ranking_of_another_clip_is_neither_shown_nor_judged(
    qtbot: Any, window: MainWindow, case: Case
) -> None:
    choose(qtbot, window, case.follow_up)
    late = match(qtbot, window)
    choose(qtbot, window, earlier(case))
    assert window.ranking.result is None
    window.matching.ranked.emit(late)
    assert window.ranking.result is None
    assert window.ranking.candidate is None
    assert not any(window.actions_by_id[name].isEnabled() for name in (*PAIR, "new", "cannot-tell"))


def test_choosing_another_clip_ends_the_search_for_matches(
    qtbot: Any, window: MainWindow, case: Case
) -> None:
    choose(qtbot, window, case.follow_up)
    window.actions_by_id["match"].trigger()
    assert window.ranking.busy
    choose(qtbot, window, earlier(case))
    assert not window.ranking.busy
    choose(qtbot, window, case.follow_up)
    assert match(qtbot, window).query.clip == case.clips[1]


def test_while_another_clip_is_being_opened_no_verdict_is_given(
    qtbot: Any, window: MainWindow, case: Case
) -> None:
    choose(qtbot, window, case.follow_up)
    match(qtbot, window)
    window.session.choose(earlier(case))  # what the desk says of it hasn't come yet
    window.ranking.give(Verdict.SAME, of_pair=True)
    qtbot.waitUntil(lambda: window.desk.facts.selection == earlier(case), timeout=LONG_MS)
    assert case.ask(lambda catalog: queries.link_events(catalog)) == []


def test_a_verdict_keeps_the_tab_and_the_chosen_row(qtbot: Any, window: MainWindow, case: Case) -> None:
    choose(qtbot, window, case.follow_up)
    match(qtbot, window)
    window.tabs.setCurrentWidget(window.form)
    with qtbot.waitSignal(window.matching.ranked, timeout=LONG_MS):
        window.actions_by_id["same"].trigger()
    assert window.tabs.currentWidget() is window.form
    assert window.ranking.candidate is not None
    assert window.ranking.candidate.linked


def test_a_rejected_pair_stays_in_sight(qtbot: Any, window: MainWindow, case: Case) -> None:
    choose(qtbot, window, case.follow_up)
    match(qtbot, window)
    with qtbot.waitSignal(window.matching.ranked, timeout=LONG_MS):
        window.actions_by_id["reject"].trigger()
    assert window.area.notices.text == f"Clip {case.clips[0]} shows another lesion. Ctrl+Z takes it back."
    assert window.ranking.candidate is not None
    assert window.ranking.candidate.rejected
    with qtbot.waitSignal(window.matching.ranked, timeout=LONG_MS):
        window.actions_by_id["undo"].trigger()
    assert not window.ranking.candidate.rejected
    assert window.area.notices.text == ""  # what it promised has been done


def test_a_ranking_leaves_the_keys_to_the_form(qtbot: Any, window: MainWindow, case: Case) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    choose(qtbot, window, case.follow_up)
    window.actions_by_id["match"].trigger()
    window.actions_by_id["describe"].trigger()
    field = window.focusWidget()
    assert window.form.isAncestorOf(field)
    qtbot.waitUntil(lambda: window.ranking.result is not None, timeout=LONG_MS)
    assert window.focusWidget() is field
    window.actions_by_id["matches"].trigger()
    assert isinstance(window.focusWidget(), QTableView)


def test_a_cancelled_or_late_explanation_is_not_shown(qtbot: Any, window: MainWindow, case: Case) -> None:
    choose(qtbot, window, case.follow_up)
    match(qtbot, window)
    window.actions_by_id["explain"].trigger()
    assert says(window, "Explaining")
    with qtbot.waitSignal(window.matching.explain_cancelled, timeout=LONG_MS):
        next(job for job in window.workers.active if job.title == "Explaining").cancel()
    assert says(window, NOTHING)
    with qtbot.waitSignal(window.matching.explained, timeout=LONG_MS) as told:
        window.actions_by_id["explain"].trigger()
    assert not says(window, NOTHING)
    choose(qtbot, window, earlier(case))
    window.matching.explained.emit(*told.args)
    assert says(window, NOTHING)


@pytest.mark.parametrize("row", [0, 2])
def test_one_row_of_both_tables_is_chosen(qtbot: Any, row: int) -> None:
    view = MatchesView([QAction("Same lesion")])
    qtbot.addWidget(view)
    view.show()
    found = result()
    view.show_result(msgspec.structs.replace(found, catalogue=found.patient))
    own, everyone = tables(view)
    everyone.selectRow(1)
    assert not own.selectionModel().hasSelection()
    qtbot.mouseClick(
        own.viewport(), Qt.MouseButton.LeftButton, pos=own.visualRect(own.model().index(row, 2)).center()
    )
    assert not everyone.selectionModel().hasSelection()
    assert (view.candidate is None) == (row == 2)  # the last one is "none of these"
