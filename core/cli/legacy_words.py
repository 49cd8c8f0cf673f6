"""Cells on reports' findings that several tables of the command line share."""

from __future__ import annotations

from collections.abc import Mapping

from core.legacy.sureness import least_sure
from core.text.legacy.read_field import ReadField


def least_sure_words(fields: Mapping[str, ReadField]) -> str:
    """“segment 0.60”; empty where nothing was read."""
    found = least_sure(fields)
    return "" if found is None else f"{found[0]} {found[1]:.2f}"
