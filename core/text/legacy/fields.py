"""The fields of one finding, from the marks that are its own."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.text.legacy.mark import Mark
from core.text.legacy.mention import Mention
from core.text.legacy.read_field import ReadField, shown
from core.text.legacy.tokens import Token
from core.text.legacy.wording import load_wording

_PLAIN = (
    "lst", "stalk", "colour", "wall", "fold", "imaging", "nice", "jnet", "kudo", "optical_dx",
    "en_bloc", "complete", "tattoo",
)  # fmt: skip
_WHOSE = 0.4
_CONTRADICTED, _LESS_SURE = 0.5, 0.2
_BY_NAME = 0.85
"""How sure a field is that the finding's name says: “sessile serrated lesion”."""


def fields_of(
    words: Sequence[Token], own: Sequence[Mark], mention: Mention, text: str
) -> dict[str, ReadField]:
    """All fields but its place.

    Args:
        own: its marks, none that is denied.
    """
    own = [mark for mark in own if not mark.denied]
    name = shown(words, mention.name, text) if mention.name[1] > mention.name[0] else ""
    fields = {"state": ReadField(mention.state, 0.9, name)}
    if mention.state == "scar" and (back := _first(own, "state")) is not None:  # “scar with a recurrence”
        fields["state"] = read_of(words, back, text)
    fields |= {key: ReadField(value, _BY_NAME, name) for key, value in mention.says.items()}
    for key in _PLAIN:
        if (mark := _surest(own, key)) is not None:
            fields[key] = _doubted(read_of(words, mark, text), own, key, mention)
    if (form := _form(words, own)) is not None:
        fields["paris"] = _doubted(read_of(words, form, text), own, "paris", mention)
    surfaces = [mark for mark in own if mark.field == "surface"]
    if surfaces:
        values = tuple(dict.fromkeys(str(mark.value) for mark in surfaces))
        fields["surface"] = ReadField(values, surfaces[0].sure, _shown(words, surfaces[0], text))
    sizes = [mark for mark in own if mark.kind == "size"]
    if sizes:  # the one in the finding's name before one behind it
        inside = [mark for mark in sizes if mention.name[0] <= mark.first < mention.name[1]]
        fields["size_mm"] = _doubted(read_of(words, (inside or sizes)[0], text), own, "size_mm", mention)
    distances = [mark for mark in own if mark.kind == "distance" and mark.field]
    if distances:
        fields["dist_av_cm"] = read_of(words, distances[0], text)
    return {**fields, **treatment(words, own, mention, text)}


def treatment(
    words: Sequence[Token], own: Sequence[Mark], mention: Mention | None, text: str
) -> dict[str, ReadField]:
    """What was done: a lifted lesion that was snared is a mucosal resection."""
    fields: dict[str, ReadField] = {}
    if (lifting := _first(own, "lifting")) is not None:
        fields["lifting"] = read_of(words, lifting, text)
    actions = [mark for mark in own if mark.field == "action"]
    done = [mark for mark in actions if mark.value != "biopsy only"] or actions  # “biopsied, then removed”
    action = done[0] if done else None
    lifted = lifting is not None and lifting.value == "yes"
    if action is not None:
        read = read_of(words, action, text)
        if lifted and action.value in ("cold snare", "hot snare"):
            resection = "cold EMR" if action.value == "cold snare" else "EMR"
            read = ReadField(resection, 0.6, read.words)
        fields["action"] = read
    if (retrieved := _first(own, "retrieved")) is not None:
        fields["retrieved"] = _retrieved(words, retrieved, mention, text)
    return fields


def _retrieved(words: Sequence[Token], mark: Mark, mention: Mention | None, text: str) -> ReadField:
    """“2 retrieved” of three is partly."""
    read = read_of(words, mark, text)
    before = words[mark.first - 1].number if mark.first else None
    count = None if mention is None else mention.count
    if before is not None and count is not None and before < count:
        return msgspec.structs.replace(read, value="partly" if before else "no", sure=0.85)
    return read


def _doubted(read: ReadField, own: Sequence[Mark], key: str, mention: Mention) -> ReadField:
    """Of several findings that are told together, nobody says whose of two values it is."""
    values = {mark.value for mark in own if mark.field == key}
    if mention.count == 1 or len(values) < 2:
        return read
    return msgspec.structs.replace(read, sure=min(read.sure, _WHOSE))


def _surest(marks: Sequence[Mark], field: str) -> Mark | None:
    """“Flat (IIa)”: the surer word, else the first."""
    return max((mark for mark in marks if mark.field == field), key=lambda mark: mark.sure, default=None)


def _form(words: Sequence[Token], own: Sequence[Mark]) -> Mark | None:
    """The class of Paris, before one that a word such as “sessile” means; doubted where two contradict each
    other: “Is or IIa”, “sessile, Paris Isp”.
    """
    surest = _surest(own, "paris")
    forms = [
        mark for mark in own if mark.field == "paris" and surest and mark.sure >= surest.sure - _LESS_SURE
    ]
    if len({mark.value for mark in forms}) < 2:
        return surest
    phrases = load_wording().phrases
    named = [
        mark for mark in forms if tuple(one.word for one in words[mark.first : mark.last]) not in phrases
    ]
    return msgspec.structs.replace((named or forms)[0], sure=_CONTRADICTED)


def _first(marks: Sequence[Mark], field: str) -> Mark | None:
    return next((mark for mark in marks if mark.field == field), None)


def read_of(words: Sequence[Token], mark: Mark, text: str) -> ReadField:
    """The field that a mark says."""
    return ReadField(mark.value, round(mark.sure, 3), _shown(words, mark, text))


def _shown(words: Sequence[Token], mark: Mark, text: str) -> str:
    return shown(words, (mark.first, mark.last), text)
