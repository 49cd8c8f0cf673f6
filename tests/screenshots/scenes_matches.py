"""Matches, explanation and verdicts in every state."""

from __future__ import annotations

import time

from camera import Heard, Stage, button, choose, clips_of, says, works
from material import PATIENT
from PySide6.QtWidgets import QTableView
from scenes_form import new_clip, type_note
from scenes_player import to_a_box

from desktop.main_window import MainWindow

README_SIZE = (1400, 875)
_CROPS_S = 15.0
"""So long the first crop may take: its worker has to start. After a verdict the crops are there already."""


def before_a_ranking(stage: Stage) -> None:
    """No clip; not described; described; no earlier finding; no good match."""
    with stage.window(stage.copy(stage.demo)) as window:
        window.actions_by_id["matches"].trigger()
        stage.take(window, "matches-no-clip")
        first, followed = clips_of(stage.demo, "PH4-001")[0], clips_of(stage.demo, "PH4-002")[3]
        choose(stage, window, first)
        stage.take(window, "matches-ready")
        rank(stage, window)
        stage.take(window, "matches-no-earlier-finding")
        choose(stage, window, followed)
        rank(stage, window)
        stage.take(window, "matches-no-good-match")
        new_clip(stage, window)
        window.actions_by_id["matches"].trigger()
        stage.take(window, "matches-locked")
        type_note(window, "Flat lesion behind a fold.")
        stage.wait(lambda: window.desk.facts.revision is not None, "the draft")
        window.actions_by_id["match"].trigger()
        stage.wait(lambda: works(window.matches), "the progress", 10)
        stage.settle(0.1)
        stage.catch(window, "matches-busy")
        stage.wait(lambda: not works(window.matches), "the ranking")


def a_ranking(stage: Stage) -> None:
    """The patient's earlier findings ranked, the whole catalogue, an explanation, and verdicts."""
    with stage.window(stage.copy(stage.demo)) as window:
        choose(stage, window, clips_of(stage.demo, "PH4-001")[-1])
        to_a_box(stage, window)
        window.tabs.setCurrentWidget(window.explanation)
        stage.take(window, "explanation-nothing")
        rank(stage, window)
        stage.take(window, "matches")
        explained = Heard(window.matching.explained)
        window.actions_by_id["explain"].trigger()
        stage.wait(lambda: says(window.explanation, "explaining"), "the explanation's beginning", 10)
        stage.catch(window, "explanation-busy")
        stage.wait(lambda: explained, "the explanation")
        stage.take(window, "explanation")
        window.actions_by_id["matches"].trigger()
        stage.ask(window, "verdict-removed-lesion", window.actions_by_id["same"].trigger)
        stage.take(window, "verdict-not-given")
        select(window, 1)
        give(stage, window, "same", "verdict-given")
        window.actions_by_id["undo"].trigger()
        crops(stage, window)
        stage.take(window, "verdict-taken-back")
        select(window, 0)
        give(stage, window, "reject", "verdict-rejected")
        if window.matches.candidate is None:
            rank(stage, window)
        ranked = Heard(window.matching.ranked)
        button(window.matches, "Whole catalogue").click()
        stage.wait(lambda: ranked, "the catalogue")
        crops(stage, window)
        stage.take(window, "matches-whole-catalogue")


def for_the_readme(stage: Stage) -> None:
    """A follow-up clip at its largest lesion box, and the patient's earlier findings ranked."""
    with stage.window(stage.copy(stage.demo), README_SIZE) as window:
        choose(stage, window, clips_of(stage.demo, "PH4-004")[3])
        clip = window.desk.facts.clip
        boxes = clip.boxes if clip is not None else ()
        largest = max(boxes, key=lambda box: box.w * box.h)
        while window.player.pts != largest.pts:
            to_a_box(stage, window)
        rank(stage, window)
        stage.take(window, "readme-window")


def lost_while_matching(stage: Stage) -> None:
    """The follow-up's file is moved away after the ranking: no explanation, and no match of another clip."""
    with stage.window(stage.copy(stage.material.awkward)) as window:
        *_, seen, unseen = clips_of(stage.material.awkward, PATIENT)
        choose(stage, window, seen)
        window.actions_by_id["match"].trigger()
        stage.wait(lambda: says(window.matches, "embedding"), "the embedding", 60)
        stage.catch(window, "matches-busy-embedding")
        stage.wait(lambda: window.matches.candidate is not None, "the ranking")
        with stage.material.without_follow_up():
            failed = Heard(window.matching.explain_failed)
            window.actions_by_id["explain"].trigger()
            stage.wait(lambda: failed, "the failure")
            stage.take(window, "explanation-error")
            window.library.show_selection(unseen)
            stage.wait(lambda: window.desk.facts.selection == unseen, "the other clip")
            stage.settle()
            no_match = Heard(window.matching.failed)
            window.actions_by_id["match"].trigger()
            stage.wait(lambda: no_match, "the failure")
            stage.take(window, "matches-error")


def rank(stage: Stage, window: MainWindow) -> None:
    """Shows the matches of the chosen clip, with their crops."""
    ranked = Heard(window.matching.ranked)
    window.actions_by_id["match"].trigger()
    stage.wait(lambda: ranked, "the ranking")
    crops(stage, window)


def crops(stage: Stage, window: MainWindow) -> None:
    """Waits until a crop has come where there is one to come, and then none for a while."""
    came, end = Heard(window.crops.ready), time.monotonic() + _CROPS_S
    stage.settle(1.0)
    while window.matches.candidate is not None and not came and time.monotonic() < end:
        stage.settle(0.2)
    before = -1
    while len(came.told) != before:
        before = len(came.told)
        stage.settle(2.0)


def select(window: MainWindow, row: int) -> None:
    """Chooses a row of the patient's ranking."""
    table = next(one for one in window.matches.findChildren(QTableView) if one.isVisible())
    table.selectRow(row)


def give(stage: Stage, window: MainWindow, verdict: str, state: str) -> None:
    """Gives a verdict on the chosen row, and lets the ranking come that follows from it."""
    decided = Heard(window.deciding.decided)
    window.actions_by_id[verdict].trigger()
    stage.wait(lambda: decided, f"the verdict {verdict}", 30)
    crops(stage, window)
    stage.take(window, state)


SCENES = (before_a_ranking, a_ranking, for_the_readme, lost_while_matching)
