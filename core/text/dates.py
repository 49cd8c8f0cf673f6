"""Dates in free text as endoscopists type them: numbers, month words of six languages, birth dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from core.text.identity import alternatives, plain, words

Span = tuple[int, int]

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:19|20)\d\d"
_NOT_A_SIZE = r"(?!\d)(?!\s*(?:mm|cm|ml|mg|%))"
# These months are words too ("polyps may bleed", "mar" for margin): they need a capital or a year.
_WORDLIKE = frozenset(
    {"may", "mar", "march", "mars", "sept", "dec", "sep", "mai", "jan", "nov", "maart", "mayo"}
)

_ROMAN_MONTH = "(?:viii|vii|iii|xii|vi|iv|ix|ii|xi|i|v|x)"

_NUMERIC = (
    rf"(?<![\w.]){_YEAR}\s?[-./]\s?(?:0?[1-9]|1[0-2])\s?[-./]\s?{_DAY}(?!\d)(?:[T ]\d\d:?\d\d(?::?\d\d)?)?",
    rf"(?<![\d.,/-])(\d{{1,2}})\s?([-./])\s?(\d{{1,2}})\s?\2\s?(?:{_YEAR}|['’]?\d\d){_NOT_A_SIZE}",
    rf"(?<![\d.,/-])(?:0?[1-9]|1[0-2])\s?[-./]\s?{_YEAR}{_NOT_A_SIZE}",
    rf"(?<![\d.,/-])(\d{{1,2}})\s?([ ,])\s?(\d{{1,2}})\s?\2\s?{_YEAR}{_NOT_A_SIZE}",
    rf"(?<![\w.,/-]){_DAY}\s?[-./]\s?{_ROMAN_MONTH}\s?[-./]\s?(?:{_YEAR}|\d\d){_NOT_A_SIZE}",
    rf"(?<![\d.,/-]){_YEAR}\s?[-/]\s?(?:0?[1-9]|1[0-2])(?![\d-])",
    rf"(?<!\w)(?:am|vom|bis|seit|den|le|du|on|dated?)\s+{_DAY}\s?[./]\s?(?:0?[1-9]|1[0-2])\b\.?(?!\d)",
    rf"(?:{_YEAR}\s?年)(?:\s?\d{{1,2}}\s?月)?(?:\s?\d{{1,2}}\s?[日号])?|\d{{1,2}}\s?月\s?\d{{1,2}}\s?[日号]",
)
_COMPACT = re.compile(r"(?<![\w.])\d{8}(?:T?\d{4,6})?(?![\w.]*\d)")
_STRICT = (
    rf"(?<![\d.,:]){_YEAR}s?{_NOT_A_SIZE}",
    r"(?<!\w)['’]\d\d(?!\w)",
    rf"(?<![\d.,/]){_DAY}\.\s?(?:0[1-9]|1[0-2])\.(?!\d)",
    rf"(?<![\d.,/])(?:0[1-9]|[12]\d|3[01])\.(?:0[1-9]|1[0-2]){_NOT_A_SIZE}(?!\s*[x×])",
    rf"(?<![\d.,/])(?:{_DAY}/(?:0[1-9]|1[0-2])|(?:0[1-9]|1[0-2])/{_DAY})(?![\d/])",
    rf"(?<![\d.,/])(?:0?[1-9]|1[0-2])/\d\d{_NOT_A_SIZE}(?![\d/])",
    rf"(?<![\d.,/])(?:0[1-9]|1[0-2])\.\d\d{_NOT_A_SIZE}(?![.\d]|\s*[x×])",
    r"(?<!\w)\d{1,2}\s?(?:y|yo|[fm])(?!\w)",
    r"(?<![\d:])(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?![\d:])",
    r"(?<!\w)\d{1,3}\s?-?\s?(?:year|yr|y/o|yo\b|jährig|ans\b|anni\b|años)[\w-]*(?:\s?-?old)?",
    r"(?<!\w)aged?\s+\d{1,3}(?!\w)",
)


def find_dates(text: str, strict: bool = False) -> Iterator[Span]:
    """Stretches that tell a date.

    Args:
        strict: also bare years, times of day, ages, and the names of months and weekdays.
    """
    for pattern in _numeric():
        yield from (match.span() for match in pattern.finditer(text) if _is_possible(match))
    yield from (match.span() for match in _COMPACT.finditer(text) if _is_compact(match[0]))
    yield from (match.span() for match in _birth().finditer(text))
    yield from _with_month_word(text)
    if strict:
        for pattern in _strict():
            yield from (match.span() for match in pattern.finditer(text))
        yield from _calendar_words(text)


def _is_possible(match: re.Match[str]) -> bool:
    """Of ``12-3-24`` style numbers, one must be a month and the other a day."""
    if not match.re.groups:
        return True
    low, high = sorted((int(match[1]), int(match[3])))
    return 1 <= low <= 12 and 1 <= high <= 31


def _is_compact(digits: str) -> bool:
    year_first = re.match(rf"{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", digits)
    day_first = re.match(rf"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2]){_YEAR}", digits)
    return bool(year_first or day_first)


def _with_month_word(text: str) -> Iterator[Span]:
    for pattern, needs_proof in _month_patterns():
        for match in pattern.finditer(text):
            month = match["month"]
            doubtful = plain(month) in _WORDLIKE and not month[0].isupper()
            if match.groupdict().get("year") or not (doubtful or (needs_proof and plain(month) in _WORDLIKE)):
                yield match.span()


def _calendar_words(text: str) -> Iterator[Span]:
    for match in re.finditer(r"[^\W\d_]+", text):
        word = plain(match[0])
        if word == "may" and re.match(r"\s+(?:be|have|not|well|also)\b", text[match.end() :]):
            continue
        month = word in words().months and (word not in _WORDLIKE or match[0][0].isupper())
        if month or word in words().weekdays:
            yield match.span()


@cache
def _numeric() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in _NUMERIC)


@cache
def _strict() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in _STRICT)


@cache
def _birth() -> re.Pattern[str]:
    """A birth label with anything numeric behind it: also a bare year, which elsewhere isn't a date."""
    labels = alternatives(words().labels["birth_labels"])
    return _compiled(rf"(?<!\w)(?:{labels})[\s:.,*-]{{0,4}}(?:(?:in|on|am|le)\s+)?\d[\d./-]{{1,10}}")


