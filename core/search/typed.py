"""A typed query as it is read: what it asks for, and what it doesn't want."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from core.search.coded import Codes, codes_in_order, in_order
from core.search.codes import code_of, codes_of_finding
from core.search.features import Words
from core.search.spoken import spoken_marks
from core.text.legacy.mark import Mark
from core.text.legacy.reading import read_findings
from core.text.legacy.tokens import Token, sentences, tokens
from core.text.legacy.wording import load_wording
from core.text.note import model_note
from core.text.vocabulary import load

_ALTERNATIVES = re.compile(r"\bor\b|/", re.IGNORECASE)
_NOT_DENIED = ("state", "size_mm")
"""“No polyp in the rectum” leaves the rectum out, not every polyp; and nobody doesn't want a size."""


_REMEMBERED = 512
"""A search asks for the query without each of its words twice."""
TATTOOS = ("carbon", "india ink", "agent not recorded")
"""“Tattooed” means any of them."""


class Typed(msgspec.Struct, frozen=True):
    """What was typed.

    Args:
        words: what is asked for; several codes of a field mean any of them.
        denied: codes that aren't wanted: “not pedunculated”.
    """

    words: Words
    denied: Codes


@lru_cache(_REMEMBERED)
def read_typed(text: str) -> Typed:
    """Reads a query: “5 to 10 mm sessile or flat polyp in the sigmoid, not behind a fold”.

    What findings say counts before single words; of each field all that is said.
    """
    found: dict[str, list[str]] = {}
    for finding in read_findings(text):
        _add(found, codes_of_finding(finding))
    single: dict[str, list[str]] = {}
    denied: dict[str, list[str]] = {}
    cut: list[tuple[int, int]] = []
    for start, sentence in sentences(text):
        words = tokens(sentence, start)
        marks = spoken_marks(words)
        _add(single, _said(words, marks))
        _add(found, {"segment": _regions(words)})
        refused = [mark for mark in marks if mark.denied]
        for field, code in (one for mark in refused if (one := code_of(mark)) is not None):
            _add(denied, {field: (code,)})
        cut += [(words[mark.first].start, words[mark.last - 1].end) for mark in refused]
    for key in single.keys() & found.keys():
        if key == "size_mm" or _ALTERNATIVES.search(text):
            _add(found, {key: tuple(single[key])})
    wanted = {**single, **found}
    if wanted.get("tattoo") == [TATTOOS[-1]]:
        wanted["tattoo"] = list(TATTOOS)
    return Typed(
        Words(_plain(wanted), model_note(_without(text, cut))),
        {key: own for key, own in _plain(denied).items() if key not in _NOT_DENIED},
    )


def _said(words: Sequence[Token], marks: Sequence[Mark]) -> Codes:
    said: dict[str, list[str]] = {}
    wanted = [mark for mark in marks if not mark.denied]
    for mark in wanted:
        if mark.kind in ("size", "below", "above"):
            _add(said, {"size_mm": _bins_of(mark)})
        elif (one := code_of(mark)) is not None:
            _add(said, {one[0]: (one[1],)})
    if "size_mm" not in said:
        _add(said, {"size_mm": _bins_by_word(words)})
    return {key: tuple(own) for key, own in said.items()}


def _regions(words: Sequence[Token]) -> tuple[str, ...]:
    """“Left colon”: the segments of it."""
    regions = load_wording().regions
    pairs = (f"{one.word} {other.word}" for one, other in itertools.pairwise(words))
    return next((regions[pair] for pair in pairs if pair in regions), ())


def _bins_by_word(words: Sequence[Token]) -> tuple[str, ...]:
    """“Small”, “large”: where no number says the size."""
    sizes = load_wording().sizes
    spoken = next((token.word for token in words if token.word in sizes), None)
    return () if spoken is None else _bins(*sizes[spoken])


def _bins_of(mark: Mark) -> tuple[str, ...]:
    value = float(mark.value or 0)
    if mark.kind == "below":
        return _bins(0, value - 1)
    if mark.kind == "above":
        return _bins(value + 0.5, float("inf"))
    return _bins(value if mark.low is None else mark.low, value)


def _bins(low: float, high: float) -> tuple[str, ...]:
    """The bins that hold some of these millimetres, both ends included."""
    least, found = 0.0, []
    for one in load().bins:
        if one.maximum >= low and least < high:
            found.append(one.label)
        least = one.maximum
    return tuple(found)


def _add(found: dict[str, list[str]], codes: Codes) -> None:
    for key, own in codes.items():
        if not own:
            continue
        known = found.setdefault(key, [])
        known += [code for code in own if code not in known]


def _plain(found: dict[str, list[str]]) -> Codes:
    return in_order({key: tuple(own) for key, own in found.items() if own and codes_in_order(key)})


def _without(text: str, cut: Sequence[tuple[int, int]]) -> str:
    for first, last in sorted(cut, reverse=True):
        text = f"{text[:first]} {text[last:]}"
    return text
