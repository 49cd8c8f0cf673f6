"""Where and what a finding is in a few words: for one line of a list, by the names of the form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.text.vocabulary import load

_PROPER = ("Paris", "Kudo")


def place_of(values: Mapping[str, Any]) -> str:
    """Segment, size, Paris class, and kind of lesion unless it is a polyp, as far as they are recorded.

    “sigmoid, 8 mm, Paris Is”, “caecum, scar”; “not described” without any of them.
    """
    known = [str(values["segment"])] if "segment" in values else []
    known += [f"{values['size_mm']} mm"] if "size_mm" in values else []
    known += [f"Paris {values['paris']}"] if "paris" in values else []
    known += [str(values["state"])] if values.get("state", "polyp") != "polyp" else []
    return ", ".join(known) or "not described"


def field_names(keys: Iterable[str]) -> str:
    """Fields as people call them, within a sentence: “largest diameter, Paris”."""
    return ", ".join(_name(key) for key in keys)


def compared_names(keys: Iterable[str]) -> str:
    """Fields as they are compared, by codes, and the size by its bin: “segment, size bin”."""
    return ", ".join("size bin" if load().by_key[key].binned else _name(key) for key in keys)


def said(values: Mapping[str, Any]) -> str:
    """Fields with their values: “largest diameter 5 mm, Paris Is, segment sigmoid”."""
    return ", ".join(f"{_name(key)} {_value(key, value)}" for key, value in values.items())


def _name(key: str) -> str:
    label = load().by_key[key].label
    # “NICE” and “Paris” keep their capitals within a sentence.
    kept = label.startswith(_PROPER) or label[:2].isupper()
    return label if kept else label[:1].lower() + label[1:]


def _value(key: str, value: Any) -> str:
    plain = " + ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    plain = {"True": "yes", "False": "no"}.get(plain, plain)
    return f"{plain} {load().by_key[key].unit}".strip()
