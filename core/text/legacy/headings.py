"""Headings that say where: what stands below “Sigmoid colon:” is there, as long as nothing else is said."""

from __future__ import annotations

import msgspec

from core.text.legacy.read_field import ReadField
from core.text.legacy.read_finding import ReadFinding
from core.text.legacy.sentence import ReadSentence

_ABOVE = 0.7
"""How far a heading above can be relied on."""


class Carried(msgspec.Struct, frozen=True):
    """The place of the last heading."""

    place: dict[str, ReadField] = {}

    def behind(self, read: ReadSentence) -> Carried:
        """What counts from this sentence on: its heading's place, or nothing behind another place."""
        if read.heading is not None:
            return Carried(read.heading)
        return Carried() if any(mark.field == "segment" for mark in read.marks) else self

    def placed(self, found: ReadFinding) -> ReadFinding:
        """The finding with the heading's place, where it has none of its own."""
        if "segment" in found.fields:
            return found
        above = {
            key: msgspec.structs.replace(one, sure=round(one.sure * _ABOVE, 3))
            for key, one in self.place.items()
        }
        return msgspec.structs.replace(found, fields={**found.fields, **above})
