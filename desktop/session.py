"""What is open and what is chosen: the one place that views ask and listen to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from PySide6.QtCore import QObject, Signal

from core.errors import PolypTraceError
from core.paths import DataDir
from desktop.background import Background, Failed, Task

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.catalog.engine import Catalog

T = TypeVar("T")


class Selection(msgspec.Struct, frozen=True):
    """Ids of what is chosen in the library; what is below a chosen row is None."""

    patient: int | None = None
    exam: int | None = None
    video: int | None = None
    clip: int | None = None


class Session(QObject):
    """An open catalogue with one thread that writes and one that reads.

    Views refresh from ``changed`` alone, which carries the ``CatalogChanges`` of every write, in the order of
    the writes.
    """

    leaving = Signal()
    """Another catalogue is about to take the place of the open one."""
    opened = Signal()
    changed = Signal(object)
    chosen = Signal(object)
    problem = Signal(object)

    def __init__(self, author: str = "user", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.author = author
        self.selection = Selection()
        self._held: _Held | None = None
        self.opening = False
        """Whether a data folder is being opened; until it is, nothing else is."""
        self._writer, self._reader = Background("writer", self), Background("reader", self)
        for thread in (self._writer, self._reader):
            thread.problem.connect(self.problem)

    @property
    def is_open(self) -> bool:
        """Whether a catalogue can be read and written, and no other one is on its way."""
        return self._held is not None and not self.opening

    @property
    def folder(self) -> DataDir | None:
        """The open data folder: another object each time that one is opened."""
        return self._held.catalog.data_dir if self._held is not None else None

    def open(self, folder: Path, failed: Failed | None = None) -> None:
        """Opens the catalogue of a data folder, making it where there is none; the one before is closed."""
        if self.opening or (self._held is not None and self._held.folder == _real(folder)):
            return
        self.opening = True

        def refused(error: PolypTraceError) -> None:
            self.opening = False
            (failed or self.problem.emit)(error)

        self._writer.do(lambda: _Held(folder), self._adopt, refused)

    def _adopt(self, held: _Held) -> None:
        before, self.opening = self._held, False
        self.leaving.emit()
        self._held = held
        if before is not None:
            self._writer.do(before.close, lambda _: None)  # after what is still to be written there
        self.choose(Selection())
        self.opened.emit()

    def read(
        self, work: Callable[[Catalog], T], then: Callable[[T], None], failed: Failed | None = None
    ) -> Task:
        """Reads in the background; ``then`` runs on the UI thread.

        Answers of a catalogue that was left meanwhile are dropped: its ids mean others in the next one.
        """
        return self._do(self._reader, work, then, failed)

    def write(
        self,
        work: Callable[[Catalog], T],
        then: Callable[[T], None] | None = None,
        failed: Failed | None = None,
    ) -> Task:
        """Writes in the background: ``work`` is one operation. What it changed is told to every view.

        Args:
            work: gives ``CatalogChanges``, or something that holds them as ``changes``.
            then: hears the same on the UI thread, after the views.
            failed: hears an error; by default it is shown as a notice.

        What is written stays in the catalogue that was open now; its answer is dropped as that of a read is.
        """

        def told(value: T) -> None:
            changes = _changes_of(value)
            if changes is not None:
                self.changed.emit(changes)
            if then is not None:
                then(value)

        return self._do(self._writer, work, told, failed)

    def _do(
        self,
        thread: Background,
        work: Callable[[Catalog], T],
        then: Callable[[T], None],
        failed: Failed | None,
    ) -> Task:
        """Does work on the open catalogue; the answer is heard for as long as that is the open one."""
        held = self._held
        if held is None:
            return Task()

        def of_open(hear: Callable[[Any], Any]) -> Callable[[Any], None]:
            return lambda value: hear(value) if held is self._held else None

        return thread.do(lambda: work(held.catalog), of_open(then), of_open(failed or self.problem.emit))

    def choose(self, selection: Selection) -> None:
        """Chooses something in the library."""
        if selection != self.selection:
            self.selection = selection
            self.chosen.emit(selection)

    def report(self, error: PolypTraceError) -> None:
        """Shows an error as a notice."""
        self.problem.emit(error)

    def shutdown(self) -> None:
        """Waits for what is being saved, then closes the catalogue."""
        self._writer.close()
        self._reader.close()
        if self._held is not None:
            self._held.close()
            self._held = None


class _Held:
    """An open catalogue, and the lock that keeps a second window away from it.

    Two windows would each show what the other has changed already. The command line may write beside one.

    Raises:
        PolypTraceError: as ``Catalog.open``; ``data-folder-in-use``.
    """

    def __init__(self, folder: Path) -> None:
        from filelock import FileLock, Timeout

        from core.catalog.engine import Catalog  # SQLAlchemy loads after the first paint

        self.folder = _real(folder)
        self.catalog = Catalog.open(DataDir(folder))
        self._lock = FileLock(self.catalog.data_dir.window_lock, thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            self.catalog.close()
            raise PolypTraceError(
                "data-folder-in-use",
                "Another PolypTrace window has this data folder open.",
                "Go on there, or close it and open the folder again.",
            ) from None
        except OSError as error:
            self.catalog.close()
            raise PolypTraceError(
                "data-folder-unwritable",
                "Nothing can be written into the data folder.",
                "Check that its disk has space and that you have the right to write there.",
            ) from error

    def close(self) -> None:
        """Lets go of both."""
        self.catalog.close()
        self._lock.release()


def _real(folder: Path) -> Path:
    return folder.expanduser().resolve()


def _changes_of(value: Any) -> CatalogChanges | None:
    from core.catalog.changes import CatalogChanges

    if isinstance(value, CatalogChanges):
        return value
    if isinstance(value, tuple):
        return next((one for one in map(_changes_of, value) if one is not None), None)
    held = getattr(value, "changes", None)
    return held if isinstance(held, CatalogChanges) else None
