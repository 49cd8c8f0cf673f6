"""What makes a description valid (clinical rules, section 2): one small rule each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from core import privacy
from core.text.normal import normalise
from core.text.vocabulary import Condition, Field, load

Severity = Literal["error", "warning"]


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong (``error``) or doubtful (``warning``) about the field ``key``."""

    key: str
    severity: Severity
    message: str


def validate(values: Mapping[str, Any], finalise: bool = False) -> list[Problem]:
    """Everything that is wrong or doubtful about a description, in the order of the form.

    A draft may be partial: a field that always must be filled is missed only with ``finalise``; one that the
    other values ask for (``complete`` after a removal) warns in a draft and is an error with ``finalise``.
    Wrong values, and values that contradict each other, are errors in both; a draft may be saved with them.
    """
    vocabulary = load()
    clean = normalise(values)
    problems = [
        Problem(key, "error", "The description has no field of that name.")
        for key in clean
        if key not in vocabulary.by_key
    ]
    for field in vocabulary.editable:
        problems += _field_problems(field, clean, finalise)
    for rule in _RULES:
        problems += rule(clean)
    place = {key: n for n, key in enumerate(vocabulary.by_key)}
    return sorted(problems, key=lambda problem: place.get(problem.key, -1))


def value_fault(field: Field, value: Any) -> str | None:
    """What is wrong with one normalised value of ``field``, in a sentence; None when it is allowed."""
    if field.type == "choice":
        return None if field.value(value) else f"{field.label} has no such value."
    if field.type == "choices":
        return _list_fault(field, value)
    if field.type == "boolean":
        return None if isinstance(value, bool) else f"{field.label} is yes or no."
    if field.type == "text":
        return _text_fault(field, value)
    return _number_fault(field, value)


def size_change_warning(a: Mapping[str, Any], b: Mapping[str, Any]) -> Problem | None:
    """A warning when two linked findings differ more than twofold in size; ``a`` is the earlier one.

    A scar is another thing than what was removed, and a recurrence may well be smaller: no warning then.
    """
    first, second = normalise(a), normalise(b)
    if any(v.get("state") == "scar" for v in (first, second)):
        return None
    sizes = [v.get("size_mm") for v in (first, second)]
    if not all(isinstance(size, (int, float)) and size > 0 for size in sizes):
        return None
    small, large = sorted(float(size) for size in sizes if size is not None)
    shrunk_recurrence = second.get("state") == "recurrence at scar" and sizes[1] == small
    if large <= 2 * small or shrunk_recurrence:
        return None
    told = f"The linked findings differ more than twofold in size ({small:g} and {large:g} mm)."
    return Problem("size_mm", "warning", told)


def holds(condition: Condition, values: Mapping[str, Any]) -> bool | None:
    """Whether a condition holds; None when the field that it asks about is blank."""
    value = values.get(condition.key)
    if not (condition.any or condition.tag or condition.minimum is not None):
        return value is not None
    if value is None:
        return None
    if condition.minimum is not None:
        return isinstance(value, (int, float)) and value >= condition.minimum
    if condition.tag:
        chosen = load().by_key[condition.key].value(value)
        return chosen is not None and condition.tag in chosen.tags
    return value in condition.any


def broken_conditions(field: Field, values: Mapping[str, Any]) -> list[Condition]:
    """The conditions that keep ``field`` from applying though it is filled, with (normalised) values."""
    value = values.get(field.key)
    if value is None or value in field.neutral:
        return []
    return [condition for condition in field.only_when if holds(condition, values) is False]


def is_required(field: Field, values: Mapping[str, Any]) -> bool:
    """Whether ``field`` must be filled to finalise a description with these (normalised) values."""
    if field.required == "conditional":
        return all(holds(condition, values) for condition in field.required_when)
    return field.required == "always"


def _field_problems(field: Field, values: Mapping[str, Any], finalise: bool) -> Iterator[Problem]:
    value = values.get(field.key)
    if value is None:
        if is_required(field, values) and (finalise or field.required == "conditional"):
            yield Problem(field.key, "error" if finalise else "warning", _missing(field))
        return
    fault = value_fault(field, value)
    if fault:
        yield Problem(field.key, "error", fault)
    broken = broken_conditions(field, values)
    if broken:
        yield Problem(field.key, "error", f"{field.label} applies only when {_in_words(broken)}.")


def _missing(field: Field) -> str:
    when = f" when {_in_words(field.required_when)}" if field.required_when else ""
    return f"“{field.label}” is needed{when}."


