"""Where in the colon a finding is: by its own words, by the sentence's heading, or near something."""

from __future__ import annotations

from collections.abc import Sequence

from core.text.legacy.mark import Mark
from core.text.legacy.mention import Mention
from core.text.legacy.read_field import ReadField, shown
from core.text.legacy.tokens import Token

_HEADING, _HEADINGS, _NEAR = 0.85, 0.5, 0.3
"""How sure a place is that a heading gives, one of several headings, or one that the finding is only near."""
_PREPOSITIONS = frozenset({"in", "at", "the", "of", "from", "within"})
_JOINS = frozenset({"and", ",", "&", "or", "the", "in", "colon"})


def places_of(
    words: Sequence[Token], marks: Sequence[Mark], mention: Mention, text: str
) -> list[dict[str, ReadField]]:
    """``segment`` and ``sub_segment`` of a finding; several where it lies in several places, or none."""
    places = [mark for mark in marks if mark.field == "segment" and not mark.denied]
    headings = [mark for mark in places if _is_heading(words, mark)]
    own = [mark for mark in places if mark not in headings and mention.owns(mark.first)]
    near = [mark for mark in own if _is_near(words, marks, mark)]
    at = [mark for mark in own if mark not in near]
    if at:
        return [_place(words, marks, mark, 1.0, text) for mark in _together(words, _by_name(at, mention))]
    before = [mark for mark in headings if mark.first < mention.name[0]]
    if before:
        sure = _HEADING if len(before) == 1 else _HEADINGS
        return [_place(words, marks, before[-1], sure, text)]
    return [_place(words, marks, near[0], _NEAR, text)] if near else []


def _is_heading(words: Sequence[Token], mark: Mark) -> bool:
    """“CAECUM: …”, “Caecum - 5 mm polyp”, but not “in the caecum: …”."""
    before = words[mark.first - 1].word if mark.first else ""
    sign = words[mark.last].text if mark.last < len(words) else ""
    return (sign == ":" and before not in _PREPOSITIONS) or (mark.first == 0 and sign in ("-", "–"))


def _is_near(words: Sequence[Token], marks: Sequence[Mark], mark: Mark) -> bool:
    """“… just proximal to the valve”."""
    first = mark.first
    while first > 0 and words[first - 1].word in ("the", "a"):
        first -= 1
    return any(one.kind == "relation" and one.last == first for one in marks)


def _by_name(at: Sequence[Mark], mention: Mention) -> list[Mark]:
    """Those in the finding's name come first, then those behind it, then those before it."""
    first, last = mention.name
    return sorted(at, key=lambda mark: (not first <= mark.first < last, mark.first < first, mark.first))


def _together(words: Sequence[Token], at: Sequence[Mark]) -> list[Mark]:
    """The first place, and those that “and” or a comma joins to it."""
    kept = [at[0]]
    for mark in sorted(at[1:], key=lambda one: one.first):
        between = words[kept[-1].last : mark.first]
        if mark.first > kept[-1].first and all(token.word in _JOINS for token in between):
            kept.append(mark)
    return list({str(mark.value): mark for mark in kept}.values())


def _place(
    words: Sequence[Token], marks: Sequence[Mark], mark: Mark, sure: float, text: str
) -> dict[str, ReadField]:
    said = shown(words, (mark.first, mark.last), text)
    place = {"segment": ReadField(mark.value, round(mark.sure * sure, 3), said)}
    part = next(
        (one for one in marks if one.field == "sub_segment" and one.last in (mark.first, mark.first - 1)),
        None,
    )
    if part is not None:
        said = shown(words, (part.first, part.last), text)
        place["sub_segment"] = ReadField(part.value, round(part.sure * sure, 3), said)
    return place
