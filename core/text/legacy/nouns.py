"""The marks of a sentence that call something a finding."""

from __future__ import annotations

from collections.abc import Sequence

from core.text.legacy.mark import Mark
from core.text.legacy.tokens import Token
from core.text.legacy.wording import Lesion, lesion_of


def nouns(marks: Sequence[Mark]) -> list[Mark]:
    """Those marks, in their order."""
    return [mark for mark in marks if mark.kind == "lesion"]


def called(words: Sequence[Token], noun: Mark) -> Lesion:
    """What the finding is called."""
    return lesion_of([token.word for token in words[noun.first : noun.last]])


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two names, first token and the one behind the last, share a word."""
    return one[0] < other[1] and other[0] < one[1]
