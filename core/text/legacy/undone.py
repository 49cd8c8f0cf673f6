"""What a sentence names as a treatment and doubts: “EMR was attempted, but the procedure was abandoned”."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from core.text.legacy.mark import Mark
from core.text.legacy.tokens import Token

_UNDONE = frozenset({"abandoned", "unsuccessful", "aborted"})
_PAIRS = frozenset({
    ("without", "success"), ("but", "failed"), ("unable", "to"), ("not", "succeed"), ("was", "considered"),
    ("were", "considered"), ("could", "not"), ("cannot", "be"),
})  # fmt: skip
_SURE = 0.4


def with_doubted_treatments(words: Sequence[Token], marks: Sequence[Mark]) -> list[Mark]:
    """The marks; where something wasn't possible, nobody can be sure which treatment was given in the end."""
    told = [token.word for token in words]
    if _UNDONE.isdisjoint(told) and _PAIRS.isdisjoint(itertools.pairwise(told)):
        return list(marks)
    return [
        msgspec.structs.replace(mark, sure=min(mark.sure, _SURE)) if mark.is_treatment else mark
        for mark in marks
    ]
