"""What is saved of the description in the form, what is on its way, and what was typed since. No Qt."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from core.errors import PolypTraceError

Values = dict[str, Any]


class Asked(msgspec.Struct, frozen=True):
    """A save that was asked for and hasn't been answered."""

    record: object
    values: Values
    final: bool


class Saves:
    """Follows the saves of one record after another; answers come in the order of the asking."""

    def __init__(self) -> None:
        self.record: object = None
        self.number = 0
        self.draft = True
        self.error: PolypTraceError | None = None
        self._saved: Values = {}
        self._asked: deque[Asked] = deque()
        self._lost: dict[object, Values] = {}

    def begin(self, record: object, values: Values, draft: bool, number: int) -> Values:
        """Another record. Gives what to show: ``values``, or what was typed in it and couldn't be saved."""
        self.record, self.number, self.draft = record, number, draft
        self._saved, self.error = values, None
        return self._lost.pop(record, values)

    def forget(self) -> None:
        """Another catalogue: its records have the same numbers, and nobody answers for those of before."""
        self._lost.clear()
        self._asked.clear()

    def refresh(self, mine: Values, values: Values, draft: bool, number: int) -> Values:
        """The same record again, as the catalogue holds it now. Gives what to show.

        What was typed since stays: whole, where ``values`` are a state of our own that comes back; field by
        field, where another change (undo) brought them. An answer older than what we know is left aside.
        """
        if number < self.number:
            return mine
        known = [self._saved, *(one.values for one in self._mine())]
        latest = known[-1]
        self.number, self.draft, self._saved = number, draft, values
        return mine if values in known else _merged(latest, mine, values)

    def ask(self, values: Values, final: bool = False) -> None:
        """Notes that a save was asked for."""
        self.error = None
        self._asked.append(Asked(self.record, values, final))

    def answered(self, number: int) -> bool:
        """The oldest save succeeded as revision ``number``. Says whether it was one of this record."""
        done = self._asked.popleft() if self._asked else None
        if done is None or done.record != self.record:
            return False
        self.number, self.draft, self._saved = max(number, self.number), not done.final, done.values
        return True

    def failed(self, error: PolypTraceError) -> bool:
        """The oldest save failed. What another record loses by it is kept until that is shown again."""
        lost = self._asked.popleft() if self._asked else None
        if lost is not None and lost.record != self.record:
            if lost.record is not None:
                self._lost[lost.record] = lost.values
            return False
        self.error = error
        return True

    def is_dirty(self, values: Values) -> bool:
        """Whether ``values`` hold something that isn't saved."""
        return values != self._saved

    def is_unasked(self, values: Values) -> bool:
        """Whether ``values`` hold something that is neither saved nor on its way."""
        mine = self._mine()
        return values != (mine[-1].values if mine else self._saved)

    @property
    def on_the_way(self) -> bool:
        """Whether a save of this record hasn't been answered."""
        return bool(self._mine())

    @property
    def waiting(self) -> bool:
        """Whether any save hasn't been answered."""
        return bool(self._asked)

    @property
    def holds_lost(self) -> bool:
        """Whether another record's words couldn't be saved."""
        return bool(self._lost)

    def _mine(self) -> list[Asked]:
        return [one for one in self._asked if one.record == self.record]


def _merged(base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Values:
    """``theirs``, with each field that differs between ``base`` and ``mine`` as in ``mine``."""
    changed = {key for key in (*base, *mine) if base.get(key) != mine.get(key)}
    kept = {key: value for key, value in theirs.items() if key not in changed}
    return kept | {key: mine[key] for key in changed if key in mine}
