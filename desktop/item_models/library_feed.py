"""Keeps the library's rows true: reads branches as they are opened, and after a write what that touched."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from core.errors import PolypTraceError
from desktop.background import Task
from desktop.item_models.library import LibraryModel
from desktop.item_models.library_reader import Fresh, LibraryReader, Rows, Way
from desktop.item_models.library_rows import Key, Kind, key_of_selection
from desktop.session import Selection, Session

if TYPE_CHECKING:
    from core.catalog.changes import CatalogChanges
    from core.catalog.values import Touched

_REFRESH_MS = 30
"""Changes that come close together are read once."""
_KINDS = ("patients", "exams", "videos", "clips", "findings")


class Stage(Enum):
    """How far the library is."""

    OPENING = auto()
    READING = auto()
    EMPTY = auto()
    NOTHING_FOUND = auto()
    SHOWN = auto()
    FAILED = auto()


class LibraryFeed(QObject):
    """``staged``: another stage, with the error where it failed. ``reached``: the row that was asked for.

    ``hidden``: that row isn't among what was found.
    """

    staged = Signal(object, object)
    reached = Signal(object)
    hidden = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model = LibraryModel(self)
        self.stage, self.typed = Stage.OPENING, ""
        self._session, self._reader = session, LibraryReader()
        self._opened: frozenset[Key] | None = None
        self._reading: Task | None = None
        self._wanted: Selection | None = None
        self._touched: dict[str, set[int]] = {kind: set() for kind in _KINDS}
        self._timer = QTimer(self, singleShot=True, interval=_REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        session.opened.connect(self._start)
        session.changed.connect(self._changed)

    def search(self, typed: str) -> None:
        """Shows what holds the words typed, or with none everything, open as it was before."""
        if typed.strip() == self.typed:
            return
        if not self.typed:
            self._opened = self.model.opened
        self.typed = typed.strip()
        self.read()

    def read(self) -> None:
        """Reads everything that is shown anew."""
        if not self._session.is_open:
            return
        if self._reading is not None:
            self._reading.drop()
        typed, opened = self.typed, None if self.typed else self._opened
        self._stage(Stage.READING)
        self._reading = self._session.read(
            lambda catalog: self._reader.top(catalog, typed, opened), self._show, self._failed
        )

    def open(self, key: Key) -> None:
        """Opens a row: what stands below it comes when it is read."""
        number = self.model.number_of(key)
        row = None if number is None else self.model.at(number)
        if row is None or not row.below or row.kind is Kind.CLIP or self.model.is_open(key):
            return
        opened = self.model.opened
        self.model.wait_below(key)
        self._session.read(
            lambda catalog: self._reader.branch(catalog, key, opened),
            lambda rows: self._fill(key, rows),
            lambda error: self._not_filled(key, error),
        )

    def close(self, key: Key) -> None:
        """Closes a row."""
        if self.model.is_open(key):
            self.model.close(key)

    def go_to(self, wanted: Selection) -> None:
        """Looks for a row, also one that appears with the next change; ``reached`` tells it."""
        self._wanted = wanted
        opened = self.model.opened
        self._session.read(lambda catalog: self._reader.way(catalog, wanted, opened), self._arrive)

    def forget_wanted(self) -> None:
        """The user has chosen something else since."""
        self._wanted = None

    # --- answers ------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Rows of the catalogue before go at once: the same numbers mean others in this one."""
        self._opened, self._wanted = None, None
        self.model.show_top(Rows.of([]))
        self.read()

    def _show(self, top: Rows) -> None:
        self.model.show_top(top)
        self._stage_rows()
        self._look_again()

    def _stage_rows(self) -> None:
        nothing = Stage.NOTHING_FOUND if self.typed else Stage.EMPTY
        self._stage(Stage.SHOWN if self.model.patients else nothing)

    def _failed(self, error: PolypTraceError) -> None:
        self._stage(Stage.FAILED, error)

    def _stage(self, stage: Stage, error: PolypTraceError | None = None) -> None:
        self.stage = stage
        self.staged.emit(stage, error)

    def _fill(self, key: Key, rows: Rows) -> None:
        if self.model.is_open(key):
            self.model.fill(key, rows)

    def _not_filled(self, key: Key, error: PolypTraceError) -> None:
        self.close(key)
        self._session.report(error)

    def _arrive(self, way: Way) -> None:
        if self._wanted is None or not way.key:
            return
        if way.hidden:
            self.hidden.emit()  # the search goes, then the row is looked for again
            return
        self.model.refresh(Fresh(way.rows, frozenset(), frozenset()))
        self._stage_rows()
        for key, rows in way.branches:
            if not self.model.is_open(key):
                self.model.fill(key, rows)
        if self.model.number_of(way.key) is None:
            self._look_again()  # closed in the meantime
            return
        wanted = self._wanted
        self.reached.emit(way.key)
        self._wanted = None if way.exact else wanted

    def _look_again(self) -> None:
        if self._wanted is not None:
            self.go_to(self._wanted)

    # --- writes -------------------------------------------------------------------------------------------

    def _changed(self, changes: CatalogChanges) -> None:
        for kind, ids in self._touched.items():
            ids.update(getattr(changes, kind))
        self._timer.start()

    def _refresh(self) -> None:
        from core.catalog.values import Touched

        touched = Touched(**{kind: frozenset(ids) for kind, ids in self._touched.items()})
        for ids in self._touched.values():
            ids.clear()
        chosen = key_of_selection(self._session.selection)
        self._session.read(
            lambda catalog: self._reader.fresh(catalog, touched, chosen),
            self._refreshed,
            lambda error: self._not_refreshed(touched, error),
        )

    def _refreshed(self, fresh: Fresh) -> None:
        self.model.refresh(fresh)
        if self.stage is not Stage.READING:  # what is being read comes with its own stage
            self._stage_rows()
        self._look_again()

    def _not_refreshed(self, touched: Touched, error: PolypTraceError) -> None:
        """They are asked for again with the next change."""
        for kind, ids in self._touched.items():
            ids.update(getattr(touched, kind))
        self._session.report(error)
