"""Findings before the noun that they share: “two sessile and one pedunculated polyp”."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.text.legacy.mark import Mark
from core.text.legacy.mention import Mention
from core.text.legacy.tokens import Token

_SAYS = ("paris", "surface", "stalk", "colour", "optical_dx")


def leading(words: Sequence[Token], marks: Sequence[Mark], named: Mention) -> list[Mention]:
    """Those that stand before the name of ``named``, each with a number or an article of its own."""
    found: list[Mention] = []
    at = named.name[0]
    while at > 1 and words[at - 1].text in ("and", "&", ","):
        start = start_of(marks, at - 1)
        count = next((mark for mark in marks if mark.kind == "count" and mark.first == start), None)
        if count is None and _told_in_full(marks, (start, at - 1)) and _told_in_full(marks, named.name):
            number = 1  # “IIa 15 mm and Is 6 mm polyps”
        elif count is None or count.value is None or start + 1 == at - 1:
            break
        else:
            number = int(count.value)
        name = (start, at - 1)
        found.insert(0, msgspec.structs.replace(named, name=name, count=number, shares=True))
        at = start
    return found


def _told_in_full(marks: Sequence[Mark], name: tuple[int, int]) -> bool:
    """Whether a size and a form stand in it."""
    inside = [mark for mark in marks if name[0] <= mark.first < name[1]]
    return any(mark.kind == "size" for mark in inside) and any(mark.field == "paris" for mark in inside)


def start_of(marks: Sequence[Mark], end: int) -> int:
    """Where the sizes, forms and the number begin that end here."""
    while True:
        before = [
            mark
            for mark in marks
            if mark.last == end and (mark.kind in ("size", "count") or mark.field in _SAYS)
        ]
        if not before:
            return end
        end = min(mark.first for mark in before)
        if any(mark.kind == "count" and mark.first == end for mark in before):
            return end
