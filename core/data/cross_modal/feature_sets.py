"""Samples of several modalities from one feature file, to learn from.

The file names each modality's arrays by part::

    image_train_features (N, d)   image_train_labels (N,)   [image_val_…]   [image_test_…]
    text_train_features (M, e)    text_train_labels (M,)    [text_val_…]    [text_test_…]   ...

Labels are numbers or words, or (N, C) with a column a category where a sample may have several. Modalities
may have different numbers of samples; nothing pairs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np

from core.counting import count
from core.data.cross_modal.labels import Labelled, Parts, with_label_vectors
from core.data.cross_modal.samples import PARTS, TEST, TRAIN, VAL, CrossModal, Samples, invalid
from core.data.feature_file import Arrays, load_arrays
from core.errors import PolypTraceError

VAL_SHARE = 0.1
_KEY = re.compile(rf"(?P<modality>.+)_(?P<part>{'|'.join(PARTS)})_(?P<kind>features|labels)")
_NAME = re.compile(r"\w[\w .-]*")
_NO_TEST = "The file has no part to test on (NAME_test_features, NAME_test_labels)."
HINT = "It needs NAME_train_features (N, d) and NAME_train_labels for each modality, e.g. image and text."


def read_feature_set(path: Path, seed: int = 0) -> CrossModal:
    """The modalities of a feature file; without a validation part a tenth of each category becomes one.

    Args:
        seed: deals out the validation part.

    Raises:
        PolypTraceError: ``features-missing``, ``features-unreadable``, ``features-layout`` or
            ``cross-modal-invalid``.
    """
    found = _parts(path, load_arrays(path))
    if TRAIN not in found:
        raise _layout(path, "it has nothing to learn from")
    data = with_label_vectors(found, path.stem, path.name)
    if TEST not in data.parts:
        data = msgspec.structs.replace(data, notes=(*data.notes, _NO_TEST))
    if VAL in data.parts:
        return data
    rng = np.random.default_rng(seed)
    held = {name: _held_back(one, rng) for name, one in data.parts[TRAIN].items()}
    if not any(rows.any() for rows in held.values()):
        raise invalid(path.name, "it has no validation part and too few samples to make one")
    train = {name: one.at(np.flatnonzero(~held[name])) for name, one in data.parts[TRAIN].items()}
    val = {name: one.at(np.flatnonzero(held[name])) for name, one in data.parts[TRAIN].items()}
    held_back = count(sum(map(len, val.values())), "sample")
    note = f"{held_back} of the training part held back for validation."
    parts = {**data.parts, TRAIN: train, VAL: {name: one for name, one in val.items() if len(one)}}
    return msgspec.structs.replace(data, parts=parts, notes=(*data.notes, note))


def has_parts(names: Iterable[str]) -> bool:
    """Whether a file's arrays are named by part, to learn from and to test on."""
    return any(_KEY.fullmatch(name.lower()) for name in names)


def _parts(path: Path, arrays: Arrays) -> Parts:
    found: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for key, array in arrays.items():
        if match := _KEY.fullmatch(key.lower()):
            kinds = found.setdefault(match["part"], {}).setdefault(match["modality"], {})
            kinds[match["kind"]] = array
    refuse_names(path, {modality for own in found.values() for modality in own})
    parts: Parts = {}
    for part in PARTS:
        for modality, kinds in found.get(part, {}).items():
            if len(kinds) < 2:
                raise _layout(
                    path, f"{modality}_{part} has no {'labels' if 'features' in kinds else 'features'}"
                )
            parts.setdefault(part, {})[modality] = (kinds["features"], kinds["labels"])
    return parts


def refuse_names(path: Path, modalities: Iterable[str]) -> None:
    """Refuses names of modalities that can't be part of a file's name, as a run or a report makes them.

    Raises:
        PolypTraceError: ``features-layout``.
    """
    if odd := sorted(name for name in modalities if not _NAME.fullmatch(name)):
        raise _layout(path, f"“{odd[0]}” is no name of a modality (letters and digits, then also - . and _)")


def read_to_ask(path: Path, part: str) -> CrossModal:
    """The modalities of a feature file that ask each other: a part of it, or ``NAME_features`` as a whole.

    Args:
        part: train, val or test; a file without parts is all of this one.

    Raises:
        PolypTraceError: as :func:`read_feature_set`.
    """
    arrays = load_arrays(path)
    parts = _parts(path, arrays) or {part: _whole(path, arrays)}
    if not any(parts.values()):
        raise _layout(path, "it has no NAME_features with NAME_labels of any modality")
    if part not in parts:
        raise _layout(path, f"it has no {part} part, only {', '.join(parts)}")
    return with_label_vectors(parts, path.stem, path.name, part)


def _whole(path: Path, arrays: Arrays) -> dict[str, Labelled]:
    """``image_features`` and ``image_labels`` of each modality that has both."""
    lower = {key.lower(): array for key, array in arrays.items()}
    names = [key.removesuffix("_features") for key in lower if key.endswith("_features")]
    refuse_names(path, names)
    return {
        one: (lower[f"{one}_features"], lower[f"{one}_labels"]) for one in names if f"{one}_labels" in lower
    }


def _held_back(one: Samples, rng: np.random.Generator) -> np.ndarray:
    """(N,) bool: about a tenth of the samples of each (first) category; none of a category of one sample."""
    chosen = np.zeros(len(one), dtype=bool)
    first = one.labels.argmax(1)
    for category in np.unique(first):
        rows = rng.permutation(np.flatnonzero(first == category))
        count = min(max(1, round(VAL_SHARE * len(rows))), len(rows) - 1)
        chosen[rows[:count]] = True
    return chosen


def _layout(path: Path, what: str) -> PolypTraceError:
    return PolypTraceError("features-layout", f"The file {path.name} doesn't fit: {what}.", HINT)
