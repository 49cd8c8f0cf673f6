"""Brings the demo exams into the catalogue: read by the media worker, filed by the writing thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.errors import PolypTraceError
from desktop.jobs_host import MEDIA, Job, Workers
from desktop.session import Session

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.catalog.engine import Catalog


class DemoFlow(QObject):
    """Files the demo once at a time; ``filled`` tells the end."""

    filled = Signal()

    def __init__(self, session: Session, workers: Workers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workers = session, workers
        self._left: list[str] = []
        self._total = 0
        self._running = False
        self._job: Job | None = None
        session.opened.connect(self._forget)

    def start(self) -> None:
        """Reads the videos one by one; what is there already costs next to nothing."""
        if self._running:
            return
        self._running = True
        self._session.read(_videos, self._begin, self._fail)

    def _begin(self, videos: list[str]) -> None:
        self._left, self._total = videos, len(videos)
        self._next()

    def _forget(self) -> None:
        """Another catalogue is open: the one before was meant."""
        job, self._job = self._job, None
        self._stop()
        if job is not None:
            job.cancel()

    def _next(self) -> None:
        folder = self._session.folder
        if folder is None or not self._left:
            self._session.write(_fill, self._done, self._fail)
            return
        path = self._left.pop(0)
        title = f"Demo exam {self._total - len(self._left)} of {self._total}"
        params = {"data_dir": str(folder.root), "path": path}
        job = self._workers.ask(
            MEDIA,
            "read",
            params,
            title,
            lambda _: self._next() if job is self._job else None,
            lambda error: self._fail(error) if job is self._job else None,
        )
        job.cancelled.connect(lambda: self._stop() if job is self._job else None)
        self._job = job

    def _done(self, _changes: CatalogChanges) -> None:
        self._stop()
        self.filled.emit()

    def _fail(self, error: PolypTraceError) -> None:
        self._stop()
        self._session.report(error)

    def _stop(self) -> None:
        self._running, self._left, self._job = False, [], None


def _videos(_: Catalog) -> list[str]:
    from core.demo import demo_exams

    folder, exams = demo_exams()
    return [str(folder / exam.video) for exam in exams]


def _fill(catalog: Catalog) -> CatalogChanges:
    from core.catalog.changes import CatalogChanges, ids_of
    from core.demo import fill_catalogue

    filed = fill_catalogue(catalog)
    return CatalogChanges(
        "fill with the demo exams",
        clips=ids_of(one.clip for one in filed),
        findings=ids_of(one.finding for one in filed),
    )
