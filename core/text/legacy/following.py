"""Which findings a sentence goes on about: “The polyp was removed”, “Both were retrieved”."""

from __future__ import annotations

from collections.abc import Sequence

from core.text.legacy.mention import OF_TWO
from core.text.legacy.read_field import ReadField
from core.text.legacy.read_finding import ReadFinding, agrees, in_order, tells
from core.text.legacy.sentence import ReadSentence
from core.text.legacy.wording import load_wording, phrase

_SINGLE = frozenset({"it", "this", "the", "that", "which"})
_KEYS = frozenset({"location", "site", "located", "it", "the"})
"""What a sentence begins with that may say the place of a finding before it: “Location: sigmoid”."""
_DONE = frozenset({"action", "lifting", "retrieved", "en_bloc", "complete", "tattoo"})
_FEW = 4
_FIRST_SURE = 0.7


def names_again(read: ReadSentence, found: Sequence[ReadFinding]) -> list[int]:
    """The places of those that “the 12 mm polyp” and “the larger one” mean; empty unless each finding of the
    sentence means just one.
    """
    one_of_two = not OF_TWO.keys().isdisjoint(read.told)
    order = in_order(found, range(len(found)), read.told) if one_of_two else []
    meant: list[int] = []
    for one, nth, again in zip(read.findings, read.refers, read.again, strict=True):
        fitting = [place for place, known in enumerate(found) if again and agrees(known, one.fields)]
        if nth is not None and nth < len(order):
            fitting = [order[nth]]
        if len(fitting) != 1:
            return []
        meant += fitting
    return meant


def new_in(read: ReadSentence, found: Sequence[ReadFinding]) -> list[ReadFinding]:
    """The sentence's findings, without “the larger was removed” where nobody can tell which one is meant."""
    told = zip(read.findings, read.refers, strict=True)
    return [one for one, nth in told if not found or nth is None or tells(one.fields)]


def is_first(read: ReadSentence, found: Sequence[ReadFinding]) -> list[ReadFinding]:
    """“The polyp was located in the sigmoid”: a finding that was not named before; else none."""
    elsewhere = "segment" in read.rest and not any(
        "segment" not in one.fields or _same_place(one, read) for one in found
    )
    if (found and not elsewhere) or not tells(read.rest) or not read.noun_again:
        return []
    state = {"state": ReadField(read.state, _FIRST_SURE, "")}
    return [ReadFinding({**state, **read.rest}, None if read.many else 1, read.sentence)]


def looks_like(read: ReadSentence) -> bool:
    """“Possible SSL.”: what the findings before it look like, not another one."""
    told = [word for word in read.told if word.isalpha() and word not in ("a", "an")]
    bare = len(read.findings) == 1 and not tells(read.findings[0].fields) and len(told) <= _FEW
    return bare and bool(told) and told[0] in load_wording().fillers.looks


def goes_on(read: ReadSentence, found: Sequence[ReadFinding], last: Sequence[int]) -> list[int]:
    """The places of the findings that a sentence without one of its own goes on about.

    Args:
        last: places of those that the sentences before spoke of.
    """
    if read.findings or not read.rest or not found or not (read.noun_again or _begins(read)):
        return []
    words = read.told
    if "segment" in read.rest:
        places = [at for at, one in enumerate(found) if _same_place(one, read)]
        placeless = [at for at in last if "segment" not in found[at].fields]
        return places[-1:] or (placeless if words[0] in _KEYS else [])
    if "all" in words[:3]:
        return list(range(len(found)))
    if "both" in words[:3] and len(found) > 1:
        return list(range(len(found) - 2, len(found)))
    if len(last) > 1 and words[0] in _SINGLE and not read.many:
        return []
    return list(last)


def keeps_on(read: ReadSentence) -> bool:
    """Whether the next sentence may still speak of the findings before this one."""
    named = any(mark.kind == "lesion" for mark in read.marks)  # “to raise the lesion” is still about it
    return not any(mark.field == "segment" for mark in read.marks) and (read.noun_again or not named)


def _begins(read: ReadSentence) -> bool:
    """Whether the sentence can only speak of what was named before."""
    first = next((mark for mark in read.marks), None)
    starts = first is not None and first.first <= 1 and first.field not in ("", "segment", "sub_segment")
    told = read.told
    sections = load_wording().sections
    ways = [phrase(one) for one in sections.goes_on]
    if starts or any(tuple(told[: len(way)]) == way for way in ways):
        return True
    return not _DONE.isdisjoint(read.rest) and not set(sections.treats).isdisjoint(told)


def _same_place(one: ReadFinding, read: ReadSentence) -> bool:
    return "segment" in one.fields and one.fields["segment"].value == read.rest["segment"].value
