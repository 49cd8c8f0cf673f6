"""Findings that are told as one more: “another at 22 cm”, “… and, in the same segment, a 3 mm one”."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import msgspec

from core.text.legacy.leading import start_of
from core.text.legacy.mark import Mark
from core.text.legacy.mention import Mention
from core.text.legacy.read_field import ReadField
from core.text.legacy.tokens import Token

FORM = ("paris", "surface", "stalk", "colour")
"""Fields whose words may stand between a size and a place."""
_WHERE = ("segment", "sub_segment", "dist_av_cm")
_AREAS = frozenset({"segment", "segments", "location", "area", "region", "place", "site", "part"})
_SAME_SURE = 0.7


def others(words: Sequence[Token], marks: Sequence[Mark], state: str) -> list[Mention]:
    """Those of a sentence, behind the noun that they share.

    Args:
        state: what that noun calls a finding.
    """
    names = [_another(words, marks, at) for at, token in enumerate(words) if token.word == "another"]
    names += [_one(marks, at) for at, token in enumerate(words) if token.word == "one"]
    return [Mention(name, state, 1, elliptic=True) for name in names if name is not None]


def _another(words: Sequence[Token], marks: Sequence[Mark], at: int) -> tuple[int, int] | None:
    """“Another at 22 cm”, “another, 4 mm, in the rectum”; not “another polyp”."""
    end, sized = at + 1, False
    while end < len(words):
        mark = next((each for each in marks if each.first == end), None)
        if mark is not None and (mark.kind == "size" or mark.field in FORM):
            end, sized = mark.last, sized or mark.kind == "size"
        elif words[end].word in (",", "of", "one", "measuring"):
            end += 1
        else:
            break
    if any(mark.kind == "lesion" and at < mark.first <= end for mark in marks):
        return None
    where = end
    while where < len(words) and words[where].word in ("in", "at", "the"):
        where += 1
    placed = where > end and any(mark.first == where and mark.field in _WHERE for mark in marks)
    return (at, end) if sized or placed else None


def _one(marks: Sequence[Mark], at: int) -> tuple[int, int] | None:
    """“A 3 mm one”."""
    start = start_of(marks, at)
    sized = any(mark.kind == "size" and start <= mark.first < at for mark in marks)
    counted = any(mark.kind == "count" and mark.first == start and mark.value == 1 for mark in marks)
    return (start, at + 1) if sized and counted else None


def in_same_place(
    words: Sequence[Token], fields: Mapping[str, ReadField], before: Mapping[str, ReadField]
) -> dict[str, ReadField]:
    """The finding's fields, with the place of the one before it where “in the same segment” says so.

    Args:
        words: those around the finding.
    """
    pairs = itertools.pairwise(words)
    if "segment" in fields or not any(one.word == "same" and two.word in _AREAS for one, two in pairs):
        return dict(fields)
    place = {key: before[key] for key in ("segment", "sub_segment") if key in before}
    doubted = {key: msgspec.structs.replace(one, sure=one.sure * _SAME_SURE) for key, one in place.items()}
    return {**fields, **doubted}
