"""What counts as "of a kind": categories made of the codes of a description, or the confirmed lesion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.counting import count
from core.search.coded import Codes

Kind = Literal["fields", "class", "lesion"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DECIDING = ("segment", "paris", "size_mm")
"""Segment, Paris class and size bin make the kind of a lesion."""
_NAMED = 12
"""So many are named in a sentence."""
FEWEST = 8
"""Samples that a category needs to be learnt."""
_TITLES = {"segment": "segment", "paris": "Paris", "size_mm": "size"}


class Categories(msgspec.Struct, frozen=True, kw_only=True):
    """The categories of a common space.

    Args:
        kind: ``fields``: one for each segment, Paris class and size bin, so that a sample has up to three;
            ``class``: one for each combination of them; ``lesion``: one for each confirmed lesion.
        names: in the order of the label vectors.
        notes: sentences on what was merged or left out.
    """

    kind: Kind
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def labels(self, codes: Codes, lesion: str | None = None) -> NDArray[np.float32]:
        """(C,) float32: 1 for each of its categories; all 0 where it has none.

        Where the codes say less than a whole class, it belongs to every class that they allow.
        """
        out = np.zeros(len(self.names), dtype=np.float32)
        for place, name in enumerate(self.names):
            out[place] = self._holds(name, codes, lesion)
        return out

    def _holds(self, name: str, codes: Codes, lesion: str | None) -> bool:
        if self.kind == "lesion":
            return name == lesion
        parts = dict(part.split(": ", 1) for part in name.split(" · "))
        said = {_TITLES[key]: codes[key] for key in DECIDING if key in codes}
        if self.kind == "class":
            known = [title for title in parts if title in said]
            return bool(known) and all(parts[title] in said[title] for title in known)
        return all(code in said.get(title, ()) for title, code in parts.items())


def learn_categories(
    kind: Kind, samples: Sequence[tuple[Codes, str | None]], fewest: int = FEWEST
) -> Categories:
    """The categories of samples to learn from.

    A class with too few samples is merged with those that differ in size alone, and then with those that
    differ in Paris class too; what is still too few is left out, as are fields and lesions with too few.

    Args:
        samples: each sample's codes and its lesion, if confirmed.
    """
    if kind == "lesion":
        return _enough(kind, [lesion for _, lesion in samples if lesion], "lesion", fewest)
    if kind == "fields":
        said = [_name(codes, (key,)) for codes, _ in samples for key in DECIDING if key in codes]
        return _enough(kind, said, "value", fewest)
    return _classes([codes for codes, _ in samples], fewest)


def _enough(kind: Kind, said: Iterable[str], what: str, fewest: int) -> Categories:
    counts = Counter(said)
    kept = tuple(sorted(name for name, count in counts.items() if count >= fewest))
    few = sorted(set(counts) - set(kept))
    words = f"{count(len(few), what)} with fewer than {fewest} samples left out: {_listed(few)}"
    return Categories(kind=kind, names=kept, notes=(words,) if few else ())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def _classes(samples: Sequence[Codes], fewest: int) -> Categories:
    left = [codes for codes in samples if any(key in codes for key in DECIDING)]
    kept: list[str] = []
    notes: list[str] = []
    words = ("", "size", "size and Paris class")
    for keys, merged in zip((DECIDING, DECIDING[:2], DECIDING[:1]), words, strict=True):
        whole = [codes for codes in left if all(key in codes for key in keys)]
        counts = Counter(_name(codes, keys) for codes in whole)
        good = {name for name, times in counts.items() if times >= fewest}
        kept += sorted(good)
        if merged and good:
            some = count(len(good), "category doesn't", "categories don't")
            notes.append(f"{some} tell {merged} apart: too few samples of each")
        left = [codes for codes in left if codes not in whole or _name(codes, keys) not in good]
    if left:
        rare = sorted({_name(codes, [key for key in DECIDING if key in codes]) for codes in left})
        notes.append(f"{count(len(left), 'sample')} of too rare a kind left out: {_listed(rare)}")
    return Categories(kind="class", names=tuple(kept), notes=tuple(notes))


def _name(codes: Codes, keys: Sequence[str]) -> str:
    return " · ".join(f"{_TITLES[key]}: {codes[key][0]}" for key in keys)
