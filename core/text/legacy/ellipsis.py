"""Findings whose noun is left out: “1 in sigmoid, 3 in rectum”, “5 mm polyp in sigmoid, 7 mm in rectum”."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from core.text.legacy.former import is_now
from core.text.legacy.mark import Mark
from core.text.legacy.measures import ARTICLES
from core.text.legacy.mention import Mention
from core.text.legacy.nouns import called, nouns, overlap
from core.text.legacy.others import FORM, others
from core.text.legacy.tokens import Token

_PLACE = ("segment", "sub_segment")
_PART_WORDS = frozenset({"one", "other", "another", "first", "second", "third"})
_MOST = 20


def ellipses(words: Sequence[Token], marks: Sequence[Mark]) -> list[Mention]:
    """Those of a sentence: a number, a size or both, and a place, behind a noun that they share."""
    named = nouns(marks)
    found: list[Mention] = []
    for place, mark in enumerate(marks):
        if mark.kind not in ("count", "size") or (found and mark.first < found[-1].name[1]):
            continue
        if mark.first and words[mark.first - 1].word == "x":  # “polyp 5 mm x 2 in sigmoid”
            continue
        if mark.denied or is_now(words, mark):
            continue
        noun = next((one for one in reversed(named) if one.last <= mark.first), None)
        made = _by_number(words, marks, place) if noun is not None else None
        if made is None or noun is None:
            continue
        if made.count is None and not _other_size(words, marks, noun, mark):
            continue
        state = str(noun.value)
        found.append(msgspec.structs.replace(made, state=state, count=made.count or 1))
    for one in others(words, marks, str(named[0].value)) if named else ():
        if named[0].last <= one.name[0]:
            found = _merged(found, one)
    many = [noun for noun in named if called(words, noun).many]
    if many:
        behind = [*_behind_place(words, marks), *pairs(words, marks), *_parts(words, marks)]
        for one in (each for each in behind if each.name[0] >= many[0].last):
            if not any(overlap(one.name, known.name) for known in found):
                found.append(msgspec.structs.replace(one, state=str(many[0].value)))
    return sorted(found, key=lambda one: one.name)


def _merged(found: Sequence[Mention], one: Mention) -> list[Mention]:
    """With one more, which is the same as those whose names share a word with its own."""
    same = [each for each in found if overlap(each.name, one.name)]
    first, last = zip(one.name, *(each.name for each in same), strict=True)
    kept = [each for each in found if each not in same]
    return [*kept, msgspec.structs.replace(same[0] if same else one, name=(min(first), max(last)))]


def without_headings(kept: list[Mention], marks: Sequence[Mark]) -> list[Mention]:
    """“Small polyps, 1 in sigmoid, 3 in rectum”: what is counted by place isn't a finding of its own."""
    if len(kept) < 2 or kept[0].elliptic:
        return kept
    # “Two polyps were removed: a 5 mm polyp in … and a 10 mm polyp in …” names them, too.
    head, following = kept[0], _run(kept) if kept[1].elliptic else kept[1:]
    counted = sum(one.count or 1 for one in following)
    if not kept[1].elliptic and head.count != counted:
        return kept
    if head.count is not None and (head.count == 1 or head.count != counted):
        return kept
    if all(one.part for one in following):  # “two polyps in the sigmoid: one 4 mm, the other 12 mm”
        shared = [msgspec.structs.replace(one, inherits=(0, kept[1].name[0])) for one in following]
        return [*shared, *kept[1 + len(following) :]]
    own = [mark for mark in marks if head.name[0] <= mark.first < kept[1].name[0]]
    if any(mark.field == "segment" or (mark.kind == "size" and head.count is None) for mark in own):
        return kept
    shared = [msgspec.structs.replace(one, inherits=head.name) for one in following]
    return [*shared, *kept[1 + len(following) :]]


def _run(kept: Sequence[Mention]) -> list[Mention]:
    """The elliptic ones right behind the first."""
    run: list[Mention] = []
    for one in kept[1:]:
        if not one.elliptic:
            break
        run.append(one)
    return run


