"""Learning from the catalogue: too little, the pre-flight, a training, its candidate, and the way back."""

from __future__ import annotations

from camera import Heard, Stage, button, choose, clips_of, works
from PySide6.QtTest import QTest
from scenes_matches import rank

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.demo import fill_catalogue
from core.domain import Verdict
from core.paths import DataDir
from desktop.dialogs.candidate_dialog import CandidateDialog
from desktop.dialogs.training_dialog import TrainingDialog
from desktop.main_window import MainWindow


def too_little(stage: Stage) -> None:
    """The demo as it is filled: three lesions are linked."""
    with stage.window(stage.copy(stage.demo)) as window:
        window.actions_by_id["train"].trigger()
        stage.catch(window, "training-looks", dialog(stage, window))
        planned(stage, window)
        stage.take(window, "training-too-little", dialog(stage, window))
        dialog(stage, window).reject()


def from_links_to_a_candidate(stage: Stage) -> None:
    """All follow-up clips linked: pre-flight, training, stopped, gone on with, promoted, and back."""
    folder = stage.copy(stage.demo)
    link_all(DataDir(folder))
    with stage.window(folder) as window:
        choose(stage, window, clips_of(folder, "PH4-001")[-1])
        rank(stage, window)
        window.actions_by_id["train"].trigger()
        planned(stage, window)
        stage.take(window, "training-pre-flight", dialog(stage, window))
        dialog(stage, window).start.click()
        stage.wait(lambda: works(window.statusBar()), "the training", 60)
        stage.settle(20)
        stage.catch(window, "training-runs")
        stage.ask(window, "question-close-while-training", window.close)
        stopped = Heard(window.learning.training.stopped)
        button(window.statusBar(), "Cancel").click()
        stage.catch(window, "training-stops")
        stage.wait(lambda: stopped, "its end")
        stage.take(window, "training-stopped")
    with stage.window(folder) as window:
        stage.take(window, "training-offered")
        button(window.area.notices, "Go on…").click()
        planned(stage, window)
        stage.take(window, "training-go-on", dialog(stage, window))
        finished = Heard(window.learning.training.finished)
        dialog(stage, window).go_on.click()
        stage.wait(lambda: finished, "the candidate", 900)
        stage.settle(2)
        stage.take(window, "candidate-is-there")
        button(window.area.notices, "Compare…").click()
        found = window.findChild(CandidateDialog)
        assert isinstance(found, CandidateDialog)
        QTest.keyClicks(found.typed, found.candidate.id)
        stage.take(window, "candidate-compared", found)
        embedded = Heard(window.learning.models.embedded)
        found.use.click()
        stage.wait(lambda: works(window.statusBar()), "the embedding", 60)
        stage.settle(0.3)
        stage.catch(window, "candidate-embedding")
        stage.wait(lambda: embedded, "all clips", 300)
        stage.take(window, "candidate-in-use")
        stage.ask(window, "question-go-back", window.actions_by_id["rollback"].trigger)


def dialog(stage: Stage, window: MainWindow) -> TrainingDialog:
    """The pre-flight that is open."""
    stage.wait(lambda: window.findChild(TrainingDialog) is not None, "the dialog", 30)
    found = window.findChild(TrainingDialog)
    assert isinstance(found, TrainingDialog)
    return found


def planned(stage: Stage, window: MainWindow) -> None:
    """Waits for its answer."""
    shown = dialog(stage, window)
    stage.wait(lambda: not shown.words.text().startswith("Looking"), "the plan")


def link_all(folder: DataDir) -> None:
    """Gives the verdicts on the demo's follow-up clips as they are in truth."""
    with Catalog.open(folder) as catalog:
        first: dict[str, int] = {}
        for one in sorted(fill_catalogue(catalog), key=lambda one: one.clip):
            known = first.setdefault(one.truth.polyp_id, one.clip)
            if known != one.clip and queries.verdict(catalog, one.finding) is None:
                operations.give_verdict(
                    catalog, Verdict.RECURRENCE, clip_id=one.clip, with_clip_id=known, author="pictures"
                )


SCENES = (too_little, from_links_to_a_candidate)
