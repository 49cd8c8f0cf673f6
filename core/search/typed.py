"""A typed query as it is read: what it asks for, and what it doesn't want."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from core.search.coded import Codes, add, codes_in_order, in_order
from core.search.codes import codes_of_finding, codes_of_mark
from core.search.features import SILENT, Words
from core.search.spoken import spoken_marks
from core.text.legacy.denied import is_denied
from core.text.legacy.mark import Mark
from core.text.legacy.reading import read_findings
from core.text.legacy.tokens import Token, sentences, tokens
from core.text.legacy.wording import load_wording
from core.text.note import model_note
from core.text.vocabulary import load

_SHORT_FORMS = tuple(
    (re.compile(pattern, re.IGNORECASE), words)
    for pattern, words in (
        (r">\s*=", "≥"),
        (r"<\s*=", "≤"),
        (r"(\d+(?:[.,]\d+)?)\s*\+\s*(mm|cm)\b", r"≥ \1 \2"),
        (r"(\d+(?:[.,]\d+)?)\s*(mm|cm)\s*\+", r"≥ \1 \2"),
        (r"\b(?:can|do|does|are|is|was|were|should|wo)n?['’]t\b", "not"),
        (r"\b(?:except|exclude|excluding|other than|rather than|apart from|instead of)\b(?: for)?", "not"),
        (r"\b(?:all|any\w*|every\w*)\b(?:\s+\w+)?\s+but\b", "not"),
        (r"(?:^|(?<=\s))[!-](?=[a-z])", "not "),
    )
)
_ALTERNATIVES = re.compile(r"\bor\b|/", re.IGNORECASE)
_REMEMBERED = 512
"""A search asks for the query without each of its words twice."""
TATTOOS = ("carbon", "india ink", "agent not recorded")
"""“Tattooed” means any of them."""


class Typed(msgspec.Struct, frozen=True):
    """What was typed.

    Args:
        words: what is asked for; several codes of a field mean any of them.
        denied: codes that aren't wanted: “not pedunculated”.
        unknown: words that say neither.
    """

    words: Words
    denied: Codes
    unknown: tuple[str, ...] = ()


class _Sentence(msgspec.Struct, frozen=True):
    """What a sentence of it wants and denies, which stretches are denied, and the words that nobody knows."""

    wanted: Codes
    denied: Codes
    cut: list[tuple[int, int]]
    unknown: list[str]


@lru_cache(_REMEMBERED)
def read_typed(text: str) -> Typed:
    """Reads a query: “5 to 10 mm sessile or flat polyp in the sigmoid, not behind a fold”.

    What findings say counts before single words; of each field all that is said.
    """
    text = in_plain_words(text)
    found: dict[str, list[str]] = {}
    for finding in read_findings(text):
        add(found, codes_of_finding(finding))
    read = [_read(tokens(sentence, start)) for start, sentence in sentences(text)]
    single: dict[str, list[str]] = {}
    denied: dict[str, list[str]] = {}
    for one in read:
        add(single, one.wanted)
        add(denied, one.denied)
    for key in single.keys() & found.keys():
        if key in ("size_mm", "segment") or _ALTERNATIVES.search(text):
            add(found, {key: tuple(single[key])})
    wanted = {**single, **found}
    if wanted.get("tattoo") == [TATTOOS[-1]]:
        wanted["tattoo"] = list(TATTOOS)
    left = {key: [code for code in own if code not in denied.get(key, ())] for key, own in wanted.items()}
    if len(denied) > 1:  # “no polyp in the rectum” leaves the rectum out, not every polyp
        denied.pop("state", None)
    cut = [stretch for one in read for stretch in one.cut]
    unknown = dict.fromkeys(word for one in read for word in one.unknown)
    return Typed(Words(_plain(left), model_note(_without(text, cut))), _plain(denied), tuple(unknown))


def in_plain_words(text: str) -> str:
    """The text with short forms written out: “>=”, “10 mm+”, “isn't”, “anything but”, “other than”."""
    for pattern, words in _SHORT_FORMS:
        text = pattern.sub(words, text)
    return text


def _read(words: Sequence[Token]) -> _Sentence:
    marks = spoken_marks(words)
    wanted: dict[str, list[str]] = {}
    denied: dict[str, list[str]] = {}
    limits: list[tuple[str, ...]] = []
    for mark in marks:
        if mark.kind in ("below", "above") and not mark.denied:
            limits.append(_bins_of(mark))
        else:
            add(denied if mark.denied else wanted, _codes_of(mark))
    if limits:  # “more than 5 and less than 10 mm”: both hold
        add(wanted, {"size_mm": tuple(size for size in limits[0] if all(size in one for one in limits))})
    covered = {at for mark in marks for at in range(mark.first, mark.last)}
    for at, key, codes in _spoken_of_several(words):
        covered |= {at, at + 1} if key == "segment" else {at}
        if key != "size_mm" or not any(mark.kind in ("size", "below", "above") for mark in marks):
            add(denied if is_denied(words, at) else wanted, {key: codes})
    return _Sentence(
        {key: tuple(own) for key, own in wanted.items()},
        {key: tuple(own) for key, own in denied.items()},
        [(words[mark.first].start, words[mark.last - 1].end) for mark in marks if mark.denied],
        [words[at].text for at in range(len(words)) if at not in covered and _means(words[at])],
    )


def _codes_of(mark: Mark) -> Codes:
    if mark.kind in ("size", "below", "above"):
        return {"size_mm": _bins_of(mark)}
    return codes_of_mark(mark)


def _spoken_of_several(words: Sequence[Token]) -> list[tuple[int, str, tuple[str, ...]]]:
    """“Small”, “left colon”: words for several bins or segments, where they stand."""
    wording = load_wording()
    found: list[tuple[int, str, tuple[str, ...]]] = []
    for at, token in enumerate(words):
        pair = f"{token.word} {words[at + 1].word}" if at + 1 < len(words) else ""
        if pair in wording.regions:
            found.append((at, "segment", wording.regions[pair]))
        if token.word in wording.sizes:
            found.append((at, "size_mm", _bins(*wording.sizes[token.word])))
    return found


def _means(token: Token) -> bool:
    """Whether the word might have meant something: no sign, and none of those that say nothing."""
    sign = token.text.isascii() and not token.text[0].isalnum()
    return not sign and token.word not in SILENT and token.word != "colon"


def _bins_of(mark: Mark) -> tuple[str, ...]:
    value = float(mark.value or 0)
    if mark.kind == "below":
        return _bins(0, value)
    if mark.kind == "above":
        return _bins(value, float("inf"))
    return _bins(value if mark.low is None else mark.low, value)


def _bins(low: float, high: float) -> tuple[str, ...]:
    """The bins that hold some of these millimetres, both ends included."""
    least, found = 0.0, []
    for one in load().bins:
        if one.maximum >= low and least < high:
            found.append(one.label)
        least = one.maximum
    return tuple(found)


def _plain(found: dict[str, list[str]]) -> Codes:
    return in_order({key: tuple(own) for key, own in found.items() if own and codes_in_order(key)})


def _without(text: str, cut: Sequence[tuple[int, int]]) -> str:
    for first, last in sorted(cut, reverse=True):
        text = f"{text[:first]} {text[last:]}"
    return text
