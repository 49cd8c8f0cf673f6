"""One mark: words of a sentence that mean something."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["say", "lesion", "relation", "size", "count", "distance", "below", "above"]

_NOT_TREATED = ("left in situ", "referred surgery", "referred endoscopy")


class Mark(msgspec.Struct, frozen=True):
    """Words with a meaning.

    Args:
        first, last: tokens, ``last`` behind the end.
        field, value: what they say, where they say a field; a size, or a limit (“below”, “above”), in mm.
        sure: 0…1.
        low: the lower end of a size that is a range.
        denied: the sentence says that it isn't so.
    """

    kind: Kind
    first: int
    last: int
    field: str = ""
    value: str | int | float | None = None
    sure: float = 0.95
    low: int | None = None
    denied: bool = False

    @property
    def is_treatment(self) -> bool:
        """Whether it says what was done to the lesion, not that it was left or referred."""
        return self.field == "action" and self.value not in _NOT_TREATED
