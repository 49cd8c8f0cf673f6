"""Which findings a sentence names, and which of its words belong to each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from core.text.legacy.denied import taken_back
from core.text.legacy.ellipsis import ellipses, pairs, without_headings
from core.text.legacy.leading import leading
from core.text.legacy.mark import Mark
from core.text.legacy.mention import OF_TWO, ORDINALS, Mention
from core.text.legacy.nouns import called, name_start, nouns, overlap
from core.text.legacy.tokens import Token
from core.text.legacy.wording import load_wording

_DEFINITE = frozenset({"the", "this", "that", "these", "those"})


def mentions(words: Sequence[Token], marks: Sequence[Mark]) -> list[Mention]:
    """The findings in their order; none that is said not to be there, or that is only named again."""
    named = [_named(words, marks, mark) for mark in nouns(marks)]
    named += [each for one in named if one is not None for each in leading(words, marks, one)]
    named += [_ordinal(words, at) for at in range(len(words) - 2)]
    names = [(name_start(words, marks, noun), noun.last) for noun in nouns(marks)]
    left_out = ellipses(words, marks) if names else pairs(words, marks)
    named += [one for one in left_out if not any(overlap(one.name, name) for name in names)]
    kept = sorted((one for one in named if one is not None), key=lambda one: one.name)
    kept = _without_appositions(words, marks, kept)
    kept = _without_old_ones(words, without_headings(kept, marks))
    ends = [_lead_in(words, marks, *pair) for pair in itertools.pairwise(kept)] + [len(words)] * bool(kept)
    starts = [0, *ends[:-1]]
    whole = [
        msgspec.structs.replace(one, span=span)
        for one, span in zip(kept, zip(starts, ends, strict=False), strict=False)
    ]
    return [_with_shared(one, whole[at + 1 :]) if one.shares else one for at, one in enumerate(whole)]


def _lead_in(words: Sequence[Token], marks: Sequence[Mark], before: Mention, one: Mention) -> int:
    """Where what is said of a finding begins: at its name, or at “and in the ascending colon” before that,
    where the one before it has a place of its own.
    """
    start = one.name[0]
    place = next((mark for mark in marks if mark.field == "segment" and mark.last == start), None)
    others = [mark for mark in marks if mark.field == "segment" and before.name[0] <= mark.first < start]
    if place is None or len(others) < 2:
        return start
    first = place.first
    while first and words[first - 1].word in ("the", "proximal", "mid", "distal"):
        first -= 1
    told = [token.word for token in words[max(0, first - 2) : first]]
    return first - 1 if told[-1:] == ["in"] and told[0] in ("and", ",", ";") else start


def _with_shared(one: Mention, following: Sequence[Mention]) -> Mention:
    """The finding with what is said behind the noun that it has in common with a later one."""
    bearer = next((each for each in following if not each.shares), None)
    return one if bearer is None else msgspec.structs.replace(one, inherits=(bearer.name[1], bearer.span[1]))


def absent(words: Sequence[Token], marks: Sequence[Mark]) -> list[Mark]:
    """The marks that call something a finding that isn't there."""
    return [noun for noun in nouns(marks) if taken_back(words, name_start(words, marks, noun), noun)]


def _named(words: Sequence[Token], marks: Sequence[Mark], noun: Mark) -> Mention | None:
    start, lesion = name_start(words, marks, noun), called(words, noun)
    if taken_back(words, start, noun) or _named_again(words, start, noun) or compound(words, noun):
        return None
    if any(mark.kind == "relation" and mark.last == start for mark in marks):  # “next to lesion”
        return None
    again = bool(start) and words[start - 1].word in _DEFINITE
    count = _count(words, marks, start, noun, lesion.many)
    places = [at for at in (start - 2, start - 1) if at >= 0]
    nth = next((one for one in (_nth(words, at) for at in places) if one is not None), None)
    return Mention(
        (start, noun.last), str(noun.value), count, says=lesion.says, of=lesion.of, again=again, nth=nth
    )


def _count(words: Sequence[Token], marks: Sequence[Mark], start: int, noun: Mark, many: bool) -> int | None:
    """How many: a number in the name, or “x4” right behind it or its place; else one, or unknown for many."""
    inside = [mark for mark in marks if mark.kind == "count" and start <= mark.first < noun.first]
    if inside:
        return None if inside[0].value is None else int(inside[0].value)
    behind = words[noun.last : noun.last + 7]
    sized = {at for mark in marks if mark.kind == "size" for at in range(mark.first, mark.last)}
    for at, token in enumerate(behind[:-1]):
        number = behind[at + 1].number if noun.last + at not in sized else None
        if token.word == "x" and number is not None and number == int(number):
            return int(number)
    several = set(load_wording().fillers.several)
    if any(token.word in several for token in words[start : noun.first]):
        return None
    return None if many else 1


