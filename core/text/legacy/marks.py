"""What single words and numbers of a sentence say, before anybody asks which finding they belong to."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.text.legacy.classes import class_at
from core.text.legacy.denied import with_denials
from core.text.legacy.mark import Mark
from core.text.legacy.measures import measure_at
from core.text.legacy.tokens import Token
from core.text.legacy.wording import Phrase, load_wording


def marks_of(words: Sequence[Token]) -> list[Mark]:
    """All marks of a sentence in its order; none overlap. What is denied is marked so."""
    found: list[Mark] = []
    at = 0
    while at < len(words):
        mark = class_at(words, at) or measure_at(words, at) or _phrase(words, at)
        if mark is None:
            at += 1
        else:
            found += [mark, *_also(words, mark)]
            at = mark.last
    return with_denials(words, found)


def _also(words: Sequence[Token], mark: Mark) -> list[Mark]:
    """What else the words of a mark say: “resection and retrieval were complete”."""
    say = load_wording().phrases.get(tuple(token.word for token in words[mark.first : mark.last]))
    more = say.also if say is not None and mark.kind == "say" else {}
    return [msgspec.structs.replace(mark, field=field, value=value) for field, value in more.items()]


def _phrase(words: Sequence[Token], at: int) -> Mark | None:
    """The longest known phrase that begins here."""
    wording = load_wording()
    for length in range(min(wording.longest, len(words) - at), 0, -1):
        run = words[at : at + length]
        key: Phrase = tuple(token.word for token in run)
        sure = min(token.sure for token in run)
        if key in wording.relations:
            return Mark("relation", at, at + length)
        if key in wording.lesions:
            return Mark("lesion", at, at + length, value=wording.lesions[key].state, sure=sure)
        if key in wording.phrases:
            say = wording.phrases[key]
            return Mark("say", at, at + length, say.field, say.value, say.sure * sure)
    return None
