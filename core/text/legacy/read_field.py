"""One field as read from a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from core.text.legacy.tokens import Token


class ReadField(msgspec.Struct, frozen=True):
    """One field as read.

    Args:
        value: as the description takes it.
        sure: 0…1; not a probability that was measured, but higher is righter.
        words: of the text that say so.
    """

    value: Any
    sure: float
    words: str


def shown(words: Sequence[Token], span: tuple[int, int], text: str) -> str:
    """The stretch of the text that tokens ``span[0]`` to ``span[1]`` (behind the end) cover."""
    return text[words[span[0]].start : words[span[1] - 1].end]
