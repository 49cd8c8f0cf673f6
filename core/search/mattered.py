"""The words of a query that mattered for a hit, by leaving each of them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from core.errors import PolypTraceError
from core.search.features import SILENT, Floats, Words
from core.search.query import Meant, SearchQuery, understood, without_each_code, without_each_word
from core.search.typed import read_typed
from core.search.vectors import ClipVectors, WordSpace

_NOUNS = frozenset({"polyp", "polyps", "lesion", "lesions", "adenoma", "adenomas", "colon"})
_MATTERS = 0.03
"""A word whose loss changes the score by less isn't named."""


class WordShare(msgspec.Struct, frozen=True):
    """A word of the query, and by how much the score falls where it is left out (negative: it rises).

    The other fields keep their weight, so that a word which fits counts for the hit also where all others do.
    A word that a description fits is never told to speak against it, nor one that it doesn't fit for it: what
    the space makes of the words around it is left out there.
    """

    word: str
    change: float


class Without(msgspec.Struct, frozen=True):
    """A query without one word: (dim,) its place as it counts, (codes,) 1 for each no longer asked for."""

    word: str
    place: Floats
    lost: Floats


def without_each(
    space: WordSpace, query: SearchQuery, meant: Meant, places: Callable[[Sequence[Words]], Floats]
) -> list[Without]:
    """Each word of the query, or each field where it is to be like a clip, with the query without it.

    Args:
        places: texts → (N, dim) places in the common space.
    """
    if query.like is not None:
        left = [
            (word, Words(codes, meant.words.free)) for word, codes in without_each_code(meant.words.codes)
        ]
    else:
        left = _each_left_out(query, meant)
    if not left:
        return []
    whole, rows = space.asked(meant.words), places([words for _, words in left])
    said = space.codes_of([words for _, words in left])
    near = space.nearness_of(meant.words)
    return [
        Without(word, row * near * bool(words.codes or words.free), whole * (1 - one))
        for (word, words), row, one in zip(left, rows, said, strict=True)
    ]


def _each_left_out(query: SearchQuery, meant: Meant) -> list[tuple[str, Words]]:
    """Each typed word, and what is meant without it.

    None of those that leave clips out, that say nothing, or whose place a chip has taken.
    """
    found = []
    typed = read_typed(query.text)
    for word, rest in without_each_word(query.text):
        if read_typed(rest).denied != typed.denied or word in typed.unknown:
            continue
        without = _meant_without(query, rest)
        idle = without is not None and without.codes == meant.words.codes
        if without is None or (idle and (query.refinements or word.casefold() in SILENT)):
            continue
        found.append((word, without))
    return found


def _meant_without(query: SearchQuery, rest: str) -> Words | None:
    """What the rest of a query means; None where a chip has nothing to start from any more."""
    try:
        return understood(msgspec.structs.replace(query, text=rest)).words
    except PolypTraceError:
        return None if query.refinements else Words({})


def mattering(words: Sequence[Without], asked: Floats, found: ClipVectors) -> list[tuple[WordShare, ...]]:
    """For each hit the words that mattered, the one that mattered most first.

    Args:
        asked: (dim + codes,) the whole query.
    """
    if not words or not len(found):
        return [()] * len(found)
    dim = len(words[0].place)
    places, said = found.mixed[:, :dim], found.mixed[:, dim:]
    shares: list[list[tuple[float, str]]] = [[] for _ in range(len(found))]
    for one in words:
        says_field = one.lost.any()
        if not says_field and one.word.casefold() in _NOUNS:
            continue
        lost = said @ (asked[dim:] * one.lost)
        changes = lost + places @ (asked[:dim] - one.place)
        if says_field:
            changes = np.where(lost > 0, np.maximum(changes, 0), np.minimum(changes, 0))
        for place, change in enumerate(changes.tolist()):
            shares[place].append((change, one.word))
    return [
        tuple(
            WordShare(word, round(change, 4))
            for change, word in sorted(own, key=lambda each: -abs(each[0]))
            if abs(change) >= _MATTERS
        )
        for own in shares
    ]
