"""Sentences about one of several findings: “Two polyps in the sigmoid. The first was 4 mm.”"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from core.text.legacy.mention import ORDINALS
from core.text.legacy.read_field import ReadField
from core.text.legacy.read_finding import ReadFinding
from core.text.legacy.sentence import ReadSentence

_PLACES = {word: at for short in (ORDINALS, ("1st", "2nd", "3rd", "4th")) for at, word in enumerate(short)}
_MOST = 4


def parts_of(read: ReadSentence) -> dict[int, Mapping[str, ReadField]]:
    """What the sentence says of which of those before it, from 0; empty where it isn't about such."""
    refers = [one for one in read.refers if one is not None]
    if refers and len(refers) == len(read.refers):
        return {at: _said(one) for at, one in zip(refers, read.findings, strict=True)}
    told = [token.word for token in read.words if token.word not in ("the", "-", "•")]
    at = _PLACES.get(told[0]) if told else None
    said = _said(read.findings[0]) if len(read.findings) == 1 else read.rest
    return {at: said} if at is not None and {"size_mm", "paris"} & said.keys() else {}


def _said(one: ReadFinding) -> Mapping[str, ReadField]:
    return {key: field for key, field in one.fields.items() if key != "state"}


def told_apart(found: Sequence[ReadFinding], last: Sequence[int]) -> tuple[list[ReadFinding], list[int]]:
    """The findings, “two polyps” at the end as two of one each, and the places of these."""
    if len(last) != 1 or not 1 < (found[last[0]].count or 1) <= _MOST:
        return list(found), list(last) if len(last) > 1 else []
    first, count = last[0], found[last[0]].count or 1
    one = msgspec.structs.replace(found[first], count=1)
    return [*found[:first], *[one] * count, *found[first + 1 :]], list(range(first, first + count))
