"""One finding as read from a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from core.text.legacy.mention import BY_SIZE, OF_TWO
from core.text.legacy.read_field import ReadField

_SAME = ("size_mm", "segment", "paris", "state")
_TELLING = frozenset({"size_mm", "segment", "paris"})
_LATER = 0.8
"""How far a sentence that goes on about a finding can be relied on."""


class ReadFinding(msgspec.Struct, frozen=True):
    """A finding as read.

    Args:
        fields: by the description's keys; those that the text doesn't say are missing.
        count: how many such findings; None where the text doesn't say.
        words: the sentence, and those that go on about it.
    """

    fields: dict[str, ReadField]
    count: int | None
    words: str

    @property
    def only_announces(self) -> bool:
        """Whether it says that there are several, and nothing of them: “Polyps:”."""
        return self.count != 1 and self.fields.keys() <= {"state"}


def tells(fields: Mapping[str, ReadField]) -> bool:
    """Whether it is said of a finding how large it is, where, or of what form."""
    return not _TELLING.isdisjoint(fields)


def agrees(one: ReadFinding, fields: Mapping[str, ReadField]) -> bool:
    """Whether what is read of a finding can be said of this one, and of more than its kind."""
    both = [key for key in _SAME if key in fields and key in one.fields]
    same = [fields[key].value == one.fields[key].value for key in both]
    return all(same) and any(key != "state" for key in both)


def with_more(found: ReadFinding, more: Mapping[str, ReadField], words: str = "") -> ReadFinding:
    """The finding with what else is said of it, in other words; what it says itself stays."""
    added = {
        key: msgspec.structs.replace(one, sure=round(one.sure * _LATER, 3))
        for key, one in more.items()
        if key not in found.fields
    }
    return ReadFinding({**found.fields, **added}, found.count, f"{found.words} {words}".strip())


def in_order(found: Sequence[ReadFinding], places: Sequence[int], told: Sequence[str]) -> list[int]:
    """The places of several findings in the order that “the first”, “the latter” or “the larger” count them.

    Args:
        places: those findings in the order in which they were named.
        told: the words; empty is returned where they tell one of two, and there aren't two.
    """
    if OF_TWO.keys().isdisjoint(told):
        return list(places)
    if len(places) != 2:
        return []
    sizes = [found[place].fields.get("size_mm") for place in places]
    if BY_SIZE.isdisjoint(told) or found[places[0]].fields == found[places[1]].fields:
        return list(places)
    known = [size.value for size in sizes if size is not None and isinstance(size.value, int)]
    if len({*known}) != 2:
        return []
    return list(places) if known[0] < known[1] else [places[1], places[0]]
