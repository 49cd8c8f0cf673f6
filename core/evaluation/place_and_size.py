"""Segment and size as any text says them: the program's own texts and endoscopists' free words alike."""

from __future__ import annotations

import re
from functools import cache

from core.text.vocabulary import fold, load

_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*(mm|cm)\b(?! (?:from|distal|proximal))")
_OTHER_LENGTHS = re.compile(r"\b(?:height|stalk|second diameter|anal verge|tattoo)\b")
_SENTENCE_END = re.compile(r"[.;:](?=\s|$)|\n")


def place_and_size(text: str) -> tuple[int | None, int | None]:
    """Where the lesion is and how big.

    Args:
        text: a model text, a report text or free words.

    Returns:
        The number of the segment in the vocabulary's order (terminal ileum 0 … anal canal) and the number
        of the size bin; None for what the text doesn't say. Of several the first one counts; of a range
        ("6 to 9 mm") its upper end.
    """
    vocabulary = load()
    size = None
    for sentence in _SENTENCE_END.split(text.casefold()):
        # A height, a stalk or a distance is a length, too, but not the lesion's size.
        found = None if _OTHER_LENGTHS.search(sentence) else _SIZE.search(sentence)
        if found:
            number = float(found[1].replace(",", ".")) * (10 if found[2] == "cm" else 1)
            size = vocabulary.bins.index(vocabulary.bin_of(number))
            break
    named = _segments().search(fold(text))
    return (None if named is None else _numbers()[named[0]]), size


def segment_count() -> int:
    """How many segments there are to name."""
    return len(segment_names())


def segment_names() -> list[str]:
    """The segments in the vocabulary's order, from the terminal ileum to the anal canal."""
    return [code for code in load().field("segment").codes if code != "not recorded"]


@cache
def _numbers() -> dict[str, int]:
    """Every spelling of every segment."""
    field, spellings = load().field("segment"), {}
    for number, code in enumerate(segment_names()):
        value = field.value(code)
        for spelling in (code, *(value.aliases if value else ())):
            spellings[fold(spelling)] = number
    return spellings


@cache
def _segments() -> re.Pattern[str]:
    # Longest first: "rectosigmoid" and "sigmoid colon" hold other segments' spellings.
    spellings = sorted(_numbers(), key=len, reverse=True)
    return re.compile(r"\b(?:" + "|".join(map(re.escape, spellings)) + r")\b")
