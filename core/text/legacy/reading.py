"""Free text of an earlier report read into the fields of the description, each with how sure it is.

Rules over words, no model: what they read can be shown word by word, and nothing is final until accepted.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.text.legacy.marks import Mark, marks_of
from core.text.legacy.mentions import Mention, mentions
from core.text.legacy.places import places_of
from core.text.legacy.read_field import ReadField, shown
from core.text.legacy.tokens import Token, sentences, tokens

_PLAIN = ("paris", "wall", "fold", "optical_dx", "en_bloc")
_SHARED = ("action", "retrieved", "lifting")
"""What may stand once behind several findings of a sentence and is true of all: “… all cold snared”."""
_SHARED_SURE = 0.7


class ReadFinding(msgspec.Struct, frozen=True):
    """A finding as read.

    Args:
        fields: by the description's keys; those that the text doesn't say are missing.
        count: how many such findings; None where the text doesn't say.
        words: the sentence.
    """

    fields: dict[str, ReadField]
    count: int | None
    words: str


def read_findings(text: str) -> tuple[ReadFinding, ...]:
    """The findings that a text names, in its order; none of those that it says aren't there."""
    found: list[ReadFinding] = []
    for start, sentence in sentences(text):
        found += _of_sentence(sentence, tokens(sentence, start), text)
    return tuple(found)


def _of_sentence(sentence: str, words: Sequence[Token], text: str) -> list[ReadFinding]:
    marks = marks_of(words)
    named = mentions(words, marks)
    shared = _shared(words, marks, named, text)
    found: list[ReadFinding] = []
    for mention in named:
        own = [mark for mark in marks if mention.span[0] <= mark.first < mention.span[1]]
        fields = {**shared, **_fields(words, own, mention, text)}
        placed = places_of(words, marks, mention, text)
        for place in placed or [{}]:
            count = mention.count if len(placed) < 2 or mention.count is None else _each(mention, placed)
            found.append(ReadFinding({**fields, **place}, count, sentence.strip()))
    return found


def _each(mention: Mention, placed: Sequence[object]) -> int | None:
    """“Two polyps in sigmoid and rectum”: one in each; “six polyps in …”: nobody says how many in each."""
    return 1 if mention.count == len(placed) else None


def _shared(
    words: Sequence[Token], marks: Sequence[Mark], named: Sequence[Mention], text: str
) -> dict[str, ReadField]:
    """What is said once, behind the last of several findings, with “all” before it."""
    if len(named) < 2:
        return {}
    start = named[-1].name[1]
    if not any(token.word in ("all", "both") for token in words[start:]):
        return {}
    tail = [mark for mark in marks if mark.first >= start and mark.field in _SHARED]
    read = _treatment(words, tail, None, text)
    return {key: msgspec.structs.replace(one, sure=one.sure * _SHARED_SURE) for key, one in read.items()}


def _fields(words: Sequence[Token], own: Sequence[Mark], mention: Mention, text: str) -> dict[str, ReadField]:
    fields = {"state": ReadField(mention.state, 0.9, shown(words, mention.name, text))}
    for key in _PLAIN:
        if (mark := _first(own, key)) is not None:
            fields[key] = _read(words, mark, text)
    surfaces = [mark for mark in own if mark.field == "surface"]
    if surfaces:
        values = tuple(dict.fromkeys(str(mark.value) for mark in surfaces))
        fields["surface"] = ReadField(values, surfaces[0].sure, _shown_mark(words, surfaces[0], text))
    sizes = [mark for mark in own if mark.kind == "size"]
    if sizes:  # the one in the finding's name before one behind it
        inside = [mark for mark in sizes if mention.name[0] <= mark.first < mention.name[1]]
        fields["size_mm"] = _read(words, (inside or sizes)[0], text)
    distances = [mark for mark in own if mark.kind == "distance"]
    if distances:
        fields["dist_av_cm"] = _read(words, distances[0], text)
    return {**fields, **_treatment(words, own, mention, text)}


def _treatment(
    words: Sequence[Token], own: Sequence[Mark], mention: Mention | None, text: str
) -> dict[str, ReadField]:
    """What was done: a lifted lesion that was snared is a mucosal resection."""
    fields: dict[str, ReadField] = {}
    if (lifting := _first(own, "lifting")) is not None:
        fields["lifting"] = _read(words, lifting, text)
    action = _first(own, "action")
    lifted = lifting is not None and lifting.value == "yes"
    if action is not None:
        read = _read(words, action, text)
        if lifted and action.value in ("cold snare", "hot snare"):
            resection = "cold EMR" if action.value == "cold snare" else "EMR"
            read = ReadField(resection, 0.6, read.words)
        fields["action"] = read
    if (retrieved := _first(own, "retrieved")) is not None:
        fields["retrieved"] = _retrieved(words, retrieved, mention, text)
    return fields


def _retrieved(words: Sequence[Token], mark: Mark, mention: Mention | None, text: str) -> ReadField:
    """“2 retrieved” of three is partly."""
    read = _read(words, mark, text)
    before = words[mark.first - 1].number if mark.first else None
    count = None if mention is None else mention.count
    if before is not None and count is not None and before < count:
        return msgspec.structs.replace(read, value="partly" if before else "no", sure=0.85)
    return read


def _first(marks: Sequence[Mark], field: str) -> Mark | None:
    return next((mark for mark in marks if mark.field == field), None)


def _read(words: Sequence[Token], mark: Mark, text: str) -> ReadField:
    return ReadField(mark.value, round(mark.sure, 3), _shown_mark(words, mark, text))


def _shown_mark(words: Sequence[Token], mark: Mark, text: str) -> str:
    return shown(words, (mark.first, mark.last), text)
