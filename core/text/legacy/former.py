"""Sizes that a finding had at an earlier exam: “previously 8 mm”, “known 20 mm polyp, now 24 mm”."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.text.legacy.mark import Mark
from core.text.legacy.tokens import Token

_NOW = frozenset({"now", "currently", "today"})
_THEN = frozenset({"previously", "formerly", "originally", "initially", "was", "from"})
_THEN_BEHIND = (
    ("last", "year"),
    ("previously",),
    ("before",),
    ("at", "last"),
    ("last", "time"),
    ("earlier",),
)
_BETWEEN = frozenset(
    {"measures", "measuring", "measured", "has", "grown", "to", "is", "was", "size", "of", "mm"}
)


def without_former_sizes(words: Sequence[Token], marks: Sequence[Mark]) -> list[Mark]:
    """The marks; those sizes are denied."""
    sizes = [mark for mark in marks if mark.kind == "size" and not mark.denied]
    now = next((mark for mark in sizes if is_now(words, mark)), None)
    former = [mark for mark in sizes if _is_former(words, mark)]
    if now is not None and not any(_names(mark, sizes[0], now) for mark in marks):
        former += [mark for mark in sizes if mark.first < now.first]
    if len(former) == len(sizes):
        return list(marks)
    return [msgspec.structs.replace(mark, denied=True) if mark in former else mark for mark in marks]


def is_now(words: Sequence[Token], size: Mark) -> bool:
    """“Now 12 mm”, “now measures 24 mm”, “has grown to 12 mm”."""
    at = size.first - 1
    while at >= 0 and words[at].word in _BETWEEN:
        at -= 1
    grown = "grown" in {token.word for token in words[at + 1 : size.first]}
    return grown or (at >= 0 and words[at].word in _NOW)


def _is_former(words: Sequence[Token], size: Mark) -> bool:
    before = words[size.first - 1].word if size.first else ""
    behind = [token.word for token in words[size.last : size.last + 2]]
    ends = any(tuple(behind[: len(one)]) == one for one in _THEN_BEHIND)
    return before in ("previously", "formerly", "originally") or (before in _THEN and ends)


def _names(mark: Mark, first: Mark, last: Mark) -> bool:
    """Whether a mark calls something a finding behind the one that has the first size: “now a 5 mm polyp”."""
    return mark.kind == "lesion" and first.last + 3 < mark.first < last.first
