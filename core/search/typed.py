"""A typed query as it is read: what it asks for, and what it doesn't want."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from core.search.coded import CODED, Codes, add, codes_in_order, in_order
from core.search.codes import codes_of_finding, codes_of_mark
from core.search.features import SILENT, Words
from core.search.limits import NO_LIMIT, Limits, around, bins_of, limits_of, span_of
from core.search.spoken import spoken_marks
from core.text.legacy.denied import is_denied
from core.text.legacy.mark import Mark
from core.text.legacy.mentions import absent
from core.text.legacy.nouns import nouns
from core.text.legacy.reading import read_findings
from core.text.legacy.tokens import Token, sentences, tokens
from core.text.legacy.wording import lesion_of, load_wording
from core.text.note import model_note

_SHORT_FORMS = tuple(
    (re.compile(pattern, re.IGNORECASE), words)
    for pattern, words in (
        (r">\s*=", "≥"),
        (r"<\s*=", "≤"),
        (r"(\d+(?:[.,]\d+)?)\s*\+\s*(mm|cm)\b", r"≥ \1 \2"),
        (r"(\d+(?:[.,]\d+)?)\s*(mm|cm)\s*\+", r"≥ \1 \2"),
        (r"\b(?:can|do|does|are|is|was|were|should|wo)n?['’]t\b(?:\s+have\b)?", "not"),
        (r"\b(?:do|does) not have\b", "not"),
        (r"\b(?:non|un)-?(?=(?:sub-?|semi-?)?pedunc|stalked|sessile)", "not "),
        (
            r"\b(nice|jnet|kudo|paris)\s+(?:type\s+)?(\w+)\s*(?:\bor\b|/|,|-|–|\band\b)\s*(?=\d|[IVX]+[a-zA-Z]?\b)",
            r"\1 \2 or \1 ",
        ),
        (r"\b(no |without )?tattoos?\b(?! (?:placed|applied|injected))", r"\1tattooed"),
        (r"\bmax(?:imum|imal(?:ly)?|\.)?\s+(?=\d)", "at most "),
        (r"\bmin(?:imum|imal(?:ly)?|\.)?\s+(?=\d)", "at least "),
        (r"\b(?:except|exclude|excluding|other than|rather than|apart from|instead of)\b(?: for)?", "not"),
        (r"\b(?:all|any\w*|every\w*)\b(?:\s+\w+)?\s+but\b", "not"),
        (r"(?:^|(?<=\s))[!-](?=[a-z])", "not "),
    )
)
_AFTER_TATTOO = re.compile(r"\bafter\s+(?:an?\s+)?tattoo(?:ing|ed)?\b", re.IGNORECASE)
_ALTERNATIVES = re.compile(r"\bor\b|/", re.IGNORECASE)
_REMEMBERED = 512
"""A search asks for the query without each of its words twice."""
TATTOOS = ("carbon", "india ink", "agent not recorded")
"""“Tattooed” means any of them."""
_SPOKEN = {
    "depressed": ("paris", ("IIc", "IIa+IIc")),
    "nongranular": ("lst", ("NG-FE", "NG-PD")),
    "lst g": ("lst", ("G-H", "G-NM")),
    "lst gm": ("lst", ("G-NM",)),
    "lst ng": ("lst", ("NG-FE", "NG-PD")),
}
"""Words and pairs of words that several values share."""
_TYPES = frozenset({"h", "nm", "fe", "pd"})
"""Behind “LST-G” they say which."""


class Typed(msgspec.Struct, frozen=True):
    """What was typed.

    Args:
        words: what is asked for; several codes of a field mean any of them.
        limits: smallest and largest size in millimetres, both included, where a limit or a range is typed.
        denied: codes that aren't wanted: “not pedunculated”.
        unknown: words that say neither.
        sizes: the smallest and the largest size that is asked for, or the limits.
        after_tattoo: “after a tattoo”: what the chip of that name means, not a lesion with one.
    """

    words: Words
    denied: Codes
    unknown: tuple[str, ...] = ()
    limits: Limits | None = None
    sizes: Limits | None = None
    after_tattoo: bool = False


class _Sentence(msgspec.Struct, frozen=True):
    """What a sentence wants and denies, the denied stretches, the words that nobody knows, the limits of
    sizes, the sizes, and whether it names a polyp.
    """

    wanted: Codes
    denied: Codes
    cut: list[tuple[int, int]]
    unknown: list[str]
    limits: Limits
    sizes: Limits | None
    named: bool


@lru_cache(_REMEMBERED)
def read_typed(text: str) -> Typed:
    """Reads a query: “5 to 10 mm sessile or flat polyp in the sigmoid, not behind a fold”.

    What findings say counts before single words; of each field all that is said.
    """
    text, after_tattoo = _AFTER_TATTOO.subn(" ", text)
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
    if not wanted and not denied and (after_tattoo or any(one.named for one in read)):  # “polyps”
        wanted = {"state": ["polyp"]}
    for told in (wanted, denied):
        if told.get("tattoo") == [TATTOOS[-1]]:
            told["tattoo"] = list(TATTOOS)
    left = {key: [code for code in own if code not in denied.get(key, ())] for key, own in wanted.items()}
    if len(denied) > 1:  # “no polyp in the rectum” leaves the rectum out, not every polyp
        denied.pop("state", None)
    cut = [stretch for one in read for stretch in one.cut]
    unknown = dict.fromkeys(word for one in read for word in one.unknown)
    limits = (max(one.limits[0] for one in read), min(one.limits[1] for one in read)) if read else NO_LIMIT
    return Typed(
        Words(_plain(left), model_note(_without(text, cut))),
        _plain(denied),
        tuple(unknown),
        None if limits == NO_LIMIT else limits,
        around([one.sizes for one in read if one.sizes]) if limits == NO_LIMIT else limits,
        bool(after_tattoo),
    )


def in_plain_words(text: str) -> str:
    """The text with short forms written out: “>=”, “10 mm+”, “isn't”, “anything but”, “other than”."""
    for pattern, words in _SHORT_FORMS:
        text = pattern.sub(words, text)
    return text


