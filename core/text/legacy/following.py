"""Which findings a sentence goes on about: “The polyp was removed”, “Both were retrieved”."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.text.legacy.read_field import ReadField
from core.text.legacy.read_finding import ReadFinding
from core.text.legacy.sentence import ReadSentence
from core.text.legacy.wording import load_wording, phrase

_SAME = ("size_mm", "segment", "paris", "state")
"""Fields that may not differ where a finding is named again; but for the last, one of them has to agree."""
_SINGLE = frozenset({"it", "this", "the", "that", "which"})


def names_again(read: ReadSentence, found: Sequence[ReadFinding]) -> int | None:
    """The place of the finding that “the 12 mm polyp” means, if there is just one."""
    if not read.again or len(read.findings) != 1:
        return None
    fields = read.findings[0].fields
    fitting = [place for place, one in enumerate(found) if _agrees(one, fields)]
    return fitting[0] if len(fitting) == 1 else None


def goes_on(read: ReadSentence, found: Sequence[ReadFinding], last: Sequence[int]) -> list[int]:
    """The places of the findings that a sentence without one of its own goes on about.

    Args:
        last: places of those that the sentence before spoke of.
    """
    if read.findings or not read.rest or not (read.noun_again or _begins(read)):
        return []
    words = [token.word for token in read.words]
    if "segment" in read.rest:
        places = [at for at, one in enumerate(found) if _same_place(one, read)]
        return places[-1:]
    if "all" in words[:3]:
        return list(range(len(found)))
    if "both" in words[:3] and len(found) > 1:
        return list(range(len(found) - 2, len(found)))
    if len(last) > 1 and words[0] in _SINGLE and not read.many:
        return []
    return list(last)


def _begins(read: ReadSentence) -> bool:
    """Whether the first words can only speak of what was named before."""
    first = next((mark for mark in read.marks), None)
    starts = first is not None and first.first <= 1 and first.field not in ("", "segment", "sub_segment")
    words = tuple(token.word for token in read.words)
    ways = [phrase(one) for one in load_wording().sections.goes_on]
    return starts or any(words[: len(way)] == way for way in ways)


def _agrees(one: ReadFinding, fields: Mapping[str, ReadField]) -> bool:
    both = [key for key in _SAME if key in fields and key in one.fields]
    same = [fields[key].value == one.fields[key].value for key in both]
    return all(same) and any(key != "state" for key in both)


def _same_place(one: ReadFinding, read: ReadSentence) -> bool:
    return "segment" in one.fields and one.fields["segment"].value == read.rest["segment"].value
