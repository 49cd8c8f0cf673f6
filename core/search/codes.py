"""What a description, a report or a typed query says, in codes: the common ground of all words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from core.text.legacy.marks import marks_of
from core.text.legacy.read_field import ReadField
from core.text.legacy.reading import ReadFinding, read_findings
from core.text.legacy.tokens import Token, sentences, tokens
from core.text.render import model_codes, size_bin
from core.text.vocabulary import Field, load

Codes = dict[str, tuple[str, ...]]
"""Field of the description → its codes, in the vocabulary's order; sizes as labels of bins."""

CODED = (
    "state", "segment", "fold", "size_mm", "paris", "lst", "stalk", "colour", "surface", "imaging", "nice",
    "jnet", "kudo", "tattoo",
)  # fmt: skip
"""The fields that tell kinds of lesions apart and that people write about."""
NOTHING = frozenset({"none", "not recorded", "n/a", "not assessed", "not assessable"})
"""Codes that say nothing of the lesion."""
SURE = 0.5
"""From here on a field that was read from free text counts."""
_SHORTEST = 3
_NO_NAMES = frozenset({"iii", "iv", "vi", "iiis", "iiil", "yes"})
"""Words that are names of values only where their field is asked for."""


def codes_of(values: Mapping[str, Any]) -> Codes:
    """The codes of a description.

    Raises:
        PolypTraceError: as :func:`core.text.render.model_codes`.
    """
    return _kept(model_codes(values))


def codes_of_finding(found: ReadFinding) -> Codes:
    """The codes of a finding as it was read from a report, those that are sure enough."""
    return codes_of_read(found.fields)


def codes_of_read(fields: Mapping[str, ReadField]) -> Codes:
    """The codes of fields as they were read, those that are sure enough."""
    values = {key: read.value for key, read in fields.items() if read.sure >= SURE}
    if isinstance(values.get("size_mm"), int | float):
        values["size_mm"] = size_bin(values["size_mm"])
    return _kept(values)


def codes_of_text(text: str) -> Codes:
    """The codes of free words: of the findings that they name, and of the vocabulary's own words.

    What one finding says isn't overruled by a later one or by a single word.
    """
    found: Codes = {}
    for finding in read_findings(text):
        found = {**codes_of_finding(finding), **found}
    return _in_order({**_of_single_words(text), **found})


def names(codes: Codes) -> list[str]:
    """``segment=sigmoid`` and so on, in the vocabulary's order."""
    return [f"{key}={code}" for key, own in codes.items() for code in own]


def all_names() -> tuple[str, ...]:
    """Every name that :func:`names` can give, in the vocabulary's order."""
    vocabulary = load()
    found: list[str] = []
    for key in CODED:
        field = vocabulary.by_key[key]
        own = [one.label for one in vocabulary.bins] if field.binned else field.codes
        found += [f"{key}={code}" for code in own if code not in NOTHING]
    return tuple(found)


def _kept(values: Mapping[str, Any]) -> Codes:
    return _in_order({key: kept for key, value in values.items() if (kept := _telling(value))})


def _in_order(codes: Codes) -> Codes:
    return {key: _sorted(load().by_key[key], codes[key]) for key in CODED if key in codes}


def _sorted(field: Field, own: tuple[str, ...]) -> tuple[str, ...]:
    return own if len(own) < 2 else tuple(code for code in field.codes if code in own)


def _telling(value: Any) -> tuple[str, ...]:
    several: Iterable[Any] = value if isinstance(value, list | tuple) else (value,)
    return tuple(str(one) for one in several if str(one) not in NOTHING)


def _of_single_words(text: str) -> Codes:
    """What is said without naming a finding: sizes, and values by their names."""
    found: dict[str, list[str]] = {}
    for start, sentence in sentences(text):
        words = tokens(sentence, start)
        for field, code in (*_marked(words), *_spoken([token for token in words if token.word.isalpha()])):
            own = found.setdefault(field, [])
            if code not in own:
                own.append(code)
    several = {key for key in found if load().by_key[key].type == "choices"}
    return {key: tuple(own if key in several else own[:1]) for key, own in found.items()}


def _marked(words: Sequence[Token]) -> list[tuple[str, str]]:
    found = []
    for mark in marks_of(words):
        if mark.kind == "size" and isinstance(mark.value, int):
            found.append(("size_mm", size_bin(mark.value)))
        elif mark.kind == "say" and mark.field in CODED and mark.sure >= SURE:
            found.append((mark.field, str(mark.value)))
    return found


def _spoken(words: Sequence[Token]) -> list[tuple[str, str]]:
    """The values that are called by name, longest names first."""
    table = _table()
    longest = max(map(len, table))
    found, at = [], 0
    while at < len(words):
        for length in range(min(longest, len(words) - at), 0, -1):
            known = table.get(tuple(word.word for word in words[at : at + length]))
            if known is not None:
                found.append(known)
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