@cache
def _month_patterns() -> tuple[tuple[re.Pattern[str], bool], ...]:
    """Patterns with the groups ``month`` and ``year``, and whether a word-like month needs a year there."""
    glued = rf"(?P<month>{alternatives(_spellings())})"
    month = rf"{glued}(?!\w)\.?"
    of = r"(?:of\s+the\s+|of\s+|de\s+|del\s+|di\s+|von\s+)?"
    year = rf"(?P<year>{_YEAR}|['’]\d\d)"
    before = "since|last|next|until|from|early|late|of|in|im|seit|en|depuis"
    ordinal = r"(?:st|nd|rd|th|er|º|°)?"
    return (
        (
            _compiled(rf"(?<![\w.,]){_DAY}{ordinal}[\s/-]*{of}{month}(?:[\s,./-]*{of}{year}|[\s/-]\d\d\b)?"),
            False,
        ),
        (_compiled(rf"(?<![\w.,]){_DAY}{glued}['’]?(?P<year>{_YEAR}|\d\d)(?!\d)"), False),
        (_compiled(rf"(?<![\w.,]){_DAY}\.\s*{month}(?:[\s,./-]*{year})?"), True),
        (_compiled(rf"(?<!\w){month}\s+{_DAY}(?:st|nd|rd|th)?{_NOT_A_SIZE}(?!\w)(?:,?\s*{year})?"), True),
        (_compiled(rf"(?<!\w){month}[\s,./-]*{of}{year}"), False),
        (_compiled(rf"(?<!\w)(?:{before})\s+{month}"), False),
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


@cache
def _spellings() -> tuple[str, ...]:
    """Months with and without accents."""
    return tuple(words().months | words().month_spellings)
