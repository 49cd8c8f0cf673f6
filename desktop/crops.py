"""Pictures of clips for the lists: the newest wish first, none asked for twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from desktop.jobs_host import PICTURES, Workers
from desktop.session import Session

if TYPE_CHECKING:
    from core.paths import DataDir
    from desktop.views.matches.view import MatchesView
    from desktop.views.reports.fits import FitsPage
    from desktop.views.search.view import SearchView

MOST = 200
"""Wishes that wait; of more than a screen or two the oldest are no longer looked at."""


class Crops(QObject):
    """Asks the worker that reads pictures for one crop at a time.

    While somebody types, every result brings wishes of its own: what is on the screen now comes first.
    """

    ready = Signal(int, str)
    """A clip's id and its picture's file."""

    def __init__(self, session: Session, workers: Workers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workers = session, workers
        self._wanted: dict[int, None] = {}
        self._asked: int | None = None
        session.leaving.connect(self._wanted.clear)

    def serve(self, view: MatchesView | SearchView | FitsPage) -> None:
        """Lets a list ask for pictures, and hear of them."""
        view.crop_wanted.connect(self.fetch)
        self.ready.connect(view.show_crop)

    def fetch(self, clip: int) -> None:
        """Asks for a clip's picture, before all others that wait.

        One that can't be had is no news, its row says why.
        """
        if clip == self._asked:
            return
        self._wanted.pop(clip, None)
        self._wanted[clip] = None
        if len(self._wanted) > MOST:
            del self._wanted[next(iter(self._wanted))]
        self._go_on()

    def _go_on(self) -> None:
        folder = self._session.folder
        if self._asked is not None or not self._wanted or folder is None:
            return
        self._asked, _ = self._wanted.popitem()
        clip, params = self._asked, {"data_dir": str(folder.root), "clip": self._asked}
        self._workers.ask(
            PICTURES,
            "crop",
            params,
            "Pictures",
            lambda told: self._came(folder, clip, told),
            lambda _: self._end(),
            quiet=True,
        )

    def _came(self, folder: DataDir, clip: int, told: dict[str, Any]) -> None:
        if folder is self._session.folder:
            self.ready.emit(clip, told["path"])
        self._end()

    def _end(self) -> None:
        self._asked = None
        self._go_on()