def _in_words(conditions: tuple[Condition, ...] | list[Condition]) -> str:
    return " and ".join(_condition_words(condition) for condition in conditions)


def _condition_words(condition: Condition) -> str:
    field = load().by_key[condition.key]
    label = field.label if field.label.isupper() or field.key == "paris" else field.label.lower()
    if condition.minimum is not None:
        return f"{label} is at least {condition.minimum:g} {field.unit}".rstrip()
    if condition.tag:
        return f"{label} {condition.tag}"
    return f"{label} is {' or '.join(condition.any)}" if condition.any else f"{label} is given"


def _list_fault(field: Field, value: Any) -> str | None:
    if not isinstance(value, list) or not all(field.value(item) for item in value):
        return f"{field.label} has no such value."
    if len(value) > 1 and any(item in field.alone for item in value):
        return f"{field.label}: '{field.alone[0]}' stands alone."
    return None


def _text_fault(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return f"{field.label} is a text."
    if field.max_length is not None and len(value) > field.max_length:
        return f"{field.label} is longer than {field.max_length} characters."
    return None


def _number_fault(field: Field, value: Any) -> str | None:
    kind = "whole number" if field.type == "integer" else "number"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return f"{field.label} is a {kind}."
    if field.type == "integer" and not isinstance(value, int):
        return f"{field.label} is a {kind}."
    low, high = field.minimum, field.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        return f"{field.label} lies between {low:g} and {high:g} {field.unit}".rstrip() + "."
    if field.step and not float(value / field.step).is_integer():
        return f"{field.label} is given in steps of {field.step:g} {field.unit}".rstrip() + "."
    return None


def _scar_has_no_paris(values: Mapping[str, Any]) -> Iterator[Problem]:
    state, paris = values.get("state"), values.get("paris")
    if state == "scar" and paris not in (None, "n/a"):
        yield Problem("paris", "error", "A scar has no Paris class: choose n/a.")
    if paris == "n/a" and state in ("polyp", "LST", "suspected cancer"):
        yield Problem("paris", "error", "Paris n/a is for scars; choose a class or 'not assessable'.")


def _lst_is_large_and_typed(values: Mapping[str, Any]) -> Iterator[Problem]:
    if values.get("state") != "LST":
        return
    size = values.get("size_mm")
    if isinstance(size, (int, float)) and size < 10:
        yield Problem("state", "error", "A laterally spreading tumour measures at least 10 mm.")
    if values.get("lst") == "none":
        yield Problem("lst", "error", "A laterally spreading tumour needs its LST type.")


def _pit_pattern_needs_detail(values: Mapping[str, Any]) -> Iterator[Problem]:
    chromo = holds(Condition("imaging", tag="chromo"), values)
    if values.get("magnified") is True or chromo:
        return
    for key in ("jnet", "kudo"):
        if values.get(key) not in (None, "not assessed"):
            label = load().by_key[key].label
            yield Problem(key, "warning", f"{label} without magnification or chromoendoscopy is uncertain.")


def _largest_diameter_first(values: Mapping[str, Any]) -> Iterator[Problem]:
    first, second = values.get("size_mm"), values.get("size_2_mm")
    if isinstance(first, (int, float)) and isinstance(second, (int, float)) and second > first:
        yield Problem("size_2_mm", "warning", "The second diameter is larger than the largest one.")


def _no_pot_without_specimen(values: Mapping[str, Any]) -> Iterator[Problem]:
    if values.get("retrieved") == "no" and values.get("pot_no") is not None:
        yield Problem("pot_no", "warning", "A pot number is given although the specimen was not retrieved.")


def _no_identity_in_free_text(values: Mapping[str, Any]) -> Iterator[Problem]:
    text = values.get("free_text")
    if not isinstance(text, str):
        return
    for kind in dict.fromkeys(suspicion.kind for suspicion in privacy.scan(text)):
        seen = f"The free text seems to hold {privacy.KINDS[kind]}"
        told = f"{seen}; it is kept as typed but hidden from the model."
        yield Problem("free_text", "warning", told)


_RULES: tuple[Callable[[Mapping[str, Any]], Iterator[Problem]], ...] = (
    _scar_has_no_paris,
    _lst_is_large_and_typed,
    _pit_pattern_needs_detail,
    _largest_diameter_first,
    _no_pot_without_specimen,
    _no_identity_in_free_text,
)
