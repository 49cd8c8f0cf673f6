"""From typed words to clips of a kind: the reading thread searches, a worker prepares what is missing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import QObject, Signal

from core.errors import PolypTraceError
from desktop.background import Task
from desktop.jobs_host import INFERENCE, Job, Workers
from desktop.session import Selection, Session

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.catalog.engine import Catalog
    from core.search.prepared import PreparedClips
    from core.search.query import Refinement
    from core.search.searching import SearchResult
    from core.search.vectors import WordSpace
    from desktop.views.reports.fits import FitsPage
    from desktop.views.search.view import SearchView

TOP = 50
"""How many clips are shown."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A search as it stands in the panel; see :class:`core.search.query.SearchQuery`.

    ``patient`` is an id here.
    """

    text: str = ""
    like: int | None = None
    refinements: tuple[Refinement, ...] = ()
    patient: int | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    segment: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to search for."""
        return not self.text.strip() and self.like is None


class SearchSpace:
    """The common space in use and the clips in it, read once for all that is searched and compared."""

    def __init__(self) -> None:
        self._space: WordSpace | None = None
        self._clips: PreparedClips | None = None

    def open(self, catalog: Catalog) -> tuple[WordSpace, PreparedClips]:
        """Both as they are now; on the reading thread alone."""
        from core.search.choice import open_space
        from core.search.prepared import PreparedClips

        clips = self._clips = self._clips or PreparedClips()
        space = self._space = open_space(catalog, known=self._space)
        return space, clips

    def leave(self) -> None:
        """Another catalogue, other clips; a search that is still at the old ones keeps them for itself."""
        self._clips = None


class SearchFlow(QObject):
    """One search at a time: a new wish replaces the one before, so that typing never waits."""

    found = Signal(object)
    failed = Signal(object)
    progressed = Signal(object)
    prepared = Signal()
    prepare_failed = Signal(object)

    def __init__(self, session: Session, workers: Workers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workers = session, workers
        self._task: Task | None = None
        self._job: Job | None = None
        self.space = SearchSpace()
        session.leaving.connect(self._leave)

    def ask(self, wish: Wish) -> None:
        """Searches; the answer of an earlier wish is no longer heard."""
        self.drop()
        self._task = self._session.read(
            lambda catalog: self._search(catalog, wish), self.found.emit, self.failed.emit
        )

    def drop(self) -> None:
        """Nobody waits any more for what was asked."""
        if self._task is not None:
            self._task.drop()
            self._task = None

    def prepare(self) -> None:
        """Puts clips that are new or were changed into the common space."""
        folder = self._session.folder
        if folder is None or self._job is not None:
            return
        params = {"data_dir": str(folder.root), "device": "auto"}

        def keep(made: dict[str, Any]) -> None:
            self._job = None
            if self._session.folder != folder:
                return  # another catalogue was opened meanwhile
            self._session.write(
                lambda catalog: _keep(catalog, made),
                lambda _: self.prepared.emit(),
                self.prepare_failed.emit,
            )

        def fail(error: PolypTraceError) -> None:
            self._job = None
            self.prepare_failed.emit(error)

        job = self._workers.ask(INFERENCE, "prepare", params, "Preparing clips for search", keep, fail)
        job.progressed.connect(self.progressed)
        job.cancelled.connect(lambda: self._stopped(job))
        self._job = job

    def prepare_for(self, view: SearchView | FitsPage) -> None:
        """Lets a view ask for preparing, and hear how it goes."""
        view.prepare_wanted.connect(self.prepare)
        view.prepare_cancelled.connect(self.cancel)
        self.progressed.connect(view.show_progress)
        self.prepared.connect(view.show_prepared)
        self.prepare_failed.connect(view.show_prepared)

    def cancel(self) -> None:
        """Stops preparing; what was made until then is kept."""
        if self._job is not None:
            self._job.cancel()

    def _stopped(self, job: Job) -> None:
        if self._job is job:
            self._job = None
            self.prepared.emit()

    def _leave(self) -> None:
        self.drop()
        self.cancel()
        self.space.leave()

    def _search(self, catalog: Catalog, wish: Wish) -> SearchResult:
        """On the reading thread."""
        from core.catalog import queries
        from core.search.query import Filters, SearchQuery
        from core.search.searching import search

        space, clips = self.space.open(catalog)
        patient = None if wish.patient is None else queries.patient(catalog, wish.patient).code
        filters = Filters(patient=patient, since=wish.since, until=wish.until, segment=wish.segment)
        query = SearchQuery(text=wish.text, like=wish.like, refinements=wish.refinements, filters=filters)
        return search(catalog, space, query, TOP, clips)


def place_of(catalog: Catalog, clip_id: int) -> Selection:
    """Where a clip stands in the library."""
    from core.catalog import queries

    clip = queries.clip(catalog, clip_id)
    exam = queries.exam(catalog, clip.exam_id)
    return Selection(patient=exam.patient_id, exam=exam.id, video=clip.video_id, clip=clip.id)


def _keep(catalog: Catalog, made: dict[str, Any]) -> CatalogChanges:
    from core.matching.keeping import keep_vectors

    return keep_vectors(catalog, made)
