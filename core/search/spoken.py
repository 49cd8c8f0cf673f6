"""Marks of a sentence as a search reads them: the rules' own, and values that are called by their names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from core.search.coded import CODED, NOTHING
from core.text.legacy.denied import with_absent_denied, with_denials
from core.text.legacy.mark import Mark
from core.text.legacy.marks import marks_of
from core.text.legacy.mentions import absent
from core.text.legacy.tokens import Token, tokens
from core.text.vocabulary import Field, load

_SHORTEST = 3
_NO_NAMES = frozenset({"iii", "iv", "vi", "iiis", "iiil", "yes"})
"""Words that are names of values only where their field is asked for."""
_SURE = 0.95


def spoken_marks(words: Sequence[Token]) -> list[Mark]:
    """All marks in the sentence's order; those of what is said not to be so are denied."""
    marks = marks_of(words)
    taken = {at for mark in marks if mark.kind != "lesion" for at in range(mark.first, mark.last)}
    both = sorted([*marks, *_named(words, taken)], key=lambda mark: mark.first)
    return with_absent_denied(words, with_denials(words, both), absent(words, marks))


def _named(words: Sequence[Token], taken: set[int]) -> list[Mark]:
    """The values that are called by name, longest names first."""
    places = [at for at, token in enumerate(words) if token.word.isalpha() and at not in taken]
    table = _table()
    longest = max(map(len, table))
    found, at = [], 0
    while at < len(places):
        for length in range(min(longest, len(places) - at), 0, -1):
            run = places[at : at + length]
            known = table.get(tuple(words[place].word for place in run))
            if known is not None:
                found.append(Mark("say", run[0], run[-1] + 1, *known, _SURE))
                at += length - 1
                break
        at += 1
    return found


@cache
def _table() -> dict[tuple[str, ...], tuple[str, str]]:
    """Names of values in words → field and code; names that two values share are left out."""
    found: dict[tuple[str, ...], set[tuple[str, str]]] = {}
    for key in CODED:
        field = load().by_key[key]
        for spelling, code in _spellings(field):
            found.setdefault(spelling, set()).add((key, code))
    return {spelling: next(iter(values)) for spelling, values in found.items() if len(values) == 1}


def _spellings(field: Field) -> list[tuple[tuple[str, ...], str]]:
    found = []
    for value in field.values:
        if value.code in NOTHING:
            continue
        for name in {value.code, value.report, value.model, value.shape, *value.aliases} - {""}:
            words = tuple(token.word for token in tokens(name) if token.word.isalpha())
            if words and _plain(name) and not (len(words) == 1 and _too_short(words[0])):
                found.append((words, value.code))
    return found


def _plain(name: str) -> bool:
    """Whether a name is words alone: “IIa+Is” and “2A” are read by rules that know their neighbours."""
    return all(letter.isalpha() or letter in " -/'" for letter in name)


def _too_short(word: str) -> bool:
    return len(word) < _SHORTEST or word in _NO_NAMES
