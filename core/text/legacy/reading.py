"""Free text of an earlier report read into the fields of the description, each with how sure it is.

Rules over words, no model: what they read can be shown word by word, and nothing is final until accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.text.legacy.following import goes_on, is_first, keeps_on, looks_like, names_again, new_in
from core.text.legacy.headings import Carried
from core.text.legacy.ordinals import parts_of, told_apart
from core.text.legacy.read_field import ReadField
from core.text.legacy.read_finding import ReadFinding, in_order, with_more
from core.text.legacy.sections import told
from core.text.legacy.sentence import read_sentence

__all__ = ["ReadFinding", "read_findings"]


def read_findings(text: str) -> tuple[ReadFinding, ...]:
    """The findings that a text names, in its order; none of those that it says aren't there.

    What a later sentence says of a finding (“It was removed with a snare”) is among its fields, less sure,
    and so is the place of a heading above it. A summary is read only where nothing stands before it.
    """
    found: list[ReadFinding] = []
    last: list[int] = []
    several: list[int] = []
    carried = Carried()
    before_summary: int | None = None
    for one in told(text):
        if not one.summary:
            before_summary = None
        elif before_summary is None:
            before_summary = sum(not each.only_announces for each in found)
        if before_summary:
            continue
        read = read_sentence(one.sentence, one.start, text)
        carried = carried.behind(read)
        parts = parts_of(read)
        if parts and not several:
            found, several = told_apart(found, last)
        meant = in_order(found, several, read.told) if parts else []
        if parts and max(parts) < len(meant):
            last = [meant[number] for number in parts]
            _say_more(found, last, parts.values(), one.sentence)
            continue
        new = [carried.placed(each) for each in (new_in(read, found) or is_first(read, found))]
        again = names_again(read, found)
        again = again or (last if len(last) == 1 and looks_like(read) else [])
        at = again or goes_on(read, found, last)
        says = [each.fields for each in read.findings] if again else [read.rest] * len(at)
        _say_more(found, at, says, one.sentence)
        if at:
            last = at
        elif new:
            if found and found[-1].only_announces and (read.unnamed or one.summary):
                found.pop()
            last, several = list(range(len(found), len(found) + len(new))), []
            found += new
        elif not keeps_on(read):
            last = []
    return tuple(found)


def _say_more(
    found: list[ReadFinding], places: Sequence[int], says: Iterable[Mapping[str, ReadField]], sentence: str
) -> None:
    """Puts what a sentence says of the findings at these places to them."""
    for place, said in zip(places, says, strict=True):
        found[place] = with_more(found[place], said, sentence.strip())
