"""Category labels as they come, numbers, words or columns, as label vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from core.counting import count
from core.data.cross_modal.samples import TRAIN, CrossModal, Floats, Samples, checked, invalid, one_hot

Array = npt.NDArray[Any]
Labelled = tuple[Array, Array]
"""Features (N, d), and labels: N category numbers or words, or (N, C) with a column a category."""
Parts = dict[str, dict[str, Labelled]]
"""train, val, test → modality → samples."""
_NAMED = 10
"""So many categories are named in a sentence."""


def with_label_vectors(parts: Parts, name: str, title: str, main: str = TRAIN) -> CrossModal:
    """Samples with labels of their own kind as a data set with label vectors.

    Numbers and words are put in order; columns are named 1, 2, …

    Args:
        main: the part that matters, see :func:`core.data.cross_modal.samples.checked`.

    Raises:
        PolypTraceError: ``cross-modal-invalid``.
    """
    held = {
        (part, modality): (_dense(features), _dense(labels))
        for part, modalities in parts.items()
        for modality, (features, labels) in modalities.items()
    }
    categories, vectors = _vectors({which: labels for which, (_, labels) in held.items()}, title)
    done: dict[str, dict[str, Samples]] = {part: {} for part in parts}
    for which, (features, labels) in held.items():
        done[which[0]][which[1]] = Samples(_narrow(features, _called(which), title), vectors(labels))
    data = CrossModal(name=name, title=title, categories=categories, parts=done)
    return checked(msgspec.structs.replace(data, notes=_unlearnt(data)), main)


def _called(which: tuple[str, str]) -> str:
    return f"the {which[0]} part of {which[1]}"


def _dense(held: Array) -> Array:
    """An array, also of one that a MATLAB file keeps as sparse."""
    if type(held).__module__.startswith("scipy.sparse"):
        return np.asarray(held.toarray())  # type: ignore[attr-defined]
    return np.asarray(held)


def _unlearnt(data: CrossModal) -> tuple[str, ...]:
    """A sentence on categories that samples ask for and none is learnt from."""
    learnt = sum(one.labels.sum(0) for one in data.parts.get(TRAIN, {}).values())
    asked = sum(one.labels.sum(0) for own in data.parts.values() for one in own.values())
    if TRAIN not in data.parts or np.shape(learnt) != np.shape(asked):
        return ()
    missing = [
        name for name, there in zip(data.categories, (asked > 0) & (learnt == 0), strict=True) if there
    ]
    if not missing:
        return ()
    named = ", ".join(missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
    return (f"{count(len(missing), 'category', 'categories')} without a sample to learn from: {named}.",)


def _narrow(features: Array, which: str, title: str) -> Floats:
    """Float32, in which encoders compute, where that tells samples apart as their own precision does."""
    wide = np.asarray(features)
    if wide.dtype.kind not in "biuf":
        raise invalid(title, f"{which} has features that aren't real numbers")
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
    if wide.ndim != 2 or not wide.size or np.array_equal(wide, narrow) or wide.dtype.kind not in "iuf":
        return narrow
    if np.isfinite(wide).all() and _lost(wide.astype(np.float64), narrow).any():
        raise invalid(
            title,
            f"{which} has features that vary too little for their size, or are too large or too small, for "
            "single precision (subtract their mean and divide by their deviation)",
        )
    return narrow


def _lost(wide: Array, narrow: Floats) -> Array:
    """(d,) bool: features of which float32 keeps fewer than 64 steps; a constant but for rounding is fine."""
    largest, spread = np.abs(wide).max(0), np.ptp(wide, axis=0)
    steps = np.spacing(np.abs(narrow).max(0)).astype(np.float64)
    varies = (spread > 1e-12 * largest) & (wide != narrow).any(0)
    lost: Array = ~np.isfinite(narrow).all(0) | (varies & (spread < 64 * steps))
    return lost


def _vectors(
    held: dict[tuple[str, str], Array], title: str
) -> tuple[tuple[str, ...], Callable[[Array], Floats]]:
    """The categories' names, and what turns labels into label vectors."""
    columns = {one.shape[1:] for one in held.values() if one.ndim == 2 and 1 not in one.shape}
    if columns:
        if {one.shape[1:] for one in held.values()} != columns or len(columns) > 1:
            raise invalid(title, "its labels are not all of one kind")
        for which, one in held.items():
            _check_columns(one, _called(which), title)
        names = tuple(str(number + 1) for number in range(columns.pop()[0]))
        return names, lambda labels: (np.asarray(labels) > 0).astype(np.float32)
    found = {label for which, one in held.items() for label in _plain(one, _called(which), title)}
    if len({type(label) for label in found}) > 1:
        raise invalid(title, "its labels are numbers in one modality or part and words in another")
    categories = sorted(found)
    places = {label: at for at, label in enumerate(categories)}
    return tuple(map(str, categories)), lambda labels: one_hot(
        [places[label] for label in _plain(labels, "it", title)], len(categories)
    )


def _check_columns(labels: Array, which: str, title: str) -> None:
    """Refuses shares and NaN in a table with a column a category: whether a sample belongs isn't said."""
    if labels.dtype.kind not in "biuf":
        raise invalid(title, f"{which} has a table of labels that aren't numbers")
    if (labels != np.round(labels)).any() or not np.isfinite(labels).all():
        raise invalid(title, f"{which} has a table of labels with other values than 0 and 1")


def _plain(labels: Array, which: str, title: str) -> list[Any]:
    """Words as they are, numbers whole.

    Raises:
        PolypTraceError: ``cross-modal-invalid`` for what is neither.
    """
    flat = [_inner(one) for one in np.ravel(labels).tolist()]
    if any(isinstance(one, str) for one in flat):
        return [str(one).strip() for one in flat]
    if any(not isinstance(one, int | float) for one in flat):
        raise invalid(title, f"{which} has labels that are neither numbers nor words")
    if broken := [one for one in flat if not math.isfinite(one) or int(one) != one]:
        raise invalid(title, f"{which} has category numbers that aren't whole ({broken[0]:g})")
    return [int(one) for one in flat]


def _inner(value: Any) -> Any:
    """What a MATLAB cell of one value holds."""
    while isinstance(value, np.ndarray | list) and np.size(value) == 1:
        value = np.ravel(np.asarray(value)).tolist()[0]
    return value
