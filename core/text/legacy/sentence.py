"""One sentence of a report: the findings that it names, and what it says where it names none."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from core.text.legacy.fields import fields_of, read_of, treatment
from core.text.legacy.mark import Mark
from core.text.legacy.marks import marks_of
from core.text.legacy.mention import Mention
from core.text.legacy.mentions import absent, compound, mentions
from core.text.legacy.nouns import called, nouns
from core.text.legacy.places import heading_of, places_of
from core.text.legacy.read_field import ReadField
from core.text.legacy.read_finding import ReadFinding, agrees, with_more
from core.text.legacy.sizes import sizes_of_several
from core.text.legacy.tokens import Token, tokens

_SHARED = ("action", "retrieved", "lifting")
"""What may stand once behind several findings of a sentence and is true of all: “… all cold snared”."""
_SHARED_SURE = 0.7
_TELLS = frozenset({"paris", "action", "lifting", "retrieved"})
_WHICH = frozenset({"former", "latter", "respectively"})
_NOT_WHICH = 0.4
_TODAY = frozenset({"today", "now", "currently", "current", "new"})
_LONG_AGO = frozenset({
    ("last", "year"), ("years", "ago"), ("months", "ago"),
})  # fmt: skip
_THAT_EXAM = frozenset({"scope", "colonoscopy", "endoscopy", "exam", "examination"})
_UNNAMED = 0.6
"""How sure it is that something is a polyp that nobody calls one."""


class ReadSentence(msgspec.Struct, frozen=True):
    """A sentence as read.

    Args:
        findings: that it names.
        refers: which of several each of them may be: “the second was …”.
        rest: what it says of something, where it names no finding.
        unnamed: its finding is told by size, place and form alone: “Sigmoid: 8 mm Ip, hot snare”.
        sentence: itself, without blanks around it.
        heading: the place that it begins with as a heading, if it does.
        state: what kind of lesion the noun without a new finding calls.
        again: its first finding stands behind “the”.
        noun_again, many: it calls a finding by a noun without naming a new one, and by a plural.
    """

    words: tuple[Token, ...]
    marks: tuple[Mark, ...]
    findings: tuple[ReadFinding, ...]
    refers: tuple[int | None, ...]
    rest: dict[str, ReadField]
    sentence: str
    heading: dict[str, ReadField] | None
    state: str
    unnamed: bool
    again: bool
    noun_again: bool
    many: bool


def read_sentence(sentence: str, start: int, text: str) -> ReadSentence:
    """The sentence of ``text`` that begins at ``start``."""
    words = tokens(sentence, start)
    marks = marks_of(words)
    named = mentions(words, marks)
    past = _is_past(words, named)
    findings, refers = ([], []) if past else _findings(words, marks, named, sentence, text)
    gone = nouns(marks) if past else absent(words, marks)
    rest = {} if findings or gone else _rest(words, marks, text)
    unnamed = (
        not findings
        and not nouns(marks)
        and {"size_mm", "segment"} < rest.keys()
        and not _TELLS.isdisjoint(rest)
    )
    if unnamed:
        findings = [ReadFinding({"state": ReadField("polyp", _UNNAMED, ""), **rest}, 1, sentence.strip())]
        refers = [None]
    called_again = [noun for noun in nouns(marks) if noun not in gone and not compound(words, noun)]
    return ReadSentence(
        words=tuple(words),
        marks=tuple(marks),
        findings=tuple(findings),
        refers=tuple(refers),
        rest={} if findings else rest,
        sentence=sentence.strip(),
        heading=heading_of(words, marks, text),
        state=str(called_again[0].value) if called_again else "polyp",
        unnamed=unnamed,
        again=bool(named) and named[0].again,
        noun_again=not findings and bool(called_again),
        many=any(called(words, noun).many for noun in called_again),
    )


def _rest(words: Sequence[Token], marks: Sequence[Mark], text: str) -> dict[str, ReadField]:
    """What the sentence says of a finding that it doesn't name anew."""
    whole = Mention((len(words), len(words)), "", None, span=(0, len(words)))  # headings stand before it
    fields = {key: one for key, one in fields_of(words, marks, whole, text).items() if key != "state"}
    placed = places_of(words, marks, whole, text)
    return {**fields, **(placed[0] if len(placed) == 1 else {})}


