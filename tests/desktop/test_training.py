"""Learning from the catalogue in the real window with its real worker: from a stopped run to rolling back."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QMessageBox, QToolButton

from core.catalog import operations, queries
from core.catalog.values import ModelState
from core.errors import PolypTraceError
from core.progress import Progress
from core.retraining import runs
from desktop.dialogs.candidate_dialog import CandidateDialog
from desktop.dialogs.training_dialog import TrainingDialog
from desktop.jobs_host import TRAINING, Job, Workers
from desktop.main_window import MainWindow
from desktop.session import Selection
from desktop.training import MOST_DEATHS
from desktop.views.activity import ActivityView

from ..core.retraining.conftest import Linked, tiny
from ..core.retraining.conftest import films as films
from ..core.retraining.conftest import linked as linked
from ..core.retraining.conftest import linked_once as linked_once
from .window_case import LONG_MS, choose, match, workers

TRAIN_MS = 180_000


@pytest.fixture
def window(qtbot: Any, linked: Linked) -> Iterator[MainWindow]:
    """The real window on the linked catalogue; in the end nothing of it is left."""
    made = MainWindow("tester")
    made.show()
    yield made
    made.close()
    assert workers() == []
    assert [one for one in made.findChildren(QTimer) if one.isActive()] == []


def _open(qtbot: Any, window: MainWindow, linked: Linked) -> None:
    with qtbot.waitSignal(window.session.opened, timeout=LONG_MS):
        window.start(linked.data.root)
    qtbot.waitUntil(lambda: window.learning.models.standing is not None, timeout=LONG_MS)


def _begin(linked: Linked, steps: int, *changes: str) -> Path:
    """A run that was frozen, and then left."""
    from core.training.retrain import new_run

    with linked.open() as catalog:
        return new_run(catalog, tiny(steps, *changes), author="anna")


def _dialog(qtbot: Any, window: MainWindow) -> TrainingDialog:
    """The pre-flight, once it is answered."""
    window.actions_by_id["train"].trigger()
    qtbot.waitUntil(lambda: window.findChild(TrainingDialog) is not None, timeout=LONG_MS)
    dialog = window.findChild(TrainingDialog)
    qtbot.waitUntil(lambda: not dialog.words.text().startswith("Looking"), timeout=LONG_MS)
    return dialog


def _news(window: MainWindow, words: str) -> QToolButton:
    found = window.area.notices.findChildren(QToolButton)
    return next(one for one in found if one.text() == words)


def _trainers() -> list[int]:
    return [number for number, module in workers() if module.endswith("training_worker")]


def _answer(monkeypatch: pytest.MonkeyPatch, words: str) -> list[str]:
    """From now on questions are answered with the button that says this; what they asked is in the list."""
    asked: list[str] = []

    def chosen(box: QMessageBox) -> Any:
        return next(one for one in box.buttons() if words in one.text().replace("&", ""))

    monkeypatch.setattr(QMessageBox, "exec", lambda box: asked.append(box.text()))
    monkeypatch.setattr(QMessageBox, "clickedButton", chosen)
    return asked


def _scores(result: Any) -> list[tuple[int, float | None]]:
    return [(one.clip, one.score) for one in result.patient]


def test_a_stopped_run_is_offered_gone_on_with_promoted_and_rolled_back(
    qtbot: Any, window: MainWindow, linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _begin(linked, 3)
    _open(qtbot, window, linked)
    qtbot.waitUntil(lambda: "was stopped" in window.area.notices.text, timeout=LONG_MS)
    with linked.open() as catalog:
        clip = queries.clip(catalog, linked.clips["A"][0][1])
        patient = queries.exam(catalog, clip.exam_id).patient_id
    choose(qtbot, window, Selection(patient, clip.exam_id, clip.video_id, clip.id))
    before = match(qtbot, window)
    assert before.model.id == linked.active
    dialog = _dialog(qtbot, window)
    assert "3 patients" not in dialog.words.text()
    assert "Held back" in dialog.words.text()
    assert "still reading" in dialog.problem.text()
    seen: list[Progress] = []
    with qtbot.waitSignal(window.learning.training.finished, timeout=TRAIN_MS) as told:
        qtbot.mouseClick(dialog.go_on, Qt.MouseButton.LeftButton)
        (job,) = [job for job in window.workers.active if job.kind == TRAINING]
        job.progressed.connect(seen.append)
        assert not window.actions_by_id["train"].isEnabled()
        assert window.actions_by_id["train-stop"].isEnabled()
        ranked = match(qtbot, window)  # while it trains
    assert _scores(ranked) == _scores(before)
    assert any(step.stage == "learning" and step.left_s is not None for step in seen)
    model = told.args[0]["model"]
    assert runs.result_of(run) == told.args[0]
    qtbot.waitUntil(lambda: window.actions_by_id["candidate"].isEnabled(), timeout=LONG_MS)
    qtbot.waitUntil(lambda: not _trainers(), timeout=LONG_MS)  # its memory is given back
    qtbot.mouseClick(_news(window, "Compare…"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(CandidateDialog) is not None, timeout=LONG_MS)
    compare = window.findChild(CandidateDialog)
    qtbot.keyClicks(compare.typed, model[:-1])
    assert not compare.use.isEnabled()
    qtbot.keyClicks(compare.typed, model[-1])
    with qtbot.waitSignal(window.learning.models.embedded, timeout=TRAIN_MS) as embedded:
        qtbot.mouseClick(compare.use, Qt.MouseButton.LeftButton)
    with linked.open() as catalog:
        assert len(queries.vector_rows(catalog, model)) == len(queries.clips(catalog)) >= embedded.args[0]
        states = {one.model_id: one.state for one in queries.model_versions(catalog)}
    assert (states[model], states[linked.active]) == (ModelState.ACTIVE, ModelState.RETIRED)
    qtbot.waitUntil(lambda: model in window._model.text(), timeout=LONG_MS)
    qtbot.waitUntil(
        lambda: window.ranking.result is not None and window.ranking.result.model.id == model,
        timeout=LONG_MS,
    )
    _answer(monkeypatch, "Go back")
    with qtbot.waitSignal(window.learning.switched, timeout=LONG_MS) as switched:
        window.actions_by_id["rollback"].trigger()
    assert switched.args == [linked.active]
    qtbot.waitUntil(
        lambda: window.ranking.result is not None and window.ranking.result.model.id == linked.active,
        timeout=LONG_MS,
    )
    assert _scores(window.ranking.result) == _scores(before)
    assert not _trainers()


def test_a_killed_worker_goes_on_and_closing_asks(
    qtbot: Any, window: MainWindow, linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("finds the worker's process in /proc")
    run = _begin(linked, 100_000, "checkpoint_seconds=0.001", "validate_every=100000")
    _open(qtbot, window, linked)
    train = window.learning.training
    qtbot.waitUntil(lambda: "was stopped" in window.area.notices.text, timeout=LONG_MS)
    train.start("quick", run.name)
    assert "was stopped" not in window.area.notices.text
    window.learning.ask_to_train()
    assert window.findChild(TrainingDialog) is None

    def step() -> int:
        found = [job.progress for job in window.workers.active if job.kind == TRAINING]
        return found[0].done if found and found[0].stage == "learning" else 0

    qtbot.waitUntil(lambda: step() >= 3, timeout=TRAIN_MS)
    (status,) = [one for one in window.findChildren(ActivityView) if "Training" in one.text]
    assert "left" in status.text
    (first,) = _trainers()
    reached = step()
    with qtbot.waitSignal(train.went_on, timeout=LONG_MS):
        os.kill(first, signal.SIGKILL)
    qtbot.waitUntil(lambda: step() > reached, timeout=TRAIN_MS)
    assert _trainers() != [first]
    asked = _answer(monkeypatch, "Keep training")
    window.close()
    assert window.isVisible()
    assert "stops when the window is closed" in asked[0]
    window.actions_by_id["train-stop"].trigger()
    with qtbot.waitSignal(train.stopped, timeout=LONG_MS):
        pass
    assert "can be gone on with" in window.area.notices.text
    found = runs.unfinished(linked.data)
    assert found is not None
    assert (found.run, found.step > reached) == (run.name, True)


def test_leaving_while_it_trains_stops_it_and_keeps_it(
    qtbot: Any, window: MainWindow, linked: Linked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _begin(linked, 100_000, "checkpoint_seconds=0.001", "validate_every=100000")
    _open(qtbot, window, linked)
    train, told = window.learning.training, []
    for heard in (train.finished, train.failed, train.stopped):
        heard.connect(lambda *_: told.append(1))

    def learning() -> bool:
        return any(one.progress.stage == "learning" for one in window.workers.active)

    train.start("quick", run.name)
    qtbot.waitUntil(learning, timeout=TRAIN_MS)
    with qtbot.waitSignal(window.session.opened, timeout=LONG_MS):
        window.session.open(tmp_path / "other")
    assert not train.running
    with qtbot.waitSignal(window.session.opened, timeout=LONG_MS):
        window.session.open(linked.data.root)
    qtbot.waitUntil(lambda: not _trainers(), timeout=LONG_MS)
    assert not told  # nobody hears of it in another catalogue
    train.start("quick", run.name)  # it goes on, unharmed by the end of the worker before
    qtbot.waitUntil(learning, timeout=TRAIN_MS)
    asked = _answer(monkeypatch, "Stop it and close")
    window.close()
    assert "stops when the window is closed" in asked[0]
    assert not window.isVisible()
    qtbot.waitUntil(lambda: not _trainers(), timeout=LONG_MS)
    found = runs.unfinished(linked.data)
    assert found is not None
    assert (found.run, found.failure) == (run.name, "")


def test_a_new_training_never_goes_on_with_an_older_run(
    qtbot: Any, window: MainWindow, linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    _begin(linked, 3)
    _open(qtbot, window, linked)
    train = window.learning.training
    asked: list[str | None] = []
    error = PolypTraceError("worker-died", "The training process broke off.")

    def ask(kind: str, name: str, params: dict[str, Any], title: str, *_: Any, **__: Any) -> Job:
        if name == "train":
            asked.append(params["run"])
        return Job(kind, title, window)

    monkeypatch.setattr(window.workers, "ask", ask)
    train.start("quick")
    train._end(train._job, lambda: train._broke("quick", error))
    assert asked == [None, None]  # no name was told: it starts anew
    assert train._job is not None
    train._job.progressed.emit(Progress(runs.BEGUN, 0, None, "dmcl-new"))
    for step in range(1, 6):  # it gets on between its deaths, so that they don't add up
        train._job.progressed.emit(Progress("learning", step, 9))
        train._end(train._job, lambda: train._broke("quick", error))
    assert asked[2:] == ["dmcl-new"] * 5
    with qtbot.waitSignal(train.failed, timeout=LONG_MS):
        for _ in range(MOST_DEATHS):
            train._end(train._job, lambda: train._broke("quick", error))
    assert not train.running


def test_a_failed_run_says_why_and_is_given_up(qtbot: Any, window: MainWindow, linked: Linked) -> None:
    run = _begin(linked, 3)
    with pytest.raises(ZeroDivisionError), runs.failure_kept(run):
        raise ZeroDivisionError
    _open(qtbot, window, linked)
    qtbot.waitUntil(lambda: "failed: PolypTrace made a mistake" in window.area.notices.text, timeout=LONG_MS)
    dialog = _dialog(qtbot, window)
    assert "failed: PolypTrace made a mistake" in dialog.problem.text()
    assert dialog.start.isDefault()
    qtbot.mouseClick(dialog.give_up, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.start.text() == "&Start training", timeout=LONG_MS)
    assert not dialog.give_up.isVisible()
    assert runs.unfinished(linked.data) is None
    dialog.reject()
    qtbot.waitUntil(lambda: not _trainers(), timeout=LONG_MS)


def test_too_little_is_said_in_the_pre_flight(qtbot: Any, window: MainWindow, linked: Linked) -> None:
    with linked.open() as catalog:
        for event in queries.link_events(catalog)[2:]:
            operations.withdraw_verdict(catalog, event.id, author="anna")
    _open(qtbot, window, linked)
    dialog = _dialog(qtbot, window)
    assert not dialog.start.isEnabled()
    assert not dialog.go_on.isVisible()
    assert "Confirm two more lesions with two exams" in dialog.problem.text()
    dialog.reject()
    qtbot.waitUntil(lambda: not _trainers(), timeout=LONG_MS)
    assert not list(linked.data.runs.glob("dmcl-*"))


def test_the_end_of_a_released_worker_ends_no_job_of_the_next(qtbot: Any, linked: Linked) -> None:
    made, told, ended = Workers(), [], []  # type: ignore[var-annotated]
    params = {"data_dir": str(linked.data.root), "preset": "quick"}
    made.ask(TRAINING, "plan", params, "first").cancelled.connect(lambda: ended.append("first"))
    made.release(TRAINING)
    second = made.ask(TRAINING, "plan", params, "second", told.append)
    second.cancelled.connect(lambda: ended.append("second"))
    qtbot.waitUntil(lambda: bool(told) or "second" in ended, timeout=LONG_MS)
    made.shutdown()
    assert [one["preset"] for one in told] == ["quick"]
    assert ended == ["first"]


def test_what_is_told_of_embedding_is_what_was_embedded(
    qtbot: Any, window: MainWindow, linked: Linked, tmp_path: Path
) -> None:
    with linked.open() as catalog:
        video = queries.clip(catalog, linked.alone).video_id
        lost = [clip for clip in queries.clips(catalog) if clip.video_id == video]
        total = len(queries.clips(catalog))
        operations.relocate_video(catalog, video, str(tmp_path / "gone.mp4"), author="anna")
    models, told, stale = window.learning.models, [], []  # type: ignore[var-annotated]
    models.unreadable.connect(lambda *words: told.append(words))
    models.embedded.connect(stale.append)
    with qtbot.waitSignal(models.unreadable, timeout=TRAIN_MS):
        window.start(linked.data.root)
        qtbot.waitUntil(lambda: models._job is not None, timeout=LONG_MS)
        models.embed_missing()  # what went on before is for nobody any more
    assert stale == [total - len(lost)]
    assert told[0][0] == len(lost)
    assert "couldn't be embedded" in window.area.notices.text
    with qtbot.waitSignal(models._session.changed, timeout=LONG_MS):  # the lost ones are tried once more
        models.embed_missing()
    qtbot.waitUntil(lambda: models._job is None and not models._left, timeout=LONG_MS)
    assert (len(told), len(stale)) == (1, 1)
