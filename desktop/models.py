"""Which model is in use: a candidate put to use, going back, and the catalogue embedded for it unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from core.errors import PolypTraceError
from desktop.jobs_host import INFERENCE, Job, Workers
from desktop.session import Session

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.catalog.engine import Catalog
    from core.inference.bundle import BundleInfo
    from core.retraining.candidates import Standing

AT_ONCE = 4
"""Clips a request: a ranking that somebody asks for meanwhile waits for no more."""


class ModelFlow(QObject):
    """``standing`` is None until it was read. ``switched`` tells the id of the model that is in use now."""

    known = Signal()
    switched = Signal(str)
    embedded = Signal(int)
    """All clips that were missing are embedded now: how many."""

    def __init__(self, session: Session, workers: Workers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workers = session, workers
        self.standing: Standing | None = None
        self._left: list[int] = []
        self._total = 0
        self._job: Job | None = None
        session.leaving.connect(self._forget)
        session.opened.connect(self.refresh)
        session.opened.connect(self.embed_missing)

    def refresh(self) -> None:
        """Reads what there is to decide; ``known`` tells."""
        self._session.read(_standing, self._learnt, lambda _: self._learnt(None))

    def promote(self, model: str, confirm: str) -> None:
        """Puts a candidate to use; ``confirm`` is its id as it was typed."""
        author = self._session.author

        def work(catalog: Catalog) -> tuple[BundleInfo, CatalogChanges]:
            from core.matching import model_choice

            return model_choice.promote(catalog.data_dir, model, confirm, author=author)

        self._session.write(work, lambda done: self._switched(done[0]))

    def roll_back(self) -> None:
        """Puts the model before to use again."""
        author = self._session.author

        def work(catalog: Catalog) -> tuple[BundleInfo, CatalogChanges]:
            from core.matching import model_choice

            return model_choice.roll_back(catalog.data_dir, author=author)

        self._session.write(work, lambda done: self._switched(done[0]))

    def embed_missing(self) -> None:
        """Embeds the clips that the model in use, once one was promoted, hasn't seen; rankings go before."""
        if not self._left and self._job is None:
            self._session.read(_missing, self._embed)

    def _switched(self, info: BundleInfo) -> None:
        self._stop()
        self.refresh()
        self.switched.emit(info.manifest.model_id)
        self.embed_missing()

    def _learnt(self, standing: Standing | None) -> None:
        self.standing = standing
        self.known.emit()

    def _embed(self, clips: list[int]) -> None:
        self._left, self._total = clips, len(clips)
        if clips:
            self._next()

    def _next(self) -> None:
        folder = self._session.folder
        if folder is None or not self._left:
            return
        now, self._left = self._left[:AT_ONCE], self._left[AT_ONCE:]
        done = self._total - len(self._left) - len(now)
        title = f"Embedding for the model in use: {done} of {self._total} clips"
        params = {"data_dir": str(folder.root), "model": None, "device": "auto", "clips": now}
        job = self._workers.ask(
            INFERENCE,
            "embed",
            params,
            title,
            lambda made: self._keep(made) if job is self._job else None,
            lambda error: self._failed(error) if job is self._job else None,
        )
        job.cancelled.connect(lambda: self._stop() if job is self._job else None)
        self._job = job

    def _keep(self, made: dict[str, Any]) -> None:
        self._session.write(lambda catalog: _keep(catalog, made), lambda _: self._kept(), self._failed)

    def _kept(self) -> None:
        self._job = None
        if self._left:
            self._next()
        elif self._total:
            total, self._total = self._total, 0
            self.embedded.emit(total)

    def _failed(self, error: PolypTraceError) -> None:
        self._stop()
        self._session.report(error)

    def _stop(self) -> None:
        job, self._job = self._job, None
        self._left, self._total = [], 0
        if job is not None:
            job.cancel()

    def _forget(self) -> None:
        self.standing = None
        self._stop()


def _standing(catalog: Catalog) -> Standing:
    from core.retraining.candidates import standing

    return standing(catalog)


def _missing(catalog: Catalog) -> list[int]:
    """Clips without a vector of the promoted model; none where no model was ever promoted."""
    from core.catalog import queries

    active = queries.active_model(catalog)
    if active is None:
        return []
    seen = queries.vector_rows(catalog, active.model_id)
    return [clip.id for clip in queries.clips(catalog) if clip.id not in seen]


def _keep(catalog: Catalog, made: dict[str, Any]) -> CatalogChanges:
    from core.matching.keeping import keep_vectors

    return keep_vectors(catalog, made)
