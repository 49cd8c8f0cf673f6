"""Numbers of a sentence: sizes, ranges, limits, distances and counts."""

from __future__ import annotations

from collections.abc import Sequence

from core.text.legacy.mark import Mark
from core.text.legacy.tokens import Token
from core.text.legacy.wording import load_wording

UNITS = {
    "mm": 1.0, "mms": 1.0, "millimetre": 1.0, "millimetres": 1.0, "millimeter": 1.0, "millimeters": 1.0,
    "cm": 10.0, "cms": 10.0, "centimetre": 10.0, "centimetres": 10.0, "centimeter": 10.0, "centimeters": 10.0,
    "inch": 25.4, "inches": 25.4,
}  # fmt: skip
ARTICLES = frozenset({"a", "an"})
_FRACTIONS, _FINEST = frozenset({"cm", "centimetre", "centimeter", "inch"}), 4
"""“1/2 cm”, “3/4 inch”; “4/5 mm” is none."""
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80}
_NUMBERED = frozenset({"#", "no", "nr", "number", "pot", "jar", "specimen"})
"""“Polyp #2”, “pot 3”."""
_TIMES = frozenset({"x", "×", "*", "by"})
_MEASURES = frozenset({"measured", "measuring", "measures", "size", "sized", "diameter"})
LARGEST_MM = 150
_COUNTED = 10
"""“3 x 4 mm polyps” are three of 4 mm; from so many on the first number is a diameter, too: “20 x 10 mm”."""
_MOST_COUNTED = 50
"""A larger number is no count: a year, a time, a number of minutes."""
_LEAST_DISTANCE_MM = 50
_RANGE, _ABOUT, _LARGEST = 0.7, 0.85, 0.6
"""How sure a size is that is a range, about, or that of the largest of several."""
_NEARLY = frozenset({"around", "about", "approximately", "approx", "circa", "ca", "roughly", "~"})
_BELOW = ("<", "≤", "less than", "up to", "under", "smaller than", "below", "at most")
_ABOVE = (">", "≥", "more than", "over", "larger than", "bigger than", "greater than", "above", "at least")
_OR_BELOW, _OR_ABOVE = ("or less", "or smaller"), ("or more", "or larger", "or greater", "or above")
_VERGE = (("anal",), ("the", "anal"), ("anus",), ("the", "anus"), ("av",), ("dentate",), ("the", "dentate"))
_AWAY = (
    ("above",), ("below",), ("away",), ("proximal", "to"), ("distal", "to"), ("beyond",), ("past",),
    ("distally",), ("proximally",), ("downstream",), ("upstream",), ("opposite",),
)  # fmt: skip
_OF_SOMETHING_ELSE = frozenset(
    {"stalk", "pedicle", "margin", "snare", "forceps", "clip", "clips", "scope", "tattoo", "cap"}
)
"""“A 2 cm stalk” says nothing of the head."""
_TOOLS = frozenset(
    {"snare", "forceps", "cap", "balloon", "needle", "loop", "endoloop", "clip", "knife", "net"}
)
_BY_MEANS_OF = frozenset({"with", "using", "by", "via"})
_EXTENT = frozenset({"extending", "extends", "extended", "stalk", "pedicle", "margin", "tattoo", "clip"})
"""What stands before a number that is no size: “extending 3 cm into …”, “stalk of 10 mm”."""
_UNIT_BEFORE = [["(", unit, ")", ":"] for unit in ("mm", "cm")]
"""“Size (mm): 6”."""
_LEAST_FROM_MM = 20
"""“2 cm from the valve” is a distance, “polyp of 8 mm from the caecum” a size."""


def measure_at(words: Sequence[Token], at: int) -> Mark | None:
    """A size, a distance, a limit such as “<5mm”, or a count that begins here."""
    value, more = _value(words, at)
    if value is None:
        return None
    end, value, low = _span(words, at + more, value)
    unit, behind = _unit(words, end) if words[at].word not in ARTICLES else (None, end)
    if unit is None and [token.word for token in words[max(0, at - 4) : at]] in _UNIT_BEFORE:
        unit, behind = UNITS[words[at - 3].word], end
    if unit is None:
        shared = _listed(words, at)
        if shared is None:
            return _count(words, at, end, value, low is not None)
        unit, behind = shared, end
    return _measure(words, at, behind, value * unit, None if low is None else low * unit)


