"""From "train" to a candidate: the training worker, gone on with when it dies; a stopped run is offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from core.errors import PolypTraceError
from core.progress import Progress
from desktop.jobs_host import TRAINING, Job, Workers
from desktop.session import Session

if TYPE_CHECKING:
    from core.catalog.engine import Catalog
    from core.retraining.runs import Unfinished

MOST_DEATHS = 3
"""So often in a row a run is gone on with by itself without a step more; then something is wrong."""
LEARNING = "learning"
"""The stage of progress that counts steps."""


class TrainFlow(QObject):
    """One training at a time, in a process of its own that ends with it."""

    planned = Signal(object)
    """The document of the worker's ``plan``."""
    plan_failed = Signal(object)
    finished = Signal(object)
    """The document of ``train``."""
    failed = Signal(object)
    stopped = Signal()
    """It was cancelled; it can be gone on with."""
    given_up = Signal()
    went_on = Signal(str)
    """The worker died and was started again: a sentence."""
    waits = Signal(object)
    """An :class:`Unfinished` run was found in the catalogue that has been opened."""
    changed = Signal()

    def __init__(self, session: Session, workers: Workers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workers = session, workers
        self._job: Job | None = None
        self._asking: Job | None = None
        self._deaths, self._step = 0, 0
        self._run: str | None = None
        session.leaving.connect(self.leave)
        session.opened.connect(lambda: session.read(_unfinished, self._offer))

    @property
    def running(self) -> bool:
        """Whether a training goes on."""
        return self._job is not None

    def look(self, preset: str) -> None:
        """Asks what a training would do: ``planned`` or ``plan_failed`` tells."""
        self.look_away()
        job: Job | None = self._ask(
            "plan",
            {"preset": preset},
            "Looking at what is confirmed",
            lambda told: self._looked(job, lambda: self.planned.emit(told)),
            lambda error: self._looked(job, lambda: self.plan_failed.emit(error)),
            quiet=True,
        )
        if job is not None:
            job.cancelled.connect(lambda: self._looked(job, lambda: self.plan_failed.emit(_unanswered())))
        self._asking = job

    def look_away(self) -> None:
        """Nobody waits for the plan any more."""
        job, self._asking = self._asking, None
        if job is not None:
            job.cancel()

    def put_away(self) -> None:
        """The dialog was closed: where nothing trains, the worker goes."""
        self.look_away()
        if not self.running:
            self._workers.release(TRAINING)

    def start(self, preset: str, run: str | None = None) -> None:
        """Trains, or goes on with a run."""
        if self.running:
            return
        self.look_away()
        self._deaths, self._step = 0, 0
        self._begin(preset, run)

    def give_up(self, run: str) -> None:
        """A run isn't offered any more; ``given_up`` or ``plan_failed`` tells."""

        def work(catalog: Catalog) -> None:
            from core.retraining import runs

            runs.give_up(catalog.data_dir, run)

        self._session.write(work, lambda _: self.given_up.emit(), self.plan_failed.emit)

    def cancel(self) -> None:
        """Stops after the present step; ``stopped`` tells when it has."""
        if self._job is not None:
            self._job.cancel()

    def leave(self) -> None:
        """Another catalogue is about to be opened: this run leaves a checkpoint, and nobody hears of it."""
        job, self._job = self._job, None
        self.look_away()
        if job is not None:
            job.cancel()
        self._workers.release(TRAINING)

    def _begin(self, preset: str, run: str | None) -> None:
        self._run = run
        params = {"preset": preset, "run": run, "author": self._session.author}
        job: Job | None = self._ask(
            "train",
            params,
            "Training",
            lambda told: self._end(job, lambda: self.finished.emit(told)),
            lambda error: self._end(job, lambda: self._broke(preset, error)),
        )
        if job is not None:
            job.cancelled.connect(lambda: self._end(job, self.stopped.emit))
            job.progressed.connect(self._heard)
        self._job = job
        self.changed.emit()

    def _heard(self, progress: Progress) -> None:
        from core.retraining.runs import BEGUN

        if progress.stage == BEGUN:
            self._run = progress.note
        elif progress.stage == LEARNING and progress.done > self._step:
            self._step, self._deaths = progress.done, 0

    def _broke(self, preset: str, error: PolypTraceError) -> None:
        """A worker that died is started again where its run has got to; all else is told."""
        self._deaths += 1
        if error.code != "worker-died" or self._deaths > MOST_DEATHS:
            self.failed.emit(error)
            return
        goes = "goes on from where it was" if self._run is not None else "starts anew"
        self.went_on.emit(f"{error.message} The training {goes}.")
        self._begin(preset, self._run)

    def _ask(
        self, name: str, params: dict[str, Any], title: str, then: Any, failed: Any, *, quiet: bool = False
    ) -> Job | None:
        folder = self._session.folder
        if folder is None:
            return None
        common = {"data_dir": str(folder.root), "device": "auto"}
        return self._workers.ask(TRAINING, name, common | params, title, then, failed, quiet=quiet)

    def _looked(self, job: Job | None, tell: Any) -> None:
        if job is self._asking:
            self._asking = None
            tell()

    def _end(self, job: Job | None, tell: Any) -> None:
        if job is not self._job or job is None:
            return
        self._job = None
        self._workers.release(TRAINING)  # its memory, and a graphics card's, are given back
        tell()
        self.changed.emit()

    def _offer(self, found: Unfinished | None) -> None:
        if found is not None and not self.running:
            self.waits.emit(found)


def _unanswered() -> PolypTraceError:
    return PolypTraceError("plan-stopped", "Looking at what is confirmed was stopped.", "Open it again.")


def _unfinished(catalog: Catalog) -> Unfinished | None:
    from core.retraining.runs import unfinished

    return unfinished(catalog.data_dir)
