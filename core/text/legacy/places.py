"""Where in the colon a finding is: by its own words, by the sentence's heading, or near something."""

from __future__ import annotations

from collections.abc import Sequence

from core.text.legacy.mark import Mark
from core.text.legacy.mention import Mention
from core.text.legacy.read_field import ReadField, shown
from core.text.legacy.tokens import Token

_HEADING, _HEADINGS, _NEAR = 0.85, 0.5, 0.3
_BETWEEN = 0.5
"""How sure a place is that a heading gives, one of several headings, or one that the finding is only near."""
_CALLED = frozenset({"polyp", "polyps", "lesion", "adenoma", "mm", "cm", "lst", "ssl"})
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
    at = [mark for mark in own if mark not in near and not _passed_through(words, mark)]
    beside = [mark for mark in headings if mark.last + 1 == mention.name[0]]
    if beside and not any(mention.name[0] <= mark.first < mention.name[1] for mark in at):
        return [_place(words, marks, beside[-1], _HEADING, text)]
    if at:
        kept = _together(words, marks, _by_name(at, mention))
        if len(kept) > 1 and _is_between(words, kept[0]):
            return [_place(words, marks, kept[0], _BETWEEN, text)]
        return [_place(words, marks, mark, 1.0, text) for mark in kept]
    before = [mark for mark in headings if mark.first < mention.name[0]]
    if before:
        sure = _HEADING if len(before) == 1 else _HEADINGS
        return [_place(words, marks, before[-1], sure, text)]
    return [_place(words, marks, near[0], _NEAR, text)] if near else []


def heading_of(words: Sequence[Token], marks: Sequence[Mark], text: str) -> dict[str, ReadField] | None:
    """The place that a sentence begins with: “Sigmoid colon: …”, or that is all of it: “SIGMOID”."""
    first = next((mark for mark in marks if mark.field == "segment"), None)
    if first is None or any(mark.first < first.first and mark.field != "sub_segment" for mark in marks):
        return None
    start = min([first.first, *(mark.first for mark in marks if mark.field == "sub_segment")])
    behind = [token for token in words[first.last :] if token.word not in ("colon", ":", "-", "–", ".")]
    if start > 1 or (behind and not _is_heading(words, first)):
        return None
    return _place(words, marks, first, 1.0, text)


def _is_heading(words: Sequence[Token], mark: Mark) -> bool:
    """“CAECUM: …”, “Caecum - 5 mm polyp”, but not “in the caecum: …”."""
    before = words[mark.first - 1].word if mark.first else ""
    if mark.first > 1 and before in _CALLED:  # “12 mm polyp sigmoid: planned for …”
        return False
    sign = words[mark.last].text if mark.last < len(words) else ""
    return (sign == ":" and before not in _PREPOSITIONS) or (mark.first == 0 and sign in ("-", "–"))


def _is_between(words: Sequence[Token], mark: Mark) -> bool:
    """“Between sigmoid and descending colon”, “at the junction of the ascending colon and caecum”."""
    return not {"between", "junction"}.isdisjoint(
        one.word for one in words[max(0, mark.first - 4) : mark.first]
    )


def _passed_through(words: Sequence[Token], mark: Mark) -> bool:
    """“Biopsies from caecum to rectum”, “advanced to the caecum”."""
    before = [token.word for token in words[max(0, mark.first - 2) : mark.first]]
    behind = [token.word for token in words[mark.last : mark.last + 1]]
    return before[-1:] == ["to"] or before == ["to", "the"] or (before[-1:] == ["from"] and behind == ["to"])


def _is_near(words: Sequence[Token], marks: Sequence[Mark], mark: Mark) -> bool:
    """“… just proximal to the valve”, “2 cm from the valve”."""
    first = mark.first
    while first > 0 and words[first - 1].word in ("the", "a"):
        first -= 1
    away = first > 0 and words[first - 1].word in ("from", "above", "below", "past", "beyond")
    measured = any(one.kind == "distance" and one.last == first - 1 for one in marks)
    return (away and measured) or any(one.kind == "relation" and one.last == first for one in marks)


def _by_name(at: Sequence[Mark], mention: Mention) -> list[Mark]:
    """Those in the finding's name come first, then those behind it, then those before it."""
    first, last = mention.name
    return sorted(at, key=lambda mark: (not first <= mark.first < last, mark.first < first, mark.first))


def _together(words: Sequence[Token], marks: Sequence[Mark], at: Sequence[Mark]) -> list[Mark]:
    """The first place, and those that “and” or a comma joins to it: “transverse & distal descending”."""
    parts = {place for mark in marks if mark.field == "sub_segment" for place in range(mark.first, mark.last)}
    kept = [at[0]]
    for mark in sorted(at[1:], key=lambda one: one.first):
        between = [words[at] for at in range(kept[-1].last, mark.first) if at not in parts]
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
