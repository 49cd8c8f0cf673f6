"""Which findings a sentence names, and which of its words belong to each."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.text.legacy.marks import Mark
from core.text.legacy.tokens import Token
from core.text.legacy.wording import load_wording, phrase

_INSIDE = frozenset({"paris", "segment", "sub_segment", "surface", "optical_dx"})
"""Fields whose words may stand between a number and what the finding is called."""
_ORDINALS = frozenset({"first", "second", "third", "fourth", "other", "largest"})


class Mention(msgspec.Struct, frozen=True):
    """A finding as named: the tokens of its name, and those from where on and up to where words are its own.

    ``count`` is None where nobody says how many.
    """

    name: tuple[int, int]
    span: tuple[int, int]
    state: str
    count: int | None


def mentions(words: Sequence[Token], marks: Sequence[Mark]) -> list[Mention]:
    """The findings in their order; none that is said not to be there, or that is only named again."""
    names = [_named(words, marks, mark) for mark in marks if mark.kind == "lesion"]
    names += [_ordinal(words, at) for at in range(len(words) - 2)]
    names += [_elliptic(words, marks, mark) for mark in marks if mark.kind == "count"]
    kept = sorted((one for one in names if one is not None), key=lambda one: one.name)
    kept = _without_headings(kept, marks)
    ends = [one.name[0] for one in kept[1:]] + [len(words)] * bool(kept)
    return [
        msgspec.structs.replace(one, span=(0 if at == 0 else one.name[0], end))
        for at, (one, end) in enumerate(zip(kept, ends, strict=True))
    ]


def _named(words: Sequence[Token], marks: Sequence[Mark], noun: Mark) -> Mention | None:
    start = _name_start(words, marks, noun)
    if _taken_back(words, start, noun) or _named_again(words, start, noun):
        return None
    key = tuple(token.word for token in words[noun.first : noun.last])
    many = load_wording().lesions[key].many
    return Mention((start, noun.last), (0, 0), str(noun.value), _count(words, marks, start, noun, many))


def _name_start(words: Sequence[Token], marks: Sequence[Mark], noun: Mark) -> int:
    """Where the finding's name begins: numbers, sizes, places and adjectives before the noun."""
    covers = {
        at
        for mark in marks
        if mark.kind in ("size", "count", "limit") or (mark.kind == "say" and mark.field in _INSIDE)
        for at in range(mark.first, mark.last)
    }
    fillers = set(load_wording().fillers.words)
    at = noun.first
    while at > 0 and (at - 1 in covers or words[at - 1].word in fillers or words[at - 1].text == "<"):
        at -= 1
    while at < noun.first and words[at].word in ("and", "the", "colon"):
        at += 1
    return at


def _count(words: Sequence[Token], marks: Sequence[Mark], start: int, noun: Mark, many: bool) -> int | None:
    """How many: a number in the name, or “x4” right behind it or its place; else one, or unknown for many."""
    inside = [mark for mark in marks if mark.kind == "count" and start <= mark.first < noun.first]
    if inside:
        return None if inside[0].value is None else int(inside[0].value)
    behind = words[noun.last : noun.last + 5]
    for at, token in enumerate(behind[:-1]):
        number = behind[at + 1].number
        if token.word == "x" and number is not None and number == int(number):
            return int(number)
    several = set(load_wording().fillers.several)
    if any(token.word in several for token in words[start : noun.first]):
        return None
    return None if many else 1


def _taken_back(words: Sequence[Token], start: int, noun: Mark) -> bool:
    """“No polyps”, “polyps: nil”, “small lesions could have been missed”."""
    negation = load_wording().negation
    reach: list[str] = []
    for token in reversed(words[max(0, start - negation.reach) : noun.first]):
        if token.text in ".;:" or token.word in negation.stops:
            break
        reach.insert(0, token.word)
    if any(_holds(reach, phrase(one)) for one in negation.before):
        return True
    answer = [token.word for token in words[noun.last : noun.last + 2]]
    if answer[:1] == [":"] and answer[1:] and answer[1] in negation.answers:
        return True
    behind = []
    for token in words[noun.last :]:
        if token.text in ".;:," or token.word in negation.stops:
            break
        behind.append(token.word)
    return any(_holds(behind, phrase(one)) for one in negation.after)


def _named_again(words: Sequence[Token], start: int, noun: Mark) -> bool:
    """“Tattoo distal to the polyp”: nothing but such a word stands before the noun."""
    again = load_wording().negation.again
    if "representative" in {token.word for token in words[start : noun.first]}:
        return True
    return start == noun.first and start > 0 and words[start - 1].word in again


def _ordinal(words: Sequence[Token], at: int) -> Mention | None:
    """“The second is sessile”."""
    if words[at].word != "the" or words[at + 1].word not in _ORDINALS:
        return None
    behind = at + 3 if words[at + 2].word == "one" else at + 2
    if behind >= len(words) or words[behind].word not in ("is", "was"):
        return None
    return Mention((at, behind), (0, 0), "polyp", 1)


def _elliptic(words: Sequence[Token], marks: Sequence[Mark], count: Mark) -> Mention | None:
    """“…, 1 in sigmoid, 3 in rectum”: a number and a place, the noun left out."""
    at = count.last
    if at >= len(words) or words[at].word not in ("in", "at") or count.value is None:
        return None
    at += 2 if at + 1 < len(words) and words[at + 1].word == "the" else 1
    if not any(mark.first == at and mark.field in ("segment", "sub_segment") for mark in marks):
        return None
    return Mention((count.first, count.last), (0, 0), "polyp", int(count.value))


def _without_headings(kept: list[Mention], marks: Sequence[Mark]) -> list[Mention]:
    """“Small polyps, 1 in sigmoid, 3 in rectum”: what is counted by place isn't a finding of its own."""
    if len(kept) < 2 or kept[0].count is not None or kept[1].name[1] - kept[1].name[0] != 1:
        return kept
    placed = any(
        mark.field == "segment" and kept[0].name[0] <= mark.first < kept[1].name[0] for mark in marks
    )
    return kept if placed else kept[1:]


def _holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    size = len(wanted)
    return any(tuple(words[at : at + size]) == tuple(wanted) for at in range(len(words) - size + 1))
