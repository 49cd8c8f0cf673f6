"""What is searched for: words, or a clip that it is to be like, refined by chips and narrowed by filters."""

from __future__ import annotations

import datetime as dt
import re
from typing import Literal, get_args

import msgspec

from core.errors import PolypTraceError
from core.search.coded import Codes
from core.search.features import Words
from core.search.limits import Limits, beyond, bins_of, limits_words
from core.search.typed import TATTOOS, Typed, read_typed
from core.text.vocabulary import load

Refinement = Literal["larger", "smaller", "other segment", "after tattoo"]
REFINEMENTS: tuple[Refinement, ...] = get_args(Refinement)
NO_IDENTITY = "This finds polyps of a kind; it doesn't decide whether two are the same lesion."
NOTHING_UNDERSTOOD = "Nothing of it says what a polyp is like: try size, form, place or look."
LONGEST = 300
"""Characters of a typed query that are read."""
_UNIT = r"(?:millimet(?:er|re)s?|centimet(?:er|re)s?|mms?|cms?|inch(?:es)?)"
_NUMBER = rf"(?:\d+/\d+|\d+(?:[.,]\d+)?\s*\+?)(?:\s*{_UNIT})?"
_MORE = r"(?:larger|bigger|greater|smaller|less|more|over|under|above|below)"
_LIMIT = (
    rf"(?:{_MORE}\s+than\s+|{_MORE}\s+|at\s+(?:least|most)\s+|up\s+to\s+|(?:max|min)\w*\.?\s+)(?:an?\s+)?"
)
_PLUS = rf"\b\+?(?:\s+or\s+{_MORE})?"
_SIZE = rf"(?:\b{_LIMIT}|[<>≤≥~]\s*=?\s*)?{_NUMBER}(?:\s*(?:[-–x×]|to|and)\s*{_NUMBER})?(?<=[a-zA-Z]){_PLUS}"
_CLASS = r"\b(?:paris|nice|jnet|kudo)\s+(?:type\s+)?(?:0-)?[iv\d]\w*"
_AFTER = r"\bafter\s+(?:an?\s+)?tattoo\w*"
_WORD = re.compile(rf"{_SIZE}|{_CLASS}|{_AFTER}|\S+", re.IGNORECASE)
_SIGNS = ".,;:!?…()“”\"'"
_BEFORE = {"paris": "Paris ", "lst": "LST ", "nice": "NICE ", "jnet": "JNET ", "kudo": "Kudo "}
_BEHIND = {"size_mm": " mm", "stalk": " stalk", "tattoo": " tattoo"}


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which clips are searched; what is None narrows nothing.

    Args:
        patient: pseudonym.
        since, until: days of exams, both included.
        segment: code of the description.
    """

    patient: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    segment: str | None = None


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A search as the user put it together: the same one always gives the same list.

    Args:
        text: typed words.
        like: id of a clip whose kind is meant; with ``text`` the words come on top.
        refinements: chips, in the order they were set.
        filters: which clips are searched.
    """

    text: str = ""
    like: int | None = None
    refinements: tuple[Refinement, ...] = ()
    filters: Filters = Filters()


class Meant(msgspec.Struct, frozen=True):
    """A query as it was understood.

    Args:
        words: what is encoded.
        denied: codes of descriptions that are left out: “not pedunculated”, another segment.
        limits: sizes in millimetres, both included, outside of which descriptions are left out.
        after_tattoo: only exams of patients with a tattoo at an earlier exam.
        said: the query in words, chips included.
    """

    words: Words
    denied: Codes = {}
    after_tattoo: bool = False
    said: str = ""
    limits: Limits | None = None


def understood(query: SearchQuery, like: Words | None = None, like_mm: float | None = None) -> Meant:
    """The query with its chips put in.

    Args:
        like, like_mm: words and size of the clip that is meant.

    Raises:
        PolypTraceError: ``search-empty``; ``refine-no-size`` or ``refine-no-segment`` where a chip has
            nothing to start from; ``refine-largest`` where there is nothing larger or smaller.
    """
    typed = read_typed(read_part(query.text)) if query.text.strip() else Typed(Words({}), {})
    if not query.text.strip() and like is None:
        raise PolypTraceError(
            "search-empty",
            "There is nothing to search for.",
            "Type what the polyp is like: “2 cm pedunculated polyp in the sigmoid”.",
        )
    codes: Codes = {**(like.codes if like else {}), **typed.words.codes}
    free = " ".join(one.free for one in (like, typed.words) if one and one.free)
    denied, limits = typed.denied, typed.limits
    sizes = typed.sizes or (None if like_mm is None else (like_mm, like_mm))
    for chip in query.refinements:
        if chip in ("larger", "smaller"):
            limits = beyond(sizes, larger=chip == "larger")
            codes = {**codes, "size_mm": bins_of(limits)}
        elif chip == "other segment":
            denied = {**denied, "segment": _segments(codes)}
            codes = {key: own for key, own in codes.items() if key != "segment"}
    after = typed.after_tattoo or "after tattoo" in query.refinements
    codes = _without(codes, denied) or ({"state": ("polyp",)} if denied or limits else {})
    said = _said(codes, free, denied, after, limits)
    return Meant(Words(codes, free), denied, after, said, limits)


