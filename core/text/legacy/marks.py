"""What single words and numbers of a sentence say, before anybody asks which finding they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from core.text.legacy.tokens import Token
from core.text.legacy.wording import Phrase, load_wording
from core.text.vocabulary import load

Kind = Literal["say", "lesion", "relation", "size", "count", "distance", "limit"]
_PARIS = {"ip": "Ip", "isp": "Isp", "is": "Is", "iia": "IIa", "iib": "IIb", "iic": "IIc", "iii": "III"}
_COUNTED = 10
"""“3 x 4 mm polyps” are three of 4 mm; from so many on the first number is a diameter, too: “20 x 10 mm”."""
_UNITS = {"mm": 1.0, "cm": 10.0}
LARGEST_MM = 150
_LEAST_DISTANCE_MM = 50
_RANGE, _ABOUT, _LARGEST = 0.7, 0.85, 0.6
"""How sure a size is that is a range, about, or that of the largest of several."""


class Mark(msgspec.Struct, frozen=True):
    """Words with a meaning: tokens ``first`` to ``last`` (behind the end), what they say and how sure."""

    kind: Kind
    first: int
    last: int
    field: str = ""
    value: str | int | float | None = None
    sure: float = 0.95


def marks_of(words: Sequence[Token]) -> list[Mark]:
    """All marks of a sentence in its order; none overlap."""
    found: list[Mark] = []
    at = 0
    while at < len(words):
        mark = _paris(words, at) or _number(words, at) or _phrase(words, at)
        if mark is None:
            at += 1
        else:
            found.append(mark)
            at = mark.last
    return found


def _paris(words: Sequence[Token], at: int) -> Mark | None:
    """“Paris 0-Is”, “0-IIa+Is”, “Ip”: a class of Paris in its usual notation.

    “Is” alone is a verb: it counts behind “Paris” or “0-”.
    """
    end, named = at, False
    if words[end].word == "paris":
        end, named = end + 1, True
    if [token.text for token in words[end : end + 2]] in (["0", "-"], ["0", "–"]):
        end, named = end + 2, True
    first = _PARIS.get(words[end].word) if end < len(words) else None
    if first is None or not (named or (words[end].text == first and first not in ("Is", "III"))):
        return None
    end += 1
    if end + 1 < len(words) and words[end].text == "+":
        both = f"{first}+{_PARIS.get(words[end + 1].word)}"
        if load().by_key["paris"].value(both) is not None:
            return Mark("say", at, end + 2, "paris", both)
    return Mark("say", at, end, "paris", first)


def _phrase(words: Sequence[Token], at: int) -> Mark | None:
    """The longest known phrase that begins here."""
    wording = load_wording()
    for length in range(min(wording.longest, len(words) - at), 0, -1):
        run = words[at : at + length]
        key: Phrase = tuple(token.word for token in run)
        sure = min(token.sure for token in run)
        if key in wording.relations:
            return Mark("relation", at, at + length)
        if key in wording.lesions:
            return Mark("lesion", at, at + length, value=wording.lesions[key].state, sure=sure)
        if key in wording.phrases:
            say = wording.phrases[key]
            return Mark("say", at, at + length, say.field, say.value, say.sure * sure)
    return None


def _number(words: Sequence[Token], at: int) -> Mark | None:
    """A size, a distance, a limit such as “<5mm”, or a count that begins here."""
    word = words[at]
    if word.number is None:
        written = load_wording().numbers.get(word.word)
        return None if written is None else Mark("count", at, at + 1, value=written)
    end, value, ranged = _span(words, at)
    unit = _UNITS.get(words[end].word) if end < len(words) else None
    if unit is None:
        return None if value != int(value) else Mark("count", at, end, value=None if ranged else int(value))
    return _measure(words, at, end + 1, value * unit, ranged)


def _span(words: Sequence[Token], at: int) -> tuple[int, float, bool]:
    """A number, a range of two or two diameters: the end behind it, its value (the upper or larger one) and
    whether it is a range."""
    value = words[at].number or 0.0
    if at + 2 < len(words) and words[at + 1].text in "x×" and value >= _COUNTED:
        other = words[at + 2].number
        if other is not None:
            return at + 3, max(value, other), False
    if at + 2 < len(words) and words[at + 1].text in "-–" and words[at + 2].number is not None:
        return at + 3, words[at + 2].number or 0.0, True
    return at + 1, value, False


def _measure(words: Sequence[Token], first: int, last: int, mm: float, ranged: bool) -> Mark | None:
    before = [token.word for token in words[max(0, first - 3) : first]]
    if before[-1:] == ["<"] or before[-2:] == ["less", "than"] or before[-2:] == ["up", "to"]:
        return Mark("limit", first, last, value=mm)
    if before[-1:] == ["at"] and mm >= _LEAST_DISTANCE_MM:
        return Mark("distance", first, last, "dist_av_cm", mm / 10, 0.8)
    if not 1 <= round(mm) <= LARGEST_MM:
        return Mark("limit", first, last, value=mm)
    sure = 0.95
    if ranged:
        sure = _RANGE
    elif before[-1:] and before[-1] in ("around", "about", "approximately", "approx"):
        sure = _ABOUT
    elif {"largest", "max", "biggest"} & set(before):
        sure = _LARGEST
    return Mark("size", first, last, "size_mm", round(mm), sure)
