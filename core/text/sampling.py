"""Random valid descriptions over the whole vocabulary: for tests and for training on language.

Not a model of what lesions look like (that is the phantom's work): every allowed word turns up, rare ones
too, and what is drawn obeys every rule of :mod:`core.text.rules`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core.text.normal import normalise
from core.text.rules import holds, is_required
from core.text.vocabulary import Field, load

_FILLED = 0.45
"""Chance that a field is filled although nothing asks for it."""
_USUAL = 0.85
"""Chance that a value is one that says something, where ``none`` or ``not assessed`` is allowed."""
_COMMON = {"state": "polyp", "imaging": "white light"}
"""What is drawn first in two of five descriptions, so that texts resemble those of a usual list."""
_SAYS_NOTHING = frozenset(
    {"not recorded", "not assessed", "not assessable", "not tested", "agent not recorded"}
)


def random_description(rng: np.random.Generator) -> dict[str, Any]:
    """A complete, valid description without warnings, normalised; the same generator state gives the same
    one.

    Sizes and counts are drawn evenly on a logarithmic scale, so that each size bin turns up and small counts
    are the usual ones; choices evenly among the words that say something; fields that nothing asks for are
    filled about every second time.
    """
    values: dict[str, Any] = {}
    for field in load().editable:
        if not all(holds(condition, values) for condition in field.only_when):
            continue
        if is_required(field, values) or rng.random() < _FILLED:
            value = _note(rng) if field.type == "text" else _draw(field, values, rng)
            if value is not None:
                values[field.key] = value
    return normalise(values)


def _draw(field: Field, values: dict[str, Any], rng: np.random.Generator) -> Any:
    """A value that suits those drawn before it; None where nothing suits."""
    if field.type == "boolean":
        return bool(rng.random() < 0.3)
    if field.type in ("integer", "number"):
        return _number(field, values, rng)
    allowed = [code for code in field.codes if _suits(field.key, code, values)]
    telling = [code for code in allowed if code not in _SAYS_NOTHING]
    if telling and rng.random() < _USUAL:
        allowed = telling
    if not allowed:
        return None
    if field.type == "choices":
        return _several(allowed, field, rng)
    if field.key in _COMMON and rng.random() < 0.4:
        return _COMMON[field.key]
    return _one(allowed, rng)


def _several(allowed: list[str], field: Field, rng: np.random.Generator) -> list[str]:
    first = _one(allowed, rng)
    if first in field.alone:
        return [first]
    others = [code for code in allowed if code not in field.alone and code != first]
    more = min(len(others), int(rng.geometric(0.55)) - 1)
    return [first, *(others[place] for place in rng.permutation(len(others))[:more])]


def _suits(key: str, code: str, values: dict[str, Any]) -> bool:
    """Whether a word agrees with the values before it (the rules between fields, read forwards)."""
    state, size = values.get("state"), values.get("size_mm", 0)
    if key == "paris":
        scar_like = state in ("scar", "recurrence at scar", "other")
        return scar_like if code == "n/a" else state != "scar"
    if key == "lst":
        return code == "none" if size < 10 else (code != "none" or state != "LST")
    if key in ("jnet", "kudo"):
        imaging = load().by_key["imaging"].value(values.get("imaging"))
        detailed = values.get("magnified") is True or (imaging is not None and "chromo" in imaging.tags)
        return detailed or code == "not assessed"
    return True


def _number(field: Field, values: dict[str, Any], rng: np.random.Generator) -> float | int | None:
    low, high = field.minimum or 0.0, field.maximum if field.maximum is not None else 100.0
    if field.key == "size_mm" and values.get("state") == "LST":
        low = 10.0
    if field.key in ("size_2_mm", "height_mm"):
        high = float(values["size_mm"])
    if field.key == "pot_no" and values.get("retrieved") == "no":
        return None
    step = field.step or 1
    if field.key in ("wall_clock", "dist_av_cm"):
        drawn = rng.uniform(low, high + step)
    else:  # a shift by one lets counts begin at zero
        drawn = math.exp(rng.uniform(math.log(low + 1), math.log(high + 1 + step))) - 1
    number = min(max(math.floor(drawn / step) * step, low), high)
    return int(number) if field.type == "integer" else float(number)


def _note(rng: np.random.Generator) -> str:
    notes = load().sampling.notes
    count = 1 + int(rng.random() < 0.3)
    return " ".join(notes[place] for place in rng.permutation(len(notes))[:count])


def _one(codes: list[str], rng: np.random.Generator) -> str:
    return codes[int(rng.integers(len(codes)))]