def _by_number(words: Sequence[Token], marks: Sequence[Mark], place: int) -> Mention | None:
    """“1 in sigmoid”, “2 x 3 mm caecum”, “7 mm sessile in the rectum”; no count where only a size is said."""
    first = marks[place]
    end, count, sized = first.last, None, first.kind == "size"
    if first.kind == "count":
        count = int(first.value) if first.value is not None else None
        if count is None:
            return None
        end += end < len(words) and words[end].word == "x"
        size = next((mark for mark in marks if mark.kind == "size" and mark.first == end), None)
        sized, end = size is not None, size.last if size is not None else end
    if words[first.first].word not in ARTICLES:  # “on a long stalk in sigmoid”
        end = _behind(marks, end, FORM)
    bare = end
    end += end < len(words) and words[end].word in ("in", "at")
    if not sized and end == bare and words[first.first].word in ARTICLES:
        return None
    end += end < len(words) and words[end].word == "the"
    last = _behind(marks, end, _PLACE)
    return None if last == end else Mention((first.first, last), "polyp", count, elliptic=True)


def pairs(words: Sequence[Token], marks: Sequence[Mark]) -> list[Mention]:
    """“Caecum (4 mm), ascending 6 mm”: from two places on with a size right behind each."""
    found: list[Mention] = []
    for mark, size in itertools.pairwise(marks):
        between = [token.text for token in words[mark.last : size.first]]
        if mark.field == "segment" and size.kind == "size" and between in ([], ["("], [":"], ["-"]):
            end, count = _times(words, size.last)
            found.append(Mention((mark.first, end), "polyp", count, elliptic=True))
    return found if len(found) > 1 else []


def _times(words: Sequence[Token], at: int) -> tuple[int, int]:
    """Behind “x 3”, and how many: 1 where that doesn't stand here."""
    told = words[at : at + 2]
    if len(told) < 2 or told[0].text not in ("x", "X", "×") or not told[1].text.isdigit():
        return at, 1
    return at + 2, int(told[1].text)


def _parts(words: Sequence[Token], marks: Sequence[Mark]) -> list[Mention]:
    """“One 4 mm, …, the other 12 mm”: from two on."""
    found: list[Mention] = []
    for at, token in enumerate(words):
        if token.word not in _PART_WORDS:
            continue
        end = _behind(marks, at + 1, FORM)
        while end < len(words) and words[end].word in ("of", "was", "measuring", "is"):
            end += 1
        size = next((mark for mark in marks if mark.kind == "size" and mark.first == end), None)
        if size is not None:
            found.append(Mention((at, size.last), "polyp", 1, elliptic=True, part=True))
    return found if len(found) > 1 else []


def _behind_place(words: Sequence[Token], marks: Sequence[Mark]) -> list[Mention]:
    """“Polyps: caecum x2, sigmoid (3)”: from two such places on."""
    found: list[Mention] = []
    for mark in marks:
        behind = [token.text for token in words[mark.last : mark.last + 3]]
        number = behind[1] if behind[:1] in (["x"], ["X"], ["×"], ["("]) and len(behind) > 1 else ""
        closed = behind[0] != "(" or behind[2:] == [")"] if number else False
        if mark.field == "segment" and number.isdigit() and closed and 0 < int(number) <= _MOST:
            found.append(Mention((mark.first, mark.last + 2), "polyp", int(number), elliptic=True))
    return found if len(found) > 1 else []


def _behind(marks: Sequence[Mark], at: int, fields: Sequence[str]) -> int:
    """The end of the marks of these fields that follow each other from ``at`` on."""
    for mark in marks:
        if mark.first == at and mark.field in fields:
            at = mark.last
    return at


def _other_size(words: Sequence[Token], marks: Sequence[Mark], noun: Mark, size: Mark) -> bool:
    """Whether the noun has a size already, or several such sizes follow it."""
    sizes = [mark for mark in marks if mark.kind == "size" and mark is not size]
    if any(_joined(words, mark.last, size.first) for mark in sizes):  # “4 mm and 6 mm in the sigmoid”
        return False
    before = any(_in_name(words, mark, noun) or noun.last <= mark.first < size.first for mark in sizes)
    return before or (called(words, noun).many and any(mark.first > size.first for mark in sizes))


def _in_name(words: Sequence[Token], size: Mark, noun: Mark) -> bool:
    between = words[size.last : noun.first]
    return size.last <= noun.first and len(between) <= 2 and all(token.word != "and" for token in between)


def _joined(words: Sequence[Token], first: int, last: int) -> bool:
    return first < last and all(token.text in ",&+/" or token.word == "and" for token in words[first:last])
