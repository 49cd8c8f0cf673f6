"""The description of one finding as a plain dictionary of vocabulary keys: read, check, change, compare.

Values are JSON-able: a word of the vocabulary, a list of words, a whole number, a number, yes/no, a text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from core.errors import PolypTraceError
from core.text.normal import normal_value, normalise
from core.text.rules import Problem, is_required, size_change_warning, validate, value_fault
from core.text.vocabulary import Field, FieldSet, load

__all__ = [
    "Change",
    "Problem",
    "diff",
    "format_setting",
    "is_required",
    "load_values",
    "merge",
    "normalise",
    "parse_setting",
    "size_change_warning",
    "validate",
]

_MAX_FILE = 1_000_000


class Change(msgspec.Struct, frozen=True):
    """How one field differs between two descriptions; None is blank."""

    key: str
    label: str
    before: Any
    after: Any


def parse_setting(setting: str, fields: FieldSet | None = None) -> tuple[str, Any]:
    """Reads ``key=value`` as typed on a command line; ``surface=granular,nodular`` is a list.

    Args:
        fields: of the record; by default those of the description.

    Returns:
        The vocabulary key and its normalised value; None clears the field (``colour=``).

    Raises:
        PolypTraceError: ``description-setting`` without ``=``, ``description-key`` for an unknown or
            automatic field, ``description-value`` for a value that isn't allowed; hints name the nearest
            word.
    """
    key, equals, typed = setting.partition("=")
    if not equals or not key.strip():
        raise PolypTraceError(
            "description-setting", "A setting is written key=value.", "For example: size_mm=8 or colour=red."
        )
    field = (fields or load()).field(key)
    if field.type == "auto":
        raise PolypTraceError(
            "description-key", f"{field.label} is set by the program.", "Leave it out of the settings."
        )
    value = normal_value(field, typed)
    if value is not None:
        _refuse_fault(field, value, "description-value")
    return field.key, value


def format_setting(key: str, value: Any) -> str:
    """The ``key=value`` that :func:`parse_setting` reads back as ``(key, value)``."""
    if value is None:
        return f"{key}="
    if isinstance(value, bool):
        return f"{key}={'yes' if value else 'no'}"
    if isinstance(value, list):
        return f"{key}={','.join(str(item) for item in value)}"
    return f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"


def merge(old: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The description ``old`` with ``settings`` applied; a setting of None (or blank) clears its field."""
    merged = normalise(old)
    for key, value in settings.items():
        field = load().field(key)
        merged.pop(field.key, None)
        merged[field.key] = value
    return normalise(merged)


def diff(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Change]:
    """The fields in which two descriptions differ, in the order of the form."""
    before, after = normalise(a), normalise(b)
    keys = [key for key in load().by_key if before.get(key) != after.get(key)]
    return [Change(key, load().by_key[key].label, before.get(key), after.get(key)) for key in keys]


def load_values(path: Path) -> dict[str, Any]:
    """Reads a description from a JSON file: an object of vocabulary keys, or ``{"values": {…}}``.

    Raises:
        PolypTraceError: ``description-file`` when the file can't be read or isn't such JSON;
            ``description-key`` or ``description-value`` when a field or value isn't of the vocabulary.
    """
    values = _json_object(path)
    if isinstance(values.get("values"), dict):
        values = values["values"]
    for key in values:
        load().field(key)
    clean = normalise(values)
    for key, value in clean.items():
        _refuse_fault(load().by_key[key], value, "description-value")
    return clean


def _json_object(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_FILE:
            _refuse_file("The description file is too large.", "A description holds a few fields only.")
        read = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_no_constant)
    except FileNotFoundError:
        _refuse_file("The description file doesn't exist.", "Check the path.")
    except OSError:
        _refuse_file("The description file can't be read.", "Check that it is a file and may be read.")
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        _refuse_file("The description file isn't JSON in UTF-8.", 'It should look like {"size_mm": 8}.')
    if not isinstance(read, dict):
        _refuse_file("The description file isn't a JSON object.", 'It should look like {"size_mm": 8}.')
    return read


def _no_constant(word: str) -> NoReturn:
    raise ValueError(word)


def _refuse_file(message: str, hint: str) -> NoReturn:
    raise PolypTraceError("description-file", message, hint)


def _refuse_fault(field: Field, value: Any, code: str) -> None:
    fault = value_fault(field, value)
    if fault is None:
        return
    typed = next((v for v in (value if isinstance(value, list) else [value]) if field.value(v) is None), None)
    near = field.nearest(typed) if isinstance(typed, str) and field.values else None
    hint = f"Did you mean '{near}'? " if near else ""
    raise PolypTraceError(code, fault, hint + _allowed(field))


def _allowed(field: Field) -> str:
    if field.values:
        return f"Allowed: {', '.join(field.codes)}."
    if field.max_length is not None:
        return f"Allowed: up to {field.max_length} characters."
    if field.minimum is None:
        return ""
    return f"Allowed: {field.minimum:g} to {field.maximum:g} {field.unit}".rstrip() + "."
