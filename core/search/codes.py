"""What a description or a report says, in codes: the common ground of all words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.search.coded import CODED, NOTHING, Codes, add, codes_in_order, in_order, kept
from core.search.spoken import spoken_marks
from core.text.legacy.mark import Mark
from core.text.legacy.read_field import ReadField
from core.text.legacy.reading import ReadFinding, read_findings
from core.text.legacy.tokens import sentences, tokens
from core.text.render import model_codes, size_bin
from core.text.vocabulary import load

SURE = 0.5
"""From here on a field that was read from free text counts."""


def codes_of(values: Mapping[str, Any]) -> Codes:
    """The codes of a description.

    Raises:
        PolypTraceError: as :func:`core.text.render.model_codes`.
    """
    return kept(model_codes(values))


def codes_of_finding(found: ReadFinding) -> Codes:
    """The codes of a finding as it was read from a report, those that are sure enough."""
    return codes_of_read(found.fields)


def codes_of_read(fields: Mapping[str, ReadField]) -> Codes:
    """The codes of fields as they were read, those that are sure enough."""
    values = {key: read.value for key, read in fields.items() if read.sure >= SURE and key in CODED}
    if isinstance(values.get("size_mm"), int | float):
        values["size_mm"] = size_bin(values["size_mm"])
    return kept(values)


def codes_of_text(text: str) -> Codes:
    """The codes of a report: of the findings that it names, and of the vocabulary's own words.

    What one finding says isn't overruled by a later one or by a single word.
    """
    found: Codes = {}
    for finding in read_findings(text):
        found = {**codes_of_finding(finding), **found}
    return in_order({**_of_single_words(text), **found})


def codes_of_mark(mark: Mark) -> Codes:
    """The code that a mark says; none where it says none, or not surely enough."""
    if mark.kind == "size" and isinstance(mark.value, int):
        return {"size_mm": (size_bin(mark.value),)}
    if mark.kind == "say" and mark.field in CODED and mark.sure >= SURE and str(mark.value) not in NOTHING:
        return {mark.field: (str(mark.value),)}
    return {}


def names(codes: Codes) -> list[str]:
    """``segment=sigmoid`` and so on, in the vocabulary's order."""
    return [f"{key}={code}" for key, own in codes.items() for code in own]


def all_names() -> tuple[str, ...]:
    """Every name that :func:`names` can give, in the vocabulary's order."""
    return tuple(f"{key}={code}" for key in CODED for code in codes_in_order(key) if code not in NOTHING)


def _of_single_words(text: str) -> Codes:
    """What is said without naming a finding: sizes, and values by their names."""
    found: dict[str, list[str]] = {}
    for start, sentence in sentences(text):
        for mark in spoken_marks(tokens(sentence, start)):
            if not mark.denied:
                add(found, codes_of_mark(mark))
    several = {key for key in found if load().by_key[key].type == "choices"}
    return {key: tuple(own if key in several else own[:1]) for key, own in found.items()}
