"""One finding as read from a text."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from core.text.legacy.read_field import ReadField

_SAME = ("size_mm", "segment", "paris", "state")
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
