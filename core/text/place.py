"""Where and what a finding is in a few words: for one line of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def place_of(values: Mapping[str, Any]) -> str:
    """Segment, size and Paris class of a description as far as they are recorded, or “not described”."""
    known = [str(values["segment"])] if "segment" in values else []
    known += [f"{values['size_mm']} mm"] if "size_mm" in values else []
    known += [f"Paris {values['paris']}"] if "paris" in values else []
    return ", ".join(known) or "not described"
