"""Reads what the library shows: everything at the top, then branch by branch, all of it or what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from desktop.item_models.library_rows import (
    Key,
    Kind,
    Row,
    key_of,
    row_of,
    rows_below,
    rows_on_the_way,
    whole_key,
)

if TYPE_CHECKING:
    from core.catalog.engine import Catalog
    from core.catalog.values import Line, Touched
    from desktop.session import Selection

_FEW = 20
"""So many patients or fewer are shown with their exams and videos at first."""
_FEW_HITS = 60
"""So many hits or fewer are shown down to the clip."""


_NONE: frozenset[Key] = frozenset()


class Rows(msgspec.Struct, frozen=True):
    """Neighbouring rows in their order, the same by key, and keys of those among them that are open."""

    rows: list[Row]
    by_key: dict[Key, Row]
    opened: frozenset[Key]

    @classmethod
    def of(cls, rows: list[Row]) -> Rows:
        """A row is open when the next one stands below it."""
        opened = {low.key[:-1] for high, low in pairwise(rows) if len(low.key) > len(high.key)}
        return cls(rows, {row.key: row for row in rows}, frozenset(opened))


class Fresh(msgspec.Struct, frozen=True):
    """After a write: rows as they are now, keys of those that the search leaves out now, and what is lost."""

    rows: list[Row]
    left_out: frozenset[Key]
    lost: frozenset[tuple[Kind, int]]


class Way(msgspec.Struct, frozen=True):
    """How to get to a row: itself and those above it, and what stands below those that weren't open.

    ``exact`` is False when the row that was asked for isn't there; ``hidden`` when the search leaves it out.
    """

    key: Key
    rows: list[Row]
    branches: list[tuple[Key, Rows]]
    exact: bool
    hidden: bool


class LibraryReader:
    """Keeps what was found. Everything here runs on the reading thread, one call after another."""

    def __init__(self) -> None:
        self._words: tuple[str, ...] = ()
        self._found: dict[int, frozenset[Key]] = {}
        """Keys of what answers the search and of what stands above it, by patient."""

    def top(self, catalog: Catalog, typed: str, opened: frozenset[Key] | None) -> Rows:
        """All patients or those found; ``opened`` are the keys of rows to show open, None for as is best."""
        from core.catalog import queries

        self._words, hits = queries.search_library(catalog, typed) if typed.strip() else ((), [])
        self._found = _by_patient(hits)
        wanted = self._found if self._words else None
        patients = [row_of(line) for line in queries.patient_lines(catalog, wanted)]
        if opened is None:
            opened = self._best(catalog, patients, len(hits))
        return Rows.of(self._with_open(catalog, patients, opened))

    def branch(self, catalog: Catalog, key: Key, opened: frozenset[Key]) -> Rows:
        """What stands below a row, and below open ones there."""
        return Rows.of(self._below(catalog, key, opened))

    def fresh(self, catalog: Catalog, touched: Touched, chosen: Key = ()) -> Fresh:
        """The rows that a write may have changed, as they are now.

        The chosen row stays also when it doesn't answer the search any more: somebody works on it.
        """
        from core.catalog import queries

        lines = queries.touched_lines(catalog, touched)
        if self._words:
            self._search_again(catalog, {int(line.path[1]) for line in lines}, chosen)
        rows = [row_of(line) for line in lines]
        kept = self._kept(rows)
        left_out = frozenset(row.key for row in rows) - {row.key for row in kept}
        return Fresh(kept, left_out, _lost(touched, lines))

    def way(self, catalog: Catalog, wanted: Selection, opened: frozenset[Key]) -> Way:
        """How to get to what is wanted, or as near as there is."""
        key = whole_key(catalog, wanted)
        rows = rows_on_the_way(catalog, key)
        reached = rows[-1].key if rows else ()
        hidden = len(self._kept(rows)) < len(rows)
        closed = [row.key for row in rows if row.key not in opened and row.below and row.kind < Kind.CLIP]
        branches = [] if hidden else [(one, self.branch(catalog, one, opened)) for one in closed]
        return Way(reached, rows, branches, _is_exact(reached, wanted), hidden)

    def _best(self, catalog: Catalog, patients: list[Row], hits: int) -> frozenset[Key]:
        if self._words:
            return frozenset().union(*self._found.values()) if hits <= _FEW_HITS else frozenset()
        if len(patients) > _FEW:
            return frozenset()
        first = [row.key for row in patients]
        return frozenset([*first, *(row.key for key in first for row in rows_below(catalog, key))])

    def _below(self, catalog: Catalog, key: Key, opened: frozenset[Key]) -> list[Row]:
        return self._with_open(catalog, self._kept(rows_below(catalog, key)), opened)

    def _with_open(self, catalog: Catalog, rows: list[Row], opened: frozenset[Key]) -> list[Row]:
        if opened.isdisjoint(row.key for row in rows):
            return rows
        found: list[Row] = []
        for row in rows:
            found.append(row)
            if row.key in opened:
                found += self._below(catalog, row.key, opened)
        return found

    def _kept(self, rows: list[Row]) -> list[Row]:
        if not self._words:
            return rows
        return [row for row in rows if row.key in self._found.get(row.key[0], _NONE)]

    def _search_again(self, catalog: Catalog, patients: set[int], chosen: Key) -> None:
        from core.catalog import queries

        for patient in patients:
            self._found.pop(patient, None)
        self._found |= _by_patient(queries.search_words(catalog, self._words, patients))
        if chosen and chosen[0] in patients:
            held = {chosen[:length] for length in range(1, len(chosen) + 1)}
            self._found[chosen[0]] = self._found.get(chosen[0], _NONE) | held


def _by_patient(hits: Iterable[tuple[int | None, ...]]) -> dict[int, frozenset[Key]]:
    found: defaultdict[int, set[Key]] = defaultdict(set)
    for hit in hits:
        ids = tuple(one for one in hit if one is not None)
        found[ids[0]].update(ids[:length] for length in range(1, len(ids) + 1))
    return {patient: frozenset(keys) for patient, keys in found.items()}


def _lost(touched: Touched, lines: list[Line]) -> frozenset[tuple[Kind, int]]:
    """What was touched and isn't there any more."""
    there = {(len(key), key[-1]) for key in (key_of(line.path) for line in lines)}
    asked = [(Kind.PATIENT, touched.patients), (Kind.EXAM, touched.exams), (Kind.CLIP, touched.clips)]
    return frozenset((kind, one) for kind, ids in asked for one in ids if (kind, one) not in there)


def _is_exact(reached: Key, wanted: Selection) -> bool:
    ids = (wanted.patient, wanted.exam, wanted.video, wanted.clip)
    last = max((at for at, one in enumerate(ids) if one is not None), default=-1)
    return len(reached) == last + 1 and bool(reached) and reached[-1] == ids[last]
