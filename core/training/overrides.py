"""Settings changed by name: from a file, and one by one as ``loss.miner=batch-hard``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from core.errors import PolypTraceError

_Settings = TypeVar("_Settings", bound=msgspec.Struct)
_FILE_HINT = 'Give a JSON file such as {"loss": {"miner": "batch-hard"}}; --print-settings prints one.'
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", NoneType: "none"}


def setting_types(struct: type[msgspec.Struct], prefix: str = "") -> dict[str, Any]:
    """Dotted name → type of every setting, e.g. ``loss.margin`` → ``float | None``.

    A dictionary is one setting; its entries are named below it, as ``rates.image``.
    """
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        name = prefix + field.name
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found |= setting_types(field.type, f"{name}.")
        else:
            found[name] = field.type
    return found


def with_file(config: _Settings, file: Path) -> _Settings:
    """The settings with those of a JSON file in their place; what it doesn't name stays.

    Raises:
        PolypTraceError: ``settings-unreadable``, ``unknown-setting`` or ``setting-invalid``.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PolypTraceError(
            "settings-unreadable",
            f"The settings file {file.name} can't be read.",
            _FILE_HINT,
        ) from error
    if not isinstance(content, dict):
        raise PolypTraceError(
            "settings-unreadable", f"The settings file {file.name} holds no JSON object.", _FILE_HINT
        )
    types = setting_types(type(config))
    changes = {}
    for name, value in _flat(content):
        wanted = _type_of(name, types)
        try:
            changes[name] = msgspec.convert(value, wanted)
        except msgspec.ValidationError as error:
            shown = value if isinstance(value, str) else json.dumps(value)
            raise _invalid(name, shown, wanted) from error
    return _replaced(config, changes)


def with_assignments(config: _Settings, assignments: Sequence[str]) -> _Settings:
    """The settings with some of them changed, each given as ``NAME=VALUE``.

    Ranges are two numbers with a comma, ``none`` empties what may be empty.

    Raises:
        PolypTraceError: ``unknown-setting`` or ``setting-invalid``.
    """
    types, changes = setting_types(type(config)), {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip()
        wanted = _type_of(name, types)
        if not equals:
            raise PolypTraceError(
                "setting-invalid", f"“{assignment}” names no value.", f"Write {name}={_words(wanted)}."
            )
        changes[name] = _parsed(name, text.strip(), wanted)
    return _replaced(config, changes)


def by_name(presets: Mapping[str, _Settings], name: str, what: str) -> _Settings:
    """A preset by name.

    Args:
        what: the presets are of, for the sentence.

    Raises:
        PolypTraceError: ``unknown-preset``.
    """
    if name not in presets:
        near = get_close_matches(name, presets, 1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise PolypTraceError(
            "unknown-preset", f"“{name}” is no preset {what}.", f"{hint}Choose one of {', '.join(presets)}."
        )
    return presets[name]


def as_text(config: msgspec.Struct) -> str:
    """All settings as JSON, as a file for :func:`with_file`."""
    return msgspec.json.format(msgspec.json.encode(config), indent=2).decode()


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _type_of(name: str, types: Mapping[str, Any]) -> Any:
    if name in types:
        return types[name]
    head, _, key = name.rpartition(".")
    if key and get_origin(types.get(head)) is dict:
        return get_args(types[head])[1]
    below = [other for other in types if other.startswith(f"{name}.")]
    last = {other.rpartition(".")[2]: other for other in types}
    near = get_close_matches(name, types, 1) or [last[n] for n in get_close_matches(name, last, 1)]
    if below:
        hint = f"It is a group: name one of {', '.join(below[:4])} …"
    else:
        hint = f"Did you mean {near[0]}?" if near else "`--print-settings` lists them all."
    raise PolypTraceError("unknown-setting", f"There is no setting “{name}”.", hint)


def _parsed(name: str, text: str, wanted: Any) -> Any:
    """``text`` as a value of the type: as it stands, as JSON, as a list, or as nothing."""
    nothing: list[Any] = [None] if text.lower() in ("none", "null") else []
    plain: list[Any] = [text]
    # “none” is a value of its own only where it is one of the words to choose from.
    tries = [*plain, *nothing] if _choices(wanted) else [*nothing, *plain]
    with suppress(ValueError):
        tries.append(json.loads(text if text.startswith("[") else f"[{text}]"))
    for value in tries:
        try:
            return msgspec.convert(value, wanted, strict=False)
        except msgspec.ValidationError:
            continue
    raise _invalid(name, text, wanted)


def _choices(wanted: Any) -> list[str]:
    if get_origin(wanted) is Literal:
        return list(get_args(wanted))
    return [choice for part in get_args(wanted) for choice in _choices(part)]


def _words(wanted: Any) -> str:
    """What a type takes, for people."""
    if choices := _choices(wanted):
        return "|".join(choices)
    if get_origin(wanted) is tuple:
        return "two numbers with a comma, e.g. 0.9,1.3"
    parts = [_WORDS.get(part, "a value") for part in (get_args(wanted) or (wanted,))]
    return " or ".join(parts)


def _invalid(name: str, shown: str, wanted: Any) -> PolypTraceError:
    near = get_close_matches(shown, _choices(wanted), 1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return PolypTraceError(
        "setting-invalid", f"“{shown}” is no value for {name}.", f"{hint}It takes {_words(wanted)}."
    )


def _replaced(config: _Settings, changes: Mapping[str, Any]) -> _Settings:
    """A copy of a struct with values below dotted names changed."""
    groups: dict[str, dict[str, Any]] = {}
    own: dict[str, Any] = {}
    for name, value in changes.items():
        head, dot, rest = name.partition(".")
        if dot:
            groups.setdefault(head, {})[rest] = value
        else:
            own[head] = value
    for head, below in groups.items():
        held = getattr(config, head)
        own[head] = {**held, **below} if isinstance(held, dict) else _replaced(held, below)
    return msgspec.structs.replace(config, **own)
