"""Category labels as they come, numbers, words or columns, as label vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from core.data.cross_modal.samples import TRAIN, CrossModal, Floats, Samples, checked, invalid, one_hot

Array = npt.NDArray[Any]
Labelled = tuple[Array, Array]
"""Features (N, d), and labels: N category numbers or words, or (N, C) with a column a category."""
Parts = dict[str, dict[str, Labelled]]
"""train, val, test → modality → samples."""


def with_label_vectors(parts: Parts, name: str, title: str, main: str = TRAIN) -> CrossModal:
    """Samples with labels of their own kind as a data set with label vectors.

    Numbers and words are put in order; columns are named 1, 2, …

    Args:
        main: the part that matters, see :func:`core.data.cross_modal.samples.checked`.

    Raises:
        PolypTraceError: ``cross-modal-invalid``.
    """
    try:
        categories, vectors = _vectors([one for part in parts.values() for _, one in part.values()], title)
        done = {
            part: {
                modality: Samples(_narrow(features, f"the {part} part of {modality}", title), vectors(labels))
                for modality, (features, labels) in modalities.items()
            }
            for part, modalities in parts.items()
        }
    except (TypeError, ValueError) as error:
        raise invalid(title, "its features or labels are of a kind that can't be used") from error
    return checked(CrossModal(name=name, title=title, categories=categories, parts=done), main)


def _narrow(features: Array, which: str, title: str) -> Floats:
    """Float32, in which encoders compute, where that tells samples apart as their own precision does."""
    with np.errstate(over="ignore"):
        narrow = np.asarray(features, dtype=np.float32)
    wide = np.asarray(features)
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


def _vectors(held: list[Array], title: str) -> tuple[tuple[str, ...], Callable[[Array], Floats]]:
    """The categories' names, and what turns labels into label vectors."""
    columns = {one.shape[1:] for one in held if one.ndim == 2 and 1 not in one.shape}
    if columns:
        if {one.shape[1:] for one in held} != columns or len(columns) > 1:
            raise invalid(title, "its labels are not all of one kind")
        names = tuple(str(number + 1) for number in range(columns.pop()[0]))
        return names, lambda labels: (np.asarray(labels) > 0).astype(np.float32)
    categories = sorted({label for one in held for label in _plain(one, title)})
    places = {label: at for at, label in enumerate(categories)}
    return tuple(map(str, categories)), lambda labels: one_hot(
        [places[label] for label in _plain(labels, title)], len(categories)
    )


def _plain(labels: Array, title: str) -> list[Any]:
    """Words as they are, numbers whole.

    Raises:
        PolypTraceError: ``cross-modal-invalid`` for a number that isn't whole.
        ValueError: what is neither.
    """
    flat = [_inner(one) for one in np.ravel(labels).tolist()]
    if any(isinstance(one, str) for one in flat):
        return [str(one).strip() for one in flat]
    if broken := [one for one in flat if int(one) != one]:
        raise invalid(title, f"its category numbers aren't whole ({broken[0]:g})")
    return [int(one) for one in flat]


def _inner(value: Any) -> Any:
    """What a MATLAB cell of one value holds."""
    while isinstance(value, np.ndarray | list) and np.size(value) == 1:
        value = np.ravel(np.asarray(value)).tolist()[0]
    return value
