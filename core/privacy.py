"""Finds what may identify somebody in free text: names, dates, record numbers, telephone numbers, e-mail.

Patterns and word lists (``resources/vocabularies/privacy.toml``), no statistics: the same text always gives
the same answer, and nothing leaves the machine. It warns the person who types and guards the text that the
model reads; it can't prove that a text is free of identity.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Literal

import msgspec

from core.text.dates import find_dates
from core.text.identity import alternatives, words
from core.text.names import find_names

Kind = Literal["email", "date", "phone", "record", "name"]
KINDS: dict[Kind, str] = {
    "name": "a name", "record": "a record number", "date": "a date", "phone": "a telephone number",
    "email": "an e-mail address",
}  # fmt: skip
"""Each kind in words."""
_ORDER: tuple[Kind, ...] = ("email", "date", "phone", "record", "name")
Span = tuple[int, int]

_DASHES = dict.fromkeys("‐‑‒–—―−﹣－", "-") | dict.fromkeys("⁄∕／", "/") | dict.fromkeys("․。．", ".")
_EMAIL = re.compile(
    r"[\w.+-]+\s?(?:@|\(at\)|\[at\])\s?[\w-]+(?:\.[\w-]+)+|(?:https?://|www\.)\S+", re.IGNORECASE
)
_PHONES = (
    r"(?<![\w+])\+\s?\d{1,3}(?:[\s./-]?\(?\d{1,4}\)?){2,6}(?!\d)",
    r"(?<![\w.,])0\d{1,4}(?:[\s/-]{1,3}\d{2,4}){2,4}(?![\d/-])",
    r"(?<![\w.,])\(\d{2,5}\)[\s-]?\d{3,4}[\s-]?\d{2,4}(?!\d)",
    r"(?<![\w.,-])\d{3}[-.]\d{3}[-.]\d{4}(?![\d-])",
)
_UNIT = r"(?!\s*(?:mm|cm|ml|mg|units?|iu)\b)"
_RECORDS = (
    rf"(?<![\w.,:])\d{{6,}}(?!\w){_UNIT}",
    r"(?<![\w.,])\d{3}[ -]\d{3}[ -]\d{4}(?!\w)",
    r"(?<![\w.,])\d{1,3}(?:[ .]\d{3}){2,}(?!\w)",
    r"(?<![\w-])[A-Z]{1,3}-?\d{2}[-./]\d{2,}(?!\w)",
    r"(?<![\w.,])\d{3}\.\d{4}\.\d{4}\.\d{2}(?!\w)",
    r"(?<![\w.,-])\d{3}-\d{2}-\d{4}(?![\w-])",
    r"(?<![\w-])[A-Z]{1,4}[-/]?\d{5,}[A-Z]?(?!\w)",
    r"(?<![\w-])[A-Z]{1,3}[-/]?\d{2,4}[-/]\d{3,}(?!\w)",
    r"(?<![\w-])\d{5,}[A-Z]{1,2}(?!\w)",
    r"(?<![\w-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?!\w)",
)
_STRICT_RECORDS = (
    rf"(?<![\w.,:])\d{{4,}}(?!\w){_UNIT}",
    r"(?<!\w)(?=\w*[^\W\d_])(?=\w*\d{3})\w{4,}(?!\w)(?<!mm)(?<!cm)",
    r"(?<![\w-])\d{2,}(?:-\d{2,}){2,}(?!\w)",
)


class Suspicion(msgspec.Struct, frozen=True):
    """A stretch ``text[start:end]`` that may identify somebody, in characters of the scanned text."""

    start: int
    end: int
    kind: Kind
    text: str


def scan(text: str, strict: bool = False) -> list[Suspicion]:
    """Looks for what may identify somebody.

    Args:
        text: free text of any length, as typed.
        strict: for texts that leave the person's hands: also bare years, times, ages, unknown capitalised
            words and common names in lower case. More false alarms, fewer leaks.

    Returns:
        Suspicions in the order of the text, without overlaps; where findings overlap they are one, of the
        kind that comes first in e-mail, date, phone, record, name.
    """
    plain, places = _readable(text)
    found = [
        (places[start], places[end - 1] + 1, kind)
        for kind in _ORDER
        for start, end in _find(kind, plain, strict)
        if end > start
    ]
    return [Suspicion(start, end, kind, text[start:end]) for start, end, kind in _merged(found)]


def _readable(text: str) -> tuple[str, list[int]]:
    """The text in plain characters, and where in ``text`` each of them stands.

    Invisible characters go; wide forms, digits of other scripts, dashes and slashes of every kind become the
    common ones: a date stays one, however it was typed.
    """
    plain: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        shown = _common(character) if character > "\x7f" else character
        plain.append(shown)
        places += [place] * len(shown)
    return "".join(plain), places


def _common(character: str) -> str:
    if character in _DASHES:
        return _DASHES[character]
    if unicodedata.category(character) == "Cf":
        return ""
    unified = unicodedata.normalize("NFKC", character)
    digits = [unicodedata.digit(part, None) for part in unified]
    return "".join(part if digit is None else str(digit) for part, digit in zip(unified, digits, strict=True))


def _find(kind: Kind, text: str, strict: bool) -> Iterator[Span]:
    if kind == "date":
        yield from find_dates(text, strict)
    elif kind == "name":
        yield from find_names(text, strict)
    elif kind == "record":
        yield from _records(text, strict)
    else:
        patterns = (_EMAIL,) if kind == "email" else _phone_patterns()
        yield from (match.span() for pattern in patterns for match in pattern.finditer(text))


def _records(text: str, strict: bool) -> Iterator[Span]:
    for pattern in _record_patterns(strict):
        yield from (match.span() for match in pattern.finditer(text))
    for match in _labelled_record().finditer(text):
        digits = sum(character.isdigit() for character in match["number"])
        if digits >= (1 if strict else 3):
            yield match.span()


def _merged(found: list[tuple[int, int, Kind]]) -> list[tuple[int, int, Kind]]:
    merged: list[tuple[int, int, Kind]] = []
    for start, end, kind in sorted(found, key=lambda span: (span[0], -span[1])):
        if merged and start < merged[-1][1]:
            first, last, other = merged[-1]
            merged[-1] = (first, max(last, end), min(kind, other, key=_ORDER.index))
        else:
            merged.append((start, end, kind))
    return merged


@cache
def _phone_patterns() -> tuple[re.Pattern[str], ...]:
    labels = alternatives(words().labels["phone_labels"])
    labelled = rf"(?<!\w)(?:{labels})\W{{0,4}}(?:no\W{{0,3}}|nr\W{{0,3}})?\+?\d[\d\s()/.-]{{2,}}\d"
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in (*_PHONES, labelled))


@cache
def _record_patterns(strict: bool) -> tuple[re.Pattern[str], ...]:
    patterns = (*_RECORDS, *_STRICT_RECORDS) if strict else _RECORDS
    return tuple(re.compile(pattern, re.IGNORECASE if strict else 0) for pattern in patterns)


@cache
def _labelled_record() -> re.Pattern[str]:
    labels = alternatives(words().labels["record_labels"])
    return re.compile(
        rf"(?<!\w)(?:{labels})[\s:：#.=°-]{{0,4}}(?:is\s+|no\W{{1,3}}|nr\W{{1,3}}|number\W{{1,3}})?"
        r"(?P<number>[A-Z]{0,5}[-/.]?\d[\w/.-]*(?:[ ]\d{3,})*)(?<![.-])",
        re.IGNORECASE,
    )
