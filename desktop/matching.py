"""From "show matches" to a ranking and an explanation: worker, writing thread, worker."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, SignalInstance

from core.errors import PolypTraceError
from core.progress import Progress
from desktop.jobs_host import INFERENCE, Job, Workers
from desktop.session import Session

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.catalog.engine import Catalog
    from core.matching.values import MatchResult

TOP = 20
"""How many clips of the whole catalogue are shown."""


class MatchFlow(QObject):
    """One ranking at a time: a new wish replaces the one before."""

    progressed = Signal(object)
    ranked = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    explained = Signal(object)
    explain_failed = Signal(object)
    explain_cancelled = Signal()
    model_known = Signal(str, str)
    """Model and device with its reason, for the status bar."""

    def __init__(self, session: Session, workers: Workers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workers = session, workers
        self._wish = 0
        self._running = False
        self._job: Job | None = None
        self._explaining: Job | None = None
        session.opened.connect(lambda: session.read(_clear_explanations, lambda _: None))

    def clear_explanations(self) -> None:
        """Takes the pictures of explanations away; at the start those of a window that was killed."""
        folder = self._session.folder
        if folder is not None:
            shutil.rmtree(folder.explanations, ignore_errors=True)

    def open_model(self) -> None:
        """Loads the model in use, so that its name and device are known and the first match is quick."""
        self._ask("open", {}, "Loading the model", self._told_model, self._session.report, quiet=True)

    def start(self, clip: int, everywhere: bool) -> None:
        """Embeds what is missing, then ranks."""
        self.drop()
        self._running = True
        wish = self._wish
        self.progressed.emit(Progress("looking at the clips", 0))

        def embed(clips: list[int]) -> None:
            if wish == self._wish:
                self._follow(wish, "embed", {"clips": clips}, lambda made: keep(made))

        def keep(made: dict[str, Any]) -> None:
            if wish != self._wish:
                return  # perhaps another catalogue is open now
            self._session.write(
                lambda catalog: _keep(catalog, made), lambda _: rank(made), lambda e: self._fail(wish, e)
            )

        def rank(made: dict[str, Any]) -> None:
            if wish == self._wish:
                params = {"clip": clip, "everywhere": everywhere, "top": TOP, "failed": made["failed"]}
                self._follow(wish, "match", params, lambda document: self._ranked(wish, document))

        self._session.read(
            lambda catalog: _needed(catalog, clip, everywhere), embed, lambda e: self._fail(wish, e)
        )

    def cancel(self) -> None:
        """Stops what is being looked for."""
        if self._running:
            self.drop()
            self.cancelled.emit()

    def drop(self) -> None:
        """Nobody waits any more for the ranking that was asked for."""
        self._wish += 1
        self._running = False
        if self._job is not None:
            job, self._job = self._job, None
            job.cancel()

    def explain(self, clip: int, other: int) -> None:
        """Asks for the maps of a pair; a new wish replaces the one before."""
        self.drop_explanation()
        folder = self._session.folder
        if folder is None:
            return
        params = {"clip": clip, "other": other, "out": str(folder.explanations)}
        job = self._ask(
            "explain",
            params,
            "Explaining",
            lambda told: end(self.explained, told),
            lambda error: end(self.explain_failed, error),
        )
        if job is not None:
            job.cancelled.connect(lambda: end(self.explain_cancelled))
        self._explaining = job

        def end(signal: SignalInstance, *told: object) -> None:
            if self._explaining is job:
                self._explaining = None
                signal.emit(*told)

    def drop_explanation(self) -> None:
        """Nobody waits any more for the maps that were asked for."""
        job, self._explaining = self._explaining, None
        if job is not None:
            job.cancel()

    def _follow(self, wish: int, name: str, params: dict[str, Any], then: Any) -> None:
        def done(value: dict[str, Any]) -> None:
            if wish == self._wish:
                self._job = None
                then(value)

        self._job = self._ask(name, params, "Matching", done, lambda error: self._fail(wish, error))
        if self._job is not None:
            self._job.progressed.connect(
                lambda step: self.progressed.emit(step) if wish == self._wish else None
            )
            self._job.cancelled.connect(lambda: self._stopped(wish))

    def _ask(
        self, name: str, params: dict[str, Any], title: str, then: Any, failed: Any, *, quiet: bool = False
    ) -> Job | None:
        folder = self._session.folder
        if folder is None:
            return None
        common = {"data_dir": str(folder.root), "model": None, "device": "auto"}
        return self._workers.ask(INFERENCE, name, common | params, title, then, failed, quiet=quiet)

    def _ranked(self, wish: int, document: dict[str, Any]) -> None:
        if wish != self._wish:
            return
        author = self._session.author

        def note(catalog: Catalog) -> MatchResult:
            from core.matching.deciding import note_shown
            from core.matching.values import match_from

            result = match_from(document)
            note_shown(catalog, result, author=author)
            return result

        def show(result: MatchResult) -> None:
            if wish == self._wish:
                self._running = False
                self.model_known.emit(result.model.id, f"{result.device.name}: {result.device.reason}")
                self.ranked.emit(result)

        self._session.write(note, show, lambda error: self._fail(wish, error))

    def _fail(self, wish: int, error: PolypTraceError) -> None:
        if wish == self._wish:
            self._job = None
            self._running = False
            self.failed.emit(error)

    def _stopped(self, wish: int) -> None:
        if wish == self._wish:
            self._job = None
            self._running = False
            self.cancelled.emit()

    def _told_model(self, told: dict[str, Any]) -> None:
        self.model_known.emit(told["model"], f"{told['device']}: {told['reason']}")


def _clear_explanations(catalog: Catalog) -> None:
    shutil.rmtree(catalog.data_dir.explanations, ignore_errors=True)


def _needed(catalog: Catalog, clip_id: int, everywhere: bool) -> list[int]:
    """The clips that a ranking compares."""
    from core.matching.gallery import gallery_of

    return [clip.id for clip in gallery_of(catalog, clip_id, everywhere).clips]


def _keep(catalog: Catalog, made: dict[str, Any]) -> CatalogChanges:
    from core.matching.keeping import keep_vectors

    return keep_vectors(catalog, made)