def read_part(text: str) -> str:
    """What of a query is read: its first words, at most :data:`LONGEST` characters."""
    return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0]


def without_each_word(text: str) -> list[tuple[str, str]]:
    """Each word of a typed query, without signs around it, and the query without it.

    What is one thing stays together: “> 5 mm”, “5 to 10 mm”, “Paris Is”.
    """
    text = read_part(text)
    found = list(_WORD.finditer(text))
    left = [f"{text[: one.start()]} {text[one.end() :]}".strip() for one in found]
    told = [one.group().strip(_SIGNS) for one in found]
    return [(word, rest) for word, rest in zip(told, left, strict=True) if any(map(str.isalnum, word))]


def without_each_code(codes: Codes) -> list[tuple[str, Codes]]:
    """Each field's value in words, and the codes without it."""
    return [
        (word, {other: value for other, value in codes.items() if other != key})
        for word, key in each_value(codes)
    ]


def each_value(codes: Codes) -> list[tuple[str, str]]:
    """Each field's value in words, and the field."""
    return [(_value(key, own), key) for key, own in codes.items()]


def narrowed(filters: Filters, meant: Meant) -> str:
    """What leaves clips out, in words: “patient P17, not rectum”; empty where nothing does."""
    parts = [f"patient {filters.patient}"] if filters.patient else []
    parts += [f"from {filters.since}"] if filters.since else []
    parts += [f"until {filters.until}"] if filters.until else []
    parts += [filters.segment] if filters.segment else []
    parts += [limits_words(meant.limits)] if meant.limits else []
    parts += [f"not {_value(key, own)}" for key, own in meant.denied.items()]
    return ", ".join(parts + (["after a tattoo"] if meant.after_tattoo else []))


def segment_of(typed: str) -> str:
    """The code of a segment as people write it.

    Raises:
        PolypTraceError: ``segment-unknown``.
    """
    field = load().by_key["segment"]
    found = field.find(typed)
    read = (found,) if found else read_typed(typed).words.codes.get("segment", ())
    if len(read) != 1:
        raise PolypTraceError(
            "segment-unknown",
            "Those are several segments." if read else "There is no segment of that name.",
            f"Choose one of {', '.join(field.codes)}"
            + ("; a query can ask for several: “polyp in the sigmoid or rectum”." if read else "."),
        )
    return read[0]


def _segments(codes: Codes) -> tuple[str, ...]:
    if "segment" not in codes:
        raise PolypTraceError(
            "refine-no-segment",
            "The query says no segment that another could differ from.",
            "Say a segment, such as sigmoid.",
        )
    return codes["segment"]


def _without(codes: Codes, denied: Codes) -> Codes:
    """The clip that is meant may be what the words deny."""
    left = {key: tuple(code for code in own if code not in denied.get(key, ())) for key, own in codes.items()}
    return {key: own for key, own in left.items() if own}


def _said(codes: Codes, free: str, denied: Codes, after: bool, limits: Limits | None) -> str:
    exact = limits_words(limits) if limits else ""
    parts = [exact if exact and key == "size_mm" else _value(key, own) for key, own in codes.items()]
    parts += [exact] if exact and "size_mm" not in codes else []
    parts += [f"“{free}”"] if free and not codes and not denied else []
    parts += [f"not {_value(key, own)}" for key, own in denied.items()]
    parts += ["after a tattoo"] if after else []
    return ", ".join(parts)


def _value(key: str, own: tuple[str, ...]) -> str:
    """“20–29 or ≥30 mm”, “Paris Ip”, “sigmoid”."""
    if own == TATTOOS:
        return "any tattoo"
    return f"{_BEFORE.get(key, '')}{' or '.join(own)}{_BEHIND.get(key, '')}"