def compound(words: Sequence[Token], noun: Mark) -> bool:
    """“Polyp surveillance”, “vascular lesion”: the finding is only part of another word."""
    negation = load_wording().negation
    if noun.first and words[noun.first - 1].word in negation.kinds:
        return True
    return noun.last < len(words) and words[noun.last].word in negation.compounds


def _named_again(words: Sequence[Token], start: int, noun: Mark) -> bool:
    """“Tattoo distal to the polyp”: nothing but such a word stands before the noun."""
    again = load_wording().negation.again
    if "representative" in {token.word for token in words[start : noun.first]}:
        return True
    return start == noun.first and start > 0 and words[start - 1].word in again


def _without_appositions(
    words: Sequence[Token], marks: Sequence[Mark], kept: Sequence[Mention]
) -> list[Mention]:
    """“8 mm lesion in the caecum, suspected SSL”: the second says what the first one looks like, or names
    it again: “…, polyp not retrieved”."""
    looks = load_wording().fillers.looks
    found: list[Mention] = []
    for at, one in enumerate(kept):
        start = one.name[0]
        end = kept[at + 1].name[0] if at + 1 < len(kept) else len(words)
        bare = one.name[1] - start == 1 and not any(
            start <= mark.first < end and (mark.kind == "size" or mark.field == "segment") for mark in marks
        )
        while start and words[start - 1].word in ("a", "an", ":", "(", "-", "–"):
            start -= 1
        told = {token.word for token in words[max(0, start - 2) : one.name[0] + 1]}
        told |= {token.word for token in words[one.name[1] : one.name[1] + 1]}
        again = bare and start == one.name[0] and start > 0 and words[start - 1].text == ","
        if found and one.count == 1 and not one.elliptic and (again or not told.isdisjoint(looks)):
            found[-1] = msgspec.structs.replace(found[-1], says={**one.says, **found[-1].says})
        else:
            found.append(one)
    return found


def _ordinal(words: Sequence[Token], at: int) -> Mention | None:
    """“The second is sessile”, “the larger by EMR”; not “the first removed”, “the larger of which …”."""
    if words[at].word != "the" or words[at + 1].word not in (*ORDINALS, "other", *OF_TWO):
        return None
    behind = at + 3 if words[at + 2].word == "one" else at + 2
    verbs = ("is", "was", ",", "by", "with") if words[at + 1].word in OF_TWO else ("is", "was")
    if behind >= len(words) or words[behind].word not in verbs:
        return None
    return Mention((at, behind), "polyp", 1, nth=_nth(words, at), part=words[at + 1].word in OF_TWO)


def _nth(words: Sequence[Token], at: int) -> int | None:
    """Which one “the second” that begins here is, from 0; None for “the other”."""
    if words[at].word != "the":
        return None
    word = words[at + 1].word
    return ORDINALS.index(word) if word in ORDINALS else OF_TWO.get(word)


def _without_old_ones(words: Sequence[Token], kept: list[Mention]) -> list[Mention]:
    """“Scar of the 20 mm polyp”: what was there before is no finding; “scar with recurrence” is one."""
    found: list[Mention] = []
    for one in kept:
        before = found[-1] if found else None
        if before is not None and _of_a_year(words, one):
            found[-1] = msgspec.structs.replace(before, past=one.name)
            continue
        if before is not None and before.of and not _stopped(words, before.name[1], one.name[0]):
            found[-1] = msgspec.structs.replace(before, of=False, past=(before.name[1], one.name[1]))
        elif before is not None and before.state == "recurrence at scar" and one.state == "scar":
            continue  # “adenomatous tissue at a scar”
        elif before is not None and before.state == one.state == "scar" and _with(words, one.name[0]):
            continue  # “previous polypectomy site with a scar”
        elif before is not None and before.state == "scar" and one.state == "recurrence at scar":
            found[-1] = msgspec.structs.replace(one, name=(before.name[0], one.name[1]))
        else:
            found.append(one)
    return found


def _of_a_year(words: Sequence[Token], one: Mention) -> bool:
    """“Scar in the caecum (12 mm SSL 2021)”."""
    inside = [token.text for token in words[one.name[0] - 1 : one.name[1] + 2]]
    return inside[:1] == ["("] and inside[-1:] == [")"] and inside[-2].isdigit() and len(inside[-2]) == 4


def _with(words: Sequence[Token], at: int) -> bool:
    return bool({"with", "showing", "as"} & {token.word for token in words[max(0, at - 3) : at]})


def _stopped(words: Sequence[Token], first: int, last: int) -> bool:
    return any(token.text in ".;:" for token in words[first:last])
