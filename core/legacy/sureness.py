"""How sure the reading of a legacy report's finding is."""

from __future__ import annotations

from collections.abc import Mapping

from core.text.legacy.read_field import ReadField
from core.text.place import field_names

_USUAL = 0.9
"""How sure it is that something is a polyp that is called one."""


def least_sure(fields: Mapping[str, ReadField]) -> tuple[str, float] | None:
    """The name of the field that was read with the least certainty, and that, 0 to 1; None of nothing.

    That it is a polyp is said with every one: the kind counts where it is less sure than usual, or alone.
    """
    telling = {key: one for key, one in fields.items() if key != "state" or one.sure < _USUAL}
    if not fields:
        return None
    key, field = min((telling or fields).items(), key=lambda item: item[1].sure)
    return field_names([key]), field.sure
