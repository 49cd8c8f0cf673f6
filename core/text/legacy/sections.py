"""The sentences of a report that may name a finding: not those of its indication or its recommendation."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from core.text.legacy.marks import marks_of
from core.text.legacy.places import heading_of
from core.text.legacy.tokens import sentences, tokens
from core.text.legacy.wording import load_wording

_HEADING = re.compile(r"\W*((?:[^\W\d_]+[ /&-]*){1,4}?)\s*(?:[:=]|\s[-–]\s|$)\s*")
_PARAGRAPH = re.compile(r"\n\s*\n")


class Told(msgspec.Struct, frozen=True):
    """A sentence of a report.

    Args:
        start: where it begins in the text.
        summary: it stands under a heading that repeats what was found.
    """

    start: int
    sentence: str
    summary: bool


def told(text: str) -> Iterator[Told]:
    """The sentences in their order, without those under headings such as “Indication”; a summary that stands
    before what it sums up comes last.

    Behind such a heading all is left out up to the next heading or paragraph, where it has a line to itself,
    where the findings have a heading of their own further below, or where it ends a report; else only its own
    sentence: a finding that is named elsewhere is never lost.
    """
    known = load_wording().sections
    skipping = summary = False
    end, early = 0, []
    every = [(start, sentence, *_heading(sentence)) for start, sentence in sentences(text)]
    body = max((start for start, _, heading, _ in every if heading in known.bodies), default=-1)
    for start, sentence, heading, alone in every:
        if heading or (skipping and _place_heading(sentence)) or _PARAGRAPH.search(text, end, start):
            skipping = False
        end = start + len(sentence)
        if heading:
            summary = heading in known.summaries
        if heading in known.skipped:
            skipping = alone or start < body or heading in known.closing
            continue
        if not skipping and not (alone and heading):
            one = Told(start, sentence, summary)
            if summary and start < body:
                early.append(one)
            else:
                yield one
    yield from early


def _place_heading(sentence: str) -> bool:
    """“Sigmoid: …”: whatever was left out before, a finding may stand here."""
    words = tokens(sentence)
    return heading_of(words, marks_of(words), sentence) is not None


def _heading(sentence: str) -> tuple[str, bool]:
    """A known heading that the sentence begins with, in lower case, else ""; and whether it is all."""
    found = _HEADING.match(sentence)
    if found is None:
        return "", False
    known = load_wording().sections
    name = " ".join(found.group(1).lower().split())
    alone = not any(letter.isalpha() for letter in sentence[found.end() :])  # “Pathology: 1.”
    if name in (*known.skipped, *known.summaries, *known.others):
        return name, alone
    return "", False
