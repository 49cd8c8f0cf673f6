"""One sentence of a report: the findings that it names, and what it says where it names none."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from core.text.legacy.denied import with_absent_denied
from core.text.legacy.fields import fields_of
from core.text.legacy.findings import findings_of
from core.text.legacy.former import without_former_sizes
from core.text.legacy.mark import Mark
from core.text.legacy.marks import marks_of
from core.text.legacy.mention import Mention
from core.text.legacy.mentions import absent, compound, mentions
from core.text.legacy.nouns import called, nouns
from core.text.legacy.places import heading_of, places_of
from core.text.legacy.read_field import ReadField
from core.text.legacy.read_finding import ReadFinding
from core.text.legacy.tokens import Token, tokens
from core.text.legacy.undone import with_doubted_treatments

_TELLS = frozenset({"paris", "action", "lifting", "retrieved"})
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
        again: whether each stands behind “the”, and may have been named before.
        rest: what it says of something, where it names no finding.
        unnamed: its finding is told by size, place and form alone: “Sigmoid: 8 mm Ip, hot snare”.
        sentence: itself, without blanks around it.
        heading: the place that it begins with as a heading, if it does.
        state: what kind of lesion the noun without a new finding calls.
        noun_again, many: it calls a finding by a noun without naming a new one, and by a plural.
    """

    words: tuple[Token, ...]
    marks: tuple[Mark, ...]
    findings: tuple[ReadFinding, ...]
    refers: tuple[int | None, ...]
    again: tuple[bool, ...]
    rest: dict[str, ReadField]
    sentence: str
    heading: dict[str, ReadField] | None
    state: str
    unnamed: bool
    noun_again: bool
    many: bool

    @property
    def told(self) -> list[str]:
        """Its words, in lower case and put right."""
        return [token.word for token in self.words]


def read_sentence(sentence: str, start: int, text: str) -> ReadSentence:
    """The sentence of ``text`` that begins at ``start``."""
    words = tokens(sentence, start)
    marks = marks_of(words)
    marks = without_former_sizes(words, with_absent_denied(words, marks, absent(words, marks)))
    marks = with_doubted_treatments(words, marks)
    named = mentions(words, marks)
    past = _is_past(words, named) and not any(mark.kind == "size" and mark.denied for mark in marks)
    findings, by = ([], []) if past else findings_of(words, marks, named, sentence, text)
    gone = nouns(marks) if past else absent(words, marks)
    rest = {} if findings or (gone and len(gone) == len(nouns(marks))) else _rest(words, marks, text)
    unnamed = (
        not findings
        and not nouns(marks)
        and {"size_mm", "segment"} < rest.keys()
        and not _TELLS.isdisjoint(rest)
    )
    if unnamed:
        findings = [ReadFinding({"state": ReadField("polyp", _UNNAMED, ""), **rest}, 1, sentence.strip())]
        by = [Mention((0, 0), "polyp", 1)]
    called_again = [noun for noun in nouns(marks) if noun not in gone and not compound(words, noun)]
    return ReadSentence(
        words=tuple(words),
        marks=tuple(marks),
        findings=tuple(findings),
        refers=tuple(one.nth for one in by),
        again=tuple(one.again for one in by),
        rest={} if findings else rest,
        sentence=sentence.strip(),
        heading=heading_of(words, marks, text),
        state=str(called_again[0].value) if called_again else "polyp",
        unnamed=unnamed,
        noun_again=not findings and bool(called_again),
        many=any(called(words, noun).many for noun in called_again),
    )


def _rest(words: Sequence[Token], marks: Sequence[Mark], text: str) -> dict[str, ReadField]:
    """What the sentence says of a finding that it doesn't name anew."""
    whole = Mention((len(words), len(words)), "", None, span=(0, len(words)))  # headings stand before it
    fields = {key: one for key, one in fields_of(words, marks, whole, text).items() if key != "state"}
    placed = places_of(words, marks, whole, text)
    return {**fields, **(placed[0] if len(placed) == 1 else {})}


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
