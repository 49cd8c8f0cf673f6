"""Imports videos: the media worker reads them one by one, the writing thread files them."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import QObject, Signal

from core.errors import PolypTraceError
from desktop.jobs_host import MEDIA, Job, Workers
from desktop.session import Session

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.catalog.engine import Catalog
    from core.importing import ImportedVideo

Wish = tuple[Path, str, dt.date]


class Outcome(msgspec.Struct, frozen=True):
    """How the imports since the queue was last empty went: numbers of videos; ``left`` were cancelled."""

    good: int = 0
    known: int = 0
    refused: int = 0
    left: int = 0

    @property
    def words(self) -> str:
        """A sentence."""
        parts = [f"{self.good} imported"] if self.good or not self.known else []
        parts += [f"{self.known} known already"] if self.known else []
        parts += [f"{self.refused} refused"] if self.refused else []
        parts += [f"{self.left} left out, because the import was cancelled"] if self.left else []
        return f"Videos: {', '.join(parts)}."


class ImportFlow(QObject):
    """One queue for all imports of a catalogue. ``imported`` tells of each video, ``refused`` of the others.

    ``began`` is told when the queue was empty, ``finished`` with the :class:`Outcome` when it is so again.
    """

    began = Signal()
    imported = Signal(object)
    refused = Signal(object, object)
    warned = Signal(str)
    finished = Signal(object)

    def __init__(self, session: Session, workers: Workers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workers = session, workers
        self._queue: deque[Wish] = deque()
        self._job: Job | None = None
        self._busy = False
        self._outcome = Outcome()
        session.opened.connect(self._forget)

    @property
    def busy(self) -> bool:
        """Whether a video is being read or filed."""
        return self._busy

    def start(self, paths: Sequence[Path], patient: str, date: dt.date) -> None:
        """Queues files, and the videos below folders."""

        def found(files: list[Path]) -> None:
            if not self._busy:
                self.began.emit()
            self._queue.extend((file, patient, date) for file in files)
            self._next()

        self._session.read(lambda _: _files(paths), found)

    def locate(self, video: int, path: Path) -> None:
        """Takes a file as that of a known video, once its content says so."""
        folder, author = self._session.folder, self._session.author
        if folder is None:
            return

        def file(read: dict[str, Any]) -> None:
            def work(catalog: Catalog) -> CatalogChanges:
                from core.importing import relocate_video

                return relocate_video(catalog, video, path, read["sha256"], author)

            if folder is self._session.folder:
                self._session.write(work)

        params = {"data_dir": str(folder.root), "path": str(path)}
        self._workers.ask(MEDIA, "identify", params, "Finding the file", file)

    def cancel(self) -> None:
        """Stops the video that is being read and leaves the others out; what was filed stays."""
        self._count(left=len(self._queue))
        self._queue.clear()
        if self._job is not None:
            self._job.cancel()

    def _forget(self) -> None:
        """Another catalogue is open: what the one before was to get isn't for this one."""
        job, self._job = self._job, None
        self._queue.clear()
        self._busy, self._outcome = False, Outcome()
        if job is not None:
            job.cancel()

    def _count(self, **more: int) -> None:
        was = msgspec.structs.asdict(self._outcome)
        self._outcome = Outcome(**{name: was[name] + more.get(name, 0) for name in was})

    def _next(self) -> None:
        folder = self._session.folder
        if self._busy or folder is None:
            return
        if not self._queue:
            outcome, self._outcome = self._outcome, Outcome()
            if outcome != Outcome():
                self.finished.emit(outcome)
            return
        self._busy = True
        path, patient, date = self._queue.popleft()
        left = f" ({len(self._queue)} waiting)" if self._queue else ""
        params = {"data_dir": str(folder.root), "path": str(path)}
        job = self._workers.ask(
            MEDIA,
            "read",
            params,
            f"Import{left}",
            lambda read: self._file(read, patient, date) if self._ends(job) else None,
            lambda error: self._refuse(path, error) if self._ends(job) else None,
        )
        job.cancelled.connect(lambda: self._cancelled() if self._ends(job) else None)
        self._job = job

    def _ends(self, job: Job) -> bool:
        """Whether this is the job that is waited for; then it isn't any more."""
        ours = self._job is job
        if ours:
            self._job = None
        return ours

    def _file(self, read: dict[str, Any], patient: str, date: dt.date) -> None:
        path, author = Path(read["path"]), self._session.author

        def work(catalog: Catalog) -> tuple[ImportedVideo, CatalogChanges]:
            from core.importing import attach_video

            return attach_video(catalog, path, read["sha256"], patient, date, author=author)

        self._session.write(work, self._filed, lambda error: self._refuse(path, error))

    def _filed(self, result: tuple[ImportedVideo, CatalogChanges]) -> None:
        video, _ = result
        self._busy = False
        self._count(**{"known" if video.status == "known" else "good": 1})
        for warning in video.warnings:
            self.warned.emit(f"{Path(video.path).name}: {warning}")
        self.imported.emit(result)
        self._next()

    def _refuse(self, path: Path, error: PolypTraceError) -> None:
        self._busy = False
        self._count(refused=1)
        self.refused.emit(path, error)
        self._next()

    def _cancelled(self) -> None:
        self._busy = False
        self._count(left=1 + len(self._queue))
        self._queue.clear()
        self._next()


def _files(paths: Sequence[Path]) -> list[Path]:
    from core.importing import video_files

    return video_files(paths)
