"""Letters for the labels, so that Alt and a letter go to a field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MENUS = frozenset("fevlimh")
"""Letters of the window's menus: File, Edit, Video, Lesion, View, Help."""


def with_mnemonics(labels: Mapping[str, str], chosen: Iterable[str]) -> dict[str, str]:
    """The labels by key; those of ``chosen`` get ``&`` before a letter of their own, while one is free."""
    used: set[str] = set()
    marked = {key: label.replace("&", "&&") for key, label in labels.items()}
    for key in chosen:
        label = labels[key]
        place = next((n for n in _places(label) if _is_free(label[n], used)), None)
        if place is not None:
            used.add(label[place].casefold())
            marked[key] = f"{label[:place]}&{label[place:]}"
    return marked


def _places(label: str) -> list[int]:
    """Where letters of a label stand: starts of words come first."""
    starts = [n for n in range(len(label)) if n == 0 or label[n - 1] == " "]
    return starts + [n for n in range(len(label)) if n not in starts]


def _is_free(letter: str, used: set[str]) -> bool:
    low = letter.casefold()
    return low.isascii() and low.isalpha() and low not in used and low not in MENUS