def _read(words: Sequence[Token]) -> _Sentence:
    marks = spoken_marks(words)
    gone = absent(words, marks)
    wanted: dict[str, list[str]] = {}
    denied: dict[str, list[str]] = {}
    limits = limits_of(marks)
    for mark in marks:
        if mark.kind not in ("below", "above"):
            add(denied if mark.denied else wanted, _codes_of(mark))
    if any(mark.kind in ("below", "above") for mark in marks):  # “more than 5 and less than 10 mm”: both hold
        add(wanted, {"size_mm": bins_of(limits)})
    sizes = [span_of(mark) for mark in marks if mark.kind == "size" and not mark.denied]
    covered = {at for mark in marks if _asks(words, mark) for at in range(mark.first, mark.last)}
    for at, key, codes in _spoken_of_several(words):
        covered |= {at, at + 1} if key in ("segment", "lst") else {at}
        if key != "size_mm" or not any(mark.kind in ("size", "below", "above") for mark in marks):
            add(denied if is_denied(words, at) else wanted, {key: codes})
            if key == "size_mm" and not is_denied(words, at):
                sizes.append(load_wording().sizes[words[at].word])
    return _Sentence(
        {key: tuple(own) for key, own in wanted.items()},
        {key: tuple(own) for key, own in denied.items()},
        [(words[mark.first].start, words[mark.last - 1].end) for mark in marks if mark.denied],
        [words[at].text for at in range(len(words)) if at not in covered and _means(words[at])],
        limits,
        around(sizes),
        any(mark.value == "polyp" and mark not in gone for mark in nouns(marks)),
    )


def _asks(words: Sequence[Token], mark: Mark) -> bool:
    """Whether a search can ask for what the mark says: not for a treatment or an optical diagnosis."""
    if mark.kind == "say":
        return mark.field in CODED or mark.field == "sub_segment"
    if mark.kind == "lesion":
        name = [token.word for token in words[mark.first : mark.last]]
        return not lesion_of(name).says and not name[-1].startswith("adenom")
    return mark.kind != "distance"


def _codes_of(mark: Mark) -> Codes:
    if mark.kind == "size":
        return {"size_mm": bins_of(span_of(mark))}
    return codes_of_mark(mark)


def _spoken_of_several(words: Sequence[Token]) -> list[tuple[int, str, tuple[str, ...]]]:
    """“Small”, “left colon”: words for several bins or segments, where they stand."""
    wording = load_wording()
    found: list[tuple[int, str, tuple[str, ...]]] = []
    for at, token in enumerate(words):
        pair = f"{token.word} {words[at + 1].word}" if at + 1 < len(words) else ""
        if pair in wording.regions:
            found.append((at, "segment", wording.regions[pair]))
        for spoken in (pair, token.word):
            if spoken in _SPOKEN and not (at + 2 < len(words) and words[at + 2].word in _TYPES):
                found.append((at, *_SPOKEN[spoken]))
        if token.word in wording.sizes:
            found.append((at, "size_mm", bins_of(wording.sizes[token.word])))
    return found


def _means(token: Token) -> bool:
    """Whether the word might have meant something: no sign, and none of those that say nothing."""
    known_sign = token.text in "≥≤–×" or (token.text.isascii() and not token.text[-1].isalnum())
    return not known_sign and token.word not in SILENT and token.word != "colon"


def _plain(found: dict[str, list[str]]) -> Codes:
    return in_order({key: tuple(own) for key, own in found.items() if own and codes_in_order(key)})


def _without(text: str, cut: Sequence[tuple[int, int]]) -> str:
    for first, last in sorted(cut, reverse=True):
        text = f"{text[:first]} {text[last:]}"
    return text
