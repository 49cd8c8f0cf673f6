"""Which model is in use: a candidate put to use, going back, and the catalogue embedded for it unseen."""

from __future__ import annotations

from collections.abc import Callable
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
    """Clips that were missing are embedded now: how many."""
    unreadable = Signal(int, str)
    """So many clips couldn't be embedded, and why the first couldn't; told once a clip, model and folder."""

    def __init__(self, session: Session, workers: Workers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workers = session, workers
        self.standing: Standing | None = None
        self._left: list[int] = []
        self._total, self._made = 0, 0
        self._lost: list[dict[str, Any]] = []
        self._told: set[tuple[str, str, int]] = set()
        self._turn = 0
        """Counts what was begun: an answer to what was stopped meanwhile is for nobody."""
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
        self._stop()
        self._session.read(_missing, self._now(self._embed))

    def _switched(self, info: BundleInfo) -> None:
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
        self._job = self._workers.ask(
            INFERENCE, "embed", params, title, self._now(self._keep), self._now(self._failed)
        )
        stop = self._now(lambda _: self._stop())
        self._job.cancelled.connect(lambda: stop(None))

    def _now(self, hear: Callable[[Any], None]) -> Callable[[Any], None]:
        """Hears an answer for as long as what it belongs to wasn't stopped."""
        turn = self._turn
        return lambda told: hear(told) if turn == self._turn else None

    def _keep(self, made: dict[str, Any]) -> None:
        self._job = None
        kept = self._now(lambda _: self._kept(made))
        self._session.write(lambda catalog: _keep(catalog, made), kept, self._now(self._failed))

    def _kept(self, made: dict[str, Any]) -> None:
        self._made += len(made["rows"])
        self._lost += made["failed"]
        if self._left:
            self._next()
        else:
            self._tell(made["model"])

    def _tell(self, model: str) -> None:
        """How it went; a clip that stays lost is told of once."""
        made, lost = self._made, self._lost
        self._stop()
        root = str(self._session.folder.root) if self._session.folder is not None else ""
        keys = {(root, model, one["clip"]) for one in lost}
        if made:
            self.embedded.emit(made)
        if keys - self._told:
            self._told |= keys
            self.unreadable.emit(len(lost), lost[0]["reason"])

    def _failed(self, error: PolypTraceError) -> None:
        self._stop()
        self._session.report(error)

    def _stop(self) -> None:
        self._turn += 1
        job, self._job = self._job, None
        self._left, self._lost = [], []
        self._total, self._made = 0, 0
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
