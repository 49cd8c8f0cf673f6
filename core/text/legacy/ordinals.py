"""Sentences about one of several findings: “Two polyps in the sigmoid. The first was 4 mm.”"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from core.text.legacy.read_field import ReadField
from core.text.legacy.read_finding import ReadFinding
from core.text.legacy.sentence import ReadSentence

_PLACES = {"first": 0, "second": 1, "third": 2, "fourth": 3, "1st": 0, "2nd": 1, "3rd": 2, "4th": 3}
_MOST = 4


def nth(read: ReadSentence) -> int | None:
    """Which of those before it the sentence is about, from 0; None where it doesn't begin so."""
    told = [token.word for token in read.words if token.word not in ("the", "-", "•")]
    at = _PLACES.get(told[0]) if told else None
    return at if {"size_mm", "paris"} & said_of(read).keys() else None


def said_of(read: ReadSentence) -> Mapping[str, ReadField]:
    """What the sentence says of one finding, whether or not it calls it one."""
    if len(read.findings) == 1:
        return {key: one for key, one in read.findings[0].fields.items() if key != "state"}
    return read.rest


def told_apart(found: Sequence[ReadFinding], last: Sequence[int]) -> tuple[list[ReadFinding], list[int]]:
    """The findings, “two polyps” at the end as two of one each, and the places of these."""
    if len(last) != 1 or not 1 < (found[last[0]].count or 1) <= _MOST:
        return list(found), list(last) if len(last) > 1 else []
    first, count = last[0], found[last[0]].count or 1
    one = msgspec.structs.replace(found[first], count=1)
    return [*found[:first], *[one] * count, *found[first + 1 :]], list(range(first, first + count))
