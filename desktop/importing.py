"""Imports videos: the media worker reads them one by one, the writing thread files them."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from core.errors import PolypTraceError
from desktop.jobs_host import MEDIA, Job, Workers
from desktop.session import Session

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.catalog.engine import Catalog
    from core.importing import ImportedVideo


class ImportFlow(QObject):
    """One queue for all imports. ``imported`` tells of each video, ``refused`` of the others."""

    imported = Signal(object)
    refused = Signal(object, object)
    warned = Signal(str)
    finished = Signal(int, int)
    """How many were imported or known, and how many refused, since the queue was last empty."""

    def __init__(self, session: Session, workers: Workers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workers = session, workers
        self._queue: deque[tuple[Path, str, dt.date]] = deque()
        self._job: Job | None = None
        self._good = self._bad = 0

    @property
    def busy(self) -> bool:
        """Whether a video is being read."""
        return self._job is not None

    def start(self, paths: Sequence[Path], patient: str, date: dt.date) -> None:
        """Queues files, and the videos below folders."""

        def found(files: list[Path]) -> None:
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

            self._session.write(work)

        params = {"data_dir": str(folder.root), "path": str(path)}
        self._workers.ask(MEDIA, "identify", params, "Finding the file", file)

    def cancel(self) -> None:
        """Stops the video that is being read and forgets the others; what was filed stays."""
        self._queue.clear()
        if self._job is not None:
            self._job.cancel()

    def _next(self) -> None:
        folder = self._session.folder
        if self._job is not None or folder is None:
            return
        if not self._queue:
            if self._good or self._bad:
                self.finished.emit(self._good, self._bad)
            self._good = self._bad = 0
            return
        path, patient, date = self._queue.popleft()
        left = f" ({len(self._queue)} waiting)" if self._queue else ""
        params = {"data_dir": str(folder.root), "path": str(path)}
        self._job = self._workers.ask(
            MEDIA,
            "read",
            params,
            f"Import{left}",
            lambda read: self._file(read, patient, date),
            lambda error: self._refuse(path, error),
        )
        self._job.cancelled.connect(self._cancelled)

    def _file(self, read: dict[str, Any], patient: str, date: dt.date) -> None:
        path, author = Path(read["path"]), self._session.author

        def work(catalog: Catalog) -> tuple[ImportedVideo, CatalogChanges]:
            from core.importing import attach_video

            return attach_video(catalog, path, read["sha256"], patient, date, author=author)

        self._session.write(work, self._filed, lambda error: self._refuse(path, error))

    def _filed(self, result: tuple[ImportedVideo, CatalogChanges]) -> None:
        video, _ = result
        self._good += 1
        for warning in video.warnings:
            self.warned.emit(f"{Path(video.path).name}: {warning}")
        self._job = None
        self.imported.emit(result)
        self._next()

    def _refuse(self, path: Path, error: PolypTraceError) -> None:
        self._bad += 1
        self._job = None
        self.refused.emit(path, error)
        self._next()

    def _cancelled(self) -> None:
        self._job = None
        self._queue.clear()
        self._next()


def _files(paths: Sequence[Path]) -> list[Path]:
    from core.importing import video_files

    return video_files(paths)
