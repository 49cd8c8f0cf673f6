"""From what people and files write to the words of the vocabulary: any case, numbers in strings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from core.text.vocabulary import Field, Vocabulary, load

_NUMBER = re.compile(r"([+-]?[0-9]{1,6}(?:[.,][0-9]{1,2}|[.,][0-9]{4,6})?)\s*([a-z%'’]*)", re.IGNORECASE)
_UNITS = {"": ("",), "mm": ("", "mm"), "cm": ("", "cm"), "h": ("", "h", "oclock")}


def normalise(values: Mapping[str, Any]) -> dict[str, Any]:
    """The description in the words of the vocabulary, in the vocabulary's order; blanks are left out.

    Free text is kept as typed. What can't be understood is kept too, so that
    :func:`core.text.rules.validate` can name it. What the program itself fills in (lesion number, author,
    role, time, source) belongs to the record, not to the values, and is left out. Idempotent.
    """
    vocabulary = load()
    known: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for key, value in values.items():
        field = _field(vocabulary, key)
        if field is None:
            unknown[key] = value
        elif field.type != "auto":
            normal = normal_value(field, value)
            if normal is not None and (field.key not in known or key == field.key):
                known[field.key] = normal
    return {f.key: known[f.key] for f in vocabulary.editable if f.key in known} | unknown


def _field(vocabulary: Vocabulary, key: str) -> Field | None:
    return vocabulary.by_key.get(key) or vocabulary.spelt(key)


def normal_value(field: Field, value: Any) -> Any:
    """One value in the words of the vocabulary; None when it is blank, unchanged when it isn't understood."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if field.type == "choice":
        return _choice(field, value)
    if field.type == "choices":
        return _choices(field, value)
    if field.type == "boolean":
        return _boolean(field, value)
    if field.type in ("integer", "number"):
        return _number(field, value)
    return value


def _choice(field: Field, value: Any) -> Any:
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        value = str(int(value))
    return (field.find(value) or value) if isinstance(value, str) else value


def _choices(field: Field, value: Any) -> Any:
    if isinstance(value, str):
        several = field.find(value) is None
        items: Iterable[Any] = re.split(r"(?i)[,;|+]|\band\b", value) if several else [value]
    elif isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
    else:
        return value
    words = [_choice(field, item.strip() if isinstance(item, str) else item) for item in items]
    kept = [word for word in words if word is not None and word != ""]
    once = [word for n, word in enumerate(kept) if word not in kept[:n]]
    return once or None


def _boolean(field: Field, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    code = field.find(value) if isinstance(value, str) else None
    return value if code is None else code == "yes"


def _number(field: Field, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    number = _from_text(field, value) if isinstance(value, str) else value
    if not isinstance(number, (int, float)) or not math.isfinite(number):
        return value
    if field.type == "number":
        return float(number) + 0.0  # minus zero is zero
    return int(number) if float(number).is_integer() else number


def _from_text(field: Field, typed: str) -> float | None:
    match = _NUMBER.fullmatch(typed.strip())
    if match is None:
        return None
    number, unit = float(match[1].replace(",", ".")), re.sub(r"['’]", "", match[2].casefold())
    if unit == "cm" and field.unit == "mm":
        return round(10 * number, 6)
    return number if unit in _UNITS.get(field.unit, ("",)) else None
