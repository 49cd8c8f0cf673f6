"""How sure the reading of a legacy report's finding is."""

from __future__ import annotations

from collections.abc import Mapping

from core.text.legacy.read_field import ReadField
from core.text.place import field_names


def least_sure(fields: Mapping[str, ReadField]) -> tuple[str, float] | None:
    """The name of the field that was read with the least certainty, and that, 0 to 1; None of nothing."""
    if not fields:
        return None
    key, field = min(fields.items(), key=lambda item: item[1].sure)
    return field_names([key]), field.sure
