"""The marks of a sentence that call something a finding, and where its name begins."""

from __future__ import annotations

from collections.abc import Sequence

from core.text.legacy.mark import Mark
from core.text.legacy.tokens import Token
from core.text.legacy.wording import Lesion, lesion_of, load_wording

_INSIDE = frozenset({"paris", "lst", "segment", "sub_segment", "surface", "optical_dx", "stalk", "colour"})
"""Fields whose words may stand between a number and what the finding is called."""


def nouns(marks: Sequence[Mark]) -> list[Mark]:
    """Those marks, in their order."""
    return [mark for mark in marks if mark.kind == "lesion"]


def called(words: Sequence[Token], noun: Mark) -> Lesion:
    """What the finding is called."""
    return lesion_of([token.word for token in words[noun.first : noun.last]])


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two names, first token and the one behind the last, share a word."""
    return one[0] < other[1] and other[0] < one[1]


def name_start(words: Sequence[Token], marks: Sequence[Mark], noun: Mark) -> int:
    """Where the finding's name begins: numbers, sizes, places and adjectives before the noun."""
    covers = {
        at
        for mark in marks
        if mark.kind in ("size", "count", "below", "above") or (mark.kind == "say" and mark.field in _INSIDE)
        for at in range(mark.first, mark.last)
    }
    fillers = set(load_wording().fillers.words)
    at = noun.first
    while at > 0 and (at - 1 in covers or words[at - 1].word in fillers or words[at - 1].text in "<>≤≥"):
        if words[at - 1].word in ("and", "&") and not _one_name(words, marks, at):
            break
        at -= 1
    while at < noun.first and words[at].word in ("and", "&", "the", "colon"):
        at += 1
    return at


def _one_name(words: Sequence[Token], marks: Sequence[Mark], at: int) -> bool:
    """Whether the “and” before this token joins words of one name: “ascending and sigmoid polyps”.

    Not so “… in the sigmoid and 8 mm polyp”, “… flexure and a pedunculated polyp”.
    """
    behind = next((mark for mark in marks if mark.first == at), None)
    before = next((mark for mark in marks if mark.last == at - 1), None)
    if behind is not None and behind.kind == "count":
        return False
    if behind is not None and before is not None and behind.kind == "size" != before.kind:
        return False
    if behind is not None and before is not None and before.kind == "size" and behind.field == "paris":
        return not any(mark.first == behind.last and mark.kind == "size" for mark in marks)
    if before is None or before.field != "segment":
        return True
    first = before.first
    while first and words[first - 1].word in ("the", "proximal", "mid", "distal"):
        first -= 1
    return not (first and words[first - 1].word in ("in", "at", "of", "from"))