def _findings(
    words: Sequence[Token], marks: Sequence[Mark], named: Sequence[Mention], sentence: str, text: str
) -> tuple[list[ReadFinding], list[int | None]]:
    """The findings, and which of several each may be."""
    shared = _shared(words, marks, named, text)
    found: list[ReadFinding] = []
    refers: list[int | None] = []
    for mention in named:
        own = [mark for mark in marks if mention.owns(mark.first) and not mark.denied]
        fields = {**shared, **fields_of(words, own, mention, text)}
        placed = places_of(words, marks, mention, text)
        sizes = [read_of(words, mark, text) for mark in sizes_of_several(words, own, mention)]
        for one in _spread(fields, placed, sizes, mention, sentence.strip()):
            known = [at for at, other in enumerate(found) if mention.again and agrees(other, one.fields)]
            if mention.nth is not None and mention.nth < len(found) > 1 and refers[mention.nth] is None:
                known = [mention.nth]
            if known:
                found[known[0]] = with_more(found[known[0]], one.fields)
            else:
                found.append(one)
                refers.append(mention.nth)
    told = [token.word for token in words]
    apart = (
        not _WHICH.isdisjoint(told)
        or {"smaller", "larger"} <= {*told}
        or ("one" in told and "other" in told[told.index("one") :])
    )
    doubt = apart and not any(one.part for one in named)
    return [_doubting(one) for one in found] if doubt else found, refers


def _doubting(found: ReadFinding) -> ReadFinding:
    """“The former was removed with …, the latter with …”: what was done to which isn't read."""
    fields = {
        key: msgspec.structs.replace(one, sure=min(one.sure, _NOT_WHICH)) if key in _SHARED else one
        for key, one in found.fields.items()
    }
    return msgspec.structs.replace(found, fields=fields)


def _is_past(words: Sequence[Token], named: Sequence[Mention]) -> bool:
    """“A polyp was removed in 2015”: what one sentence says of an exam long ago, scars aside."""
    told = [token.word for token in words]
    if len(named) != 1 or named[0].state == "scar" or not _TODAY.isdisjoint(told):
        return False
    years = [at for at, token in enumerate(words) if token.number and 1950 <= token.number <= 2100]
    dated = any(at and told[at - 1] in ("in", "since", "from", "(") for at in years)
    pairs = set(itertools.pairwise(told))
    other = told[:1] in (["last"], ["previous"], ["prior"]) and not _THAT_EXAM.isdisjoint(told[1:2])
    return dated or other or not _LONG_AGO.isdisjoint(pairs)


def _spread(
    fields: dict[str, ReadField],
    placed: Sequence[dict[str, ReadField]],
    sizes: Sequence[ReadField],
    mention: Mention,
    sentence: str,
) -> list[ReadFinding]:
    """One finding for each place, or for each size; both in pairs where they are equally many."""
    if len(sizes) < 2:
        count = mention.count if len(placed) < 2 or mention.count is None else _each(mention, placed)
        return [ReadFinding({**fields, **place}, count, sentence) for place in placed or [{}]]
    places = (
        list(placed) if len(placed) == len(sizes) else [placed[0] if len(placed) == 1 else {}] * len(sizes)
    )
    return [
        ReadFinding({**fields, "size_mm": size, **place}, 1, sentence)
        for size, place in zip(sizes, places, strict=True)
    ]


def _each(mention: Mention, placed: Sequence[object]) -> int | None:
    """“Two polyps in sigmoid and rectum”: one in each; “six polyps in …”: nobody says how many in each."""
    return 1 if mention.count == len(placed) else None


def _shared(
    words: Sequence[Token], marks: Sequence[Mark], named: Sequence[Mention], text: str
) -> dict[str, ReadField]:
    """What is said once, behind the last of several findings: “… all cold snared”, “… were cold snared”."""
    if len(named) < 2:
        return {}
    start = named[-1].name[1]
    behind = {token.word for token in words[start:]}
    before = any(mark.field == "action" and mark.first < start for mark in marks)
    if behind.isdisjoint(("all", "both")) and (before or "were" not in behind):
        return {}
    tail = [mark for mark in marks if mark.first >= start and mark.field in _SHARED and not mark.denied]
    read = treatment(words, tail, None, text)
    return {key: msgspec.structs.replace(one, sure=one.sure * _SHARED_SURE) for key, one in read.items()}