def _value(words: Sequence[Token], at: int) -> tuple[float | None, int]:
    """The number that begins here, and how many more words it takes: “thirty-five”, “half a centimetre”."""
    token, following = words[at], words[at + 1] if at + 1 < len(words) else None
    if token.number is not None:
        parts = [one.number for one in words[at : at + 3] if one.number is not None]
        unit = words[at + 3].word if at + 3 < len(words) else ""
        if words[at + 1 : at + 2] and words[at + 1].text == "/" and len(parts) == 2 and unit in _FRACTIONS:
            return (parts[0] / parts[1], 2) if 0 < parts[0] < parts[1] <= _FINEST else (token.number, 0)
        return token.number, 0
    if token.word == "half":
        article = following is not None and following.word in ARTICLES
        unit = words[at + 1 + article].word if at + 1 + article < len(words) else ""
        return (0.5, int(article)) if unit in UNITS else (None, 0)
    if token.word not in _TENS:
        return load_wording().numbers.get(token.word), 0
    ones = load_wording().numbers.get(following.word, 0) if following is not None else 0
    more = 0 < ones < 10 and following is not None and following.word not in (*ARTICLES, "single")
    return _TENS[token.word] + ones * more, int(more)


def _unit(words: Sequence[Token], at: int) -> tuple[float | None, int]:
    """The unit that stands here, also behind a hyphen (“5-mm”), in mm, and the end behind it."""
    if at + 1 < len(words) and words[at].text in "-–":
        at += 1
    unit = UNITS.get(words[at].word) if at < len(words) else None
    return unit, at + 1


def _span(words: Sequence[Token], at: int, value: float) -> tuple[int, float, float | None]:
    """A number, a range of two, or diameters: the end behind it, its value (the upper or larger one) and a
    range's lower end."""
    if at + 2 >= len(words):
        return at + 1, value, None
    sign, other = words[at + 1], words[at + 2].number
    if sign.word in _TIMES and other is not None and _diameters(words, at, value, other):
        end = at + 3
        third = end + 1 < len(words) and words[end].word in _TIMES and words[end + 1].number is not None
        return end + 2 * third, max(value, other), None
    ranged = sign.text in "-–" or sign.word == "to" or (at > 0 and words[at - 1].word == "between")
    if ranged and other is not None and other > value:
        return at + 3, other, value
    if sign.word == "to" and other is not None and 0 < other < value:  # “10 to 5 mm”
        return at + 3, value, other
    return _with_units(words, at, value)


def _with_units(words: Sequence[Token], at: int, value: float) -> tuple[int, float, float | None]:
    """“3 mm - 5 mm”, “20 mm x 30 mm”, as :func:`_span`."""
    unit, behind = _unit(words, at + 1)
    if unit is not None and behind + 1 < len(words):
        upper, other_unit = words[behind + 1].number, _unit(words, behind + 2)[0]
        low = value * unit / (other_unit or 1)
        if upper is not None and other_unit is not None:
            if words[behind].word in ("-", "–", "to") and upper > low:
                return behind + 2, upper, low
            if words[behind].word in _TIMES:
                return behind + 2, max(upper, low), None
    return at + 1, value, None


def _diameters(words: Sequence[Token], at: int, value: float, other: float) -> bool:
    """Whether “7 x 5 mm” are two diameters: “5 x 3 mm polyps” are five."""
    before = words[at - 1].word if at else ""
    if value >= _COUNTED or value != int(value) or before in ARTICLES or before in _MEASURES:
        return True
    lesions = load_wording().lesions
    named = [lesions[(token.word,)] for token in words[at + 3 : at + 8] if (token.word,) in lesions]
    return value > other and not any(one.many for one in named)


def _listed(words: Sequence[Token], at: int) -> float | None:
    """The unit that stands once behind several sizes, “3, 5 and 8 mm”; without “and” they aren't taken for
    sizes: “polyps x 2, 5 mm”."""
    joined, end = False, at + 1
    while end + 1 < len(words) and words[end].word in (",", "and", "&", "+") and words[end + 1].number:
        joined |= words[end].word != ","
        end += 2
    if not joined or (at and words[at - 1].word == "at"):
        return None
    return _unit(words, end)[0]


