"""Words as numbers: which codes a text says, and which word pieces it is made of."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.search.coded import Codes
from core.search.codes import codes_of, codes_of_text, names
from core.text.note import model_note

Floats = NDArray[np.float32]

_WORD = re.compile(r"[^\W\d_]{3,}")
SILENT = frozenset({
    "a", "about", "above", "all", "an", "and", "any", "approx", "approximately", "are", "around", "at",
    "be", "below", "between", "bigger", "but", "by", "ca", "clips", "find", "for", "from", "greater",
    "has", "have", "in", "is", "it", "its", "larger", "least", "less", "like", "me", "measured",
    "measures", "measuring", "more", "most", "neither", "no", "non", "nor", "not", "of", "on", "or",
    "over", "please", "roughly", "show", "size", "sized", "smaller", "than", "that", "the", "there",
    "this", "to", "under", "up", "was", "were", "which", "with", "without", "x",
})  # fmt: skip
"""Words that say nothing of a lesion: no features, and not missed in a query."""
_FEWEST = 3
"""A word that fewer texts say is no feature."""

_DESCRIPTIONS, _TEXTS = 16_384, 512
"""How many readings a process remembers: descriptions are much alike, and the same reports are compared with
clip after clip. Reading one takes a fraction of a millisecond to several."""


class Words(msgspec.Struct, frozen=True):
    """What of a text counts: its codes, and the free words that no code says.

    Args:
        codes: field → codes.
        free: what was written in free words; names, dates and record numbers are out of it.
    """

    codes: Codes
    free: str = ""

    @staticmethod
    def of_description(values: Mapping[str, Any]) -> Words:
        """Of a description: its codes as they are, its note as free words.

        Raises:
            PolypTraceError: as :func:`core.text.render.model_codes`.
        """
        return _of_description(msgspec.json.encode(values, order="deterministic"))

    @staticmethod
    def of_text(text: str) -> Words:
        """Of a report: everything is read from its words."""
        return _of_text(text)


@lru_cache(_DESCRIPTIONS)
def _of_description(values: bytes) -> Words:
    said = msgspec.json.decode(values)
    note = str(said.get("free_text", ""))
    return Words(codes_of(said), model_note(note) if note else "")


@lru_cache(_TEXTS)
def _of_text(text: str) -> Words:
    return Words(codes_of_text(text), model_note(text))


class WordFeatures(msgspec.Struct, frozen=True):
    """Which feature stands for what; travels in the bundle.

    Args:
        codes: names of codes, ``segment=sigmoid``; one feature each, 0 or 1.
        words: free words in lower case; behind the codes, shared out so that their squares sum to at most 1.
    """

    codes: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def length(self) -> int:
        """Numbers that a text becomes."""
        return len(self.codes) + len(self.words)

    def of(self, text: Words) -> Floats:
        """(length,) float32; what isn't known counts for nothing."""
        out = np.zeros(self.length, dtype=np.float32)
        said = set(names(text.codes))
        for place, name in enumerate(self.codes):
            out[place] = name in said
        typed = set(free_words(text.free))
        places = [place for place, word in enumerate(self.words, start=len(self.codes)) if word in typed]
        if places:
            out[places] = 1 / math.sqrt(len(places))
        return out

    def of_all(self, texts: Sequence[Words]) -> Floats:
        """(N, length) float32."""
        return (
            np.stack([self.of(text) for text in texts]) if texts else np.zeros((0, self.length), np.float32)
        )


def learn_features(codes: Sequence[str], texts: Iterable[Words], most: int = 400) -> WordFeatures:
    """The features of texts to learn from: all codes, and the free words that most texts say.

    Args:
        codes: see :func:`core.search.codes.all_names`.
        most: free words.
    """
    counts = Counter(word for text in texts for word in set(free_words(text.free)))
    common = sorted(
        (word for word, count in counts.items() if count >= _FEWEST), key=lambda w: (-counts[w], w)
    )
    return WordFeatures(tuple(codes), tuple(sorted(common[:most])))


def free_words(text: str) -> list[str]:
    """Words of at least three letters that say something, in lower case."""
    return [word for word in _WORD.findall(text.casefold()) if word not in SILENT]
