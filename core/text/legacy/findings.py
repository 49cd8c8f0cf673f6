"""What a sentence says of each of the findings that it names."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.text.legacy.fields import fields_of, read_of, treatment
from core.text.legacy.mark import Mark
from core.text.legacy.mention import Mention
from core.text.legacy.others import in_same_place
from core.text.legacy.places import places_of
from core.text.legacy.read_field import ReadField
from core.text.legacy.read_finding import ReadFinding, agrees, in_order, tells, with_more
from core.text.legacy.sizes import sizes_of_several
from core.text.legacy.tokens import Token

_SHARED = ("action", "retrieved", "lifting")
"""What may stand once behind several findings of a sentence and is true of all: “… all cold snared”."""
_SHARED_SURE = 0.7
_WHICH = frozenset({"former", "latter", "respectively"})
_NOT_WHICH = 0.4


def findings_of(
    words: Sequence[Token], marks: Sequence[Mark], named: Sequence[Mention], sentence: str, text: str
) -> tuple[list[ReadFinding], list[Mention]]:
    """The findings, and for each the one of ``named`` that names it."""
    shared = _shared(words, marks, named, text)
    found: list[ReadFinding] = []
    by: list[Mention] = []
    told = [token.word for token in words]
    for at, mention in enumerate(named):
        own = [mark for mark in marks if mention.owns(mark.first) and not mark.denied]
        fields = {**shared, **fields_of(words, own, mention, text)}
        placed = places_of(words, marks, mention, text)
        sizes = [read_of(words, mark, text) for mark in sizes_of_several(words, own, mention)]
        for one in _spread(fields, placed, sizes, mention, sentence.strip()):
            if found:
                around = words[named[at - 1].name[1] - 1 : mention.span[1]]
                one = msgspec.structs.replace(one, fields=in_same_place(around, one.fields, found[-1].fields))
            known = _named_before(one, mention, found, by, told)
            if known is not None:
                found[known] = with_more(found[known], one.fields)
            elif mention.nth is None or tells(one.fields) or all(each.refers for each in by):
                found.append(one)
                by.append(mention)
    return _told_apart(found, words, marks, named, text), by


def _named_before(
    one: ReadFinding,
    mention: Mention,
    found: Sequence[ReadFinding],
    by: Sequence[Mention],
    told: Sequence[str],
) -> int | None:
    """The place of the finding that “the 12 mm polyp” or “the second” means in its own sentence, or None."""
    order = in_order(found, range(len(found)), told) if len(found) > 1 else []
    if mention.nth is not None and mention.nth < len(order) and by[order[mention.nth]].nth is None:
        return order[mention.nth]
    fitting = [place for place, other in enumerate(found) if mention.again and agrees(other, one.fields)]
    return fitting[0] if fitting else None


def _told_apart(
    found: list[ReadFinding],
    words: Sequence[Token],
    marks: Sequence[Mark],
    named: Sequence[Mention],
    text: str,
) -> list[ReadFinding]:
    """The findings, each with its own treatment behind “respectively”, doubted where nobody says whose."""
    told = [token.word for token in words]
    actions = [mark for mark in marks if mark.field == "action" and not mark.denied]
    if "respectively" in told and len(actions) == len(found) and all(one.count == 1 for one in found):
        return [_treated(one, read_of(words, mark, text)) for one, mark in zip(found, actions, strict=True)]
    apart = (
        not _WHICH.isdisjoint(told)
        or {"smaller", "larger"} <= {*told}
        or ("one" in told and "other" in told[told.index("one") :])
    )
    doubt = apart and not any(one.part for one in named)
    return [_doubting(one) for one in found] if doubt else found


def _treated(found: ReadFinding, action: ReadField) -> ReadFinding:
    """“EMR and cold snare respectively”: each finding with its own."""
    sure = msgspec.structs.replace(action, sure=round(action.sure * _SHARED_SURE, 3))
    return msgspec.structs.replace(found, fields={**found.fields, "action": sure})


def _doubting(found: ReadFinding) -> ReadFinding:
    """“The former was removed with …, the latter with …”: what was done to which isn't read."""
    fields = {
        key: msgspec.structs.replace(one, sure=min(one.sure, _NOT_WHICH)) if key in _SHARED else one
        for key, one in found.fields.items()
    }
    return msgspec.structs.replace(found, fields=fields)


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
