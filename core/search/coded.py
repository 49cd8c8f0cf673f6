"""Fields and codes that tell kinds of lesions apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.text.vocabulary import Field, load

Codes = dict[str, tuple[str, ...]]
"""Field of the description → its codes, in the vocabulary's order; sizes as labels of bins."""

CODED = (
    "state", "segment", "fold", "size_mm", "paris", "lst", "stalk", "colour", "surface", "imaging", "nice",
    "jnet", "kudo", "tattoo",
)  # fmt: skip
"""The fields that tell kinds of lesions apart and that people write about."""
NOTHING = frozenset({"none", "not recorded", "n/a", "not assessed", "not assessable"})
"""Codes that say nothing of the lesion."""


def kept(values: Mapping[str, Any]) -> Codes:
    """What of the values tells kinds apart, in the vocabulary's order."""
    return in_order({key: own for key, value in values.items() if (own := _telling(value))})


def in_order(codes: Codes) -> Codes:
    """The codes in the vocabulary's order, fields and values."""
    return {key: _sorted(load().by_key[key], codes[key]) for key in CODED if key in codes}


def add(found: dict[str, list[str]], codes: Codes) -> None:
    """Puts codes to those of their fields that were found before, each once."""
    for key, own in codes.items():
        if own:
            known = found.setdefault(key, [])
            known += [code for code in own if code not in known]


def codes_in_order(key: str) -> tuple[str, ...]:
    """All codes of a field; of the size the labels of its bins."""
    field = load().by_key[key]
    return tuple(one.label for one in load().bins) if field.binned else field.codes


def _sorted(field: Field, own: tuple[str, ...]) -> tuple[str, ...]:
    return own if len(own) < 2 else tuple(code for code in codes_in_order(field.key) if code in own)


def _telling(value: Any) -> tuple[str, ...]:
    several: Iterable[Any] = value if isinstance(value, list | tuple) else (value,)
    return tuple(str(one) for one in several if str(one) not in NOTHING)