def _count(words: Sequence[Token], at: int, end: int, value: float, ranged: bool) -> Mark | None:
    numbered = at > 0 and words[at - 1].word in _NUMBERED
    if value != int(value) or value > _MOST_COUNTED or numbered:
        return None
    return Mark("count", at, end, value=None if ranged else int(value))


def _measure(words: Sequence[Token], first: int, last: int, mm: float, low: float | None) -> Mark:
    before = [token.word for token in words[max(0, first - 3) : first]]
    behind = [token.word for token in words[last : last + 3]]
    if _stands_at(words[last - 1].word, before, mm):
        return Mark("distance", first, last, "dist_av_cm", mm / 10, 0.8)
    if behind[:2] == ["ab", "ano"] or any(_begins(behind, ("from", *verge)) for verge in _VERGE):
        return Mark("distance", first, last, "dist_av_cm", round(mm / 10, 1), 0.95)
    limit = _limit(before, behind)
    if limit is not None:
        strict = before[-1:] not in (["≤"], ["≥"]) and before[-1:] not in (["least"], ["most"], ["to"])
        strict = strict and behind[:1] != ["or"]
        return Mark("above" if limit else "below", first, last, value=mm + (strict if limit else -strict))
    away = any(_begins(behind, one) for one in _AWAY) or (mm >= _LEAST_FROM_MM and behind[:1] == ["from"])
    away = away or not _OF_SOMETHING_ELSE.isdisjoint(behind[:1]) or _of_a_tool(before, behind)
    if away or not 1 <= round(mm) <= LARGEST_MM:
        return Mark("distance", first, last)  # nothing that a field could hold
    return Mark(
        "size", first, last, "size_mm", round(mm), _sure(before, low), None if low is None else round(low)
    )


def _of_a_tool(before: Sequence[str], behind: Sequence[str]) -> bool:
    """“With a 10 mm cold snare”, “stalk of 10 mm”, “tattoo 3 cm distal.”"""
    told = [word for word in before if word not in ("a", "an", "of", "the", ":", "is", "was")]
    if not _TOOLS.isdisjoint(behind) and told[-1:] and told[-1] in _BY_MEANS_OF:
        return True
    if told[-1:] and told[-1] in _EXTENT:
        return True
    return behind[:1] in (["distal"], ["proximal"]) and not any(word.isalpha() for word in behind[1:2])


def _stands_at(unit: str, before: Sequence[str], mm: float) -> bool:
    """“At 20 cm”, “@ 3 cm”: from the anal verge, unless a size is estimated at so much."""
    if before[-1:] not in (["at"], ["@"]) or before[-2:-1] in (["measured"], ["estimated"], ["sized"]):
        return False
    return mm >= _LEAST_DISTANCE_MM or UNITS[unit] == UNITS["cm"]


def _limit(before: Sequence[str], behind: Sequence[str]) -> bool | None:
    """Whether the number is a lower limit; None where it is none: “bigger than a 10 mm polyp” is one."""
    if before[-2:-1] == ["than"] and before[-1] in ARTICLES:
        before = before[:-1]
    for upper, in_front, at_end in ((False, _BELOW, _OR_BELOW), (True, _ABOVE, _OR_ABOVE)):
        if any(_ends(before, tuple(one.split())) for one in in_front):
            return upper
        if any(_begins(behind, tuple(one.split())) for one in at_end):
            return upper
    return None


def _sure(before: Sequence[str], low: float | None) -> float:
    if low is not None:
        return _RANGE
    if before[-1:] and before[-1] in _NEARLY:
        return _ABOUT
    return _LARGEST if {"largest", "max", "biggest"} & set(before) else 0.95


def _begins(words: Sequence[str], wanted: Sequence[str]) -> bool:
    return tuple(words[: len(wanted)]) == tuple(wanted)


def _ends(words: Sequence[str], wanted: Sequence[str]) -> bool:
    return tuple(words[-len(wanted) :]) == tuple(wanted)
