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
                modality: Samples(np.asarray(features, dtype=np.float32), vectors(labels))
                for modality, (features, labels) in modalities.items()
            }
            for part, modalities in parts.items()
        }
    except (TypeError, ValueError) as error:
        raise invalid(title, "its features or labels are of a kind that can't be used") from error
    return checked(CrossModal(name=name, title=title, categories=categories, parts=done), main)


def _vectors(held: list[Array], title: str) -> tuple[tuple[str, ...], Callable[[Array], Floats]]:
    """The categories' names, and what turns labels into label vectors."""
    columns = {one.shape[1:] for one in held if one.ndim == 2 and 1 not in one.shape}
    if columns:
        if {one.shape[1:] for one in held} != columns or len(columns) > 1:
            raise invalid(title, "its labels are not all of one kind")
        names = tuple(str(number + 1) for number in range(columns.pop()[0]))
        return names, lambda labels: (np.asarray(labels) > 0).astype(np.float32)
    categories = sorted({label for one in held for label in _plain(one)})
    places = {label: at for at, label in enumerate(categories)}
    return tuple(map(str, categories)), lambda labels: one_hot(
        [places[label] for label in _plain(labels)], len(categories)
    )


def _plain(labels: Array) -> list[Any]:
    """Words as they are, numbers whole."""
    flat = [_inner(one) for one in np.ravel(labels).tolist()]
    words = any(isinstance(one, str) for one in flat)
    return [str(one).strip() for one in flat] if words else [int(one) for one in flat]


def _inner(value: Any) -> Any:
    """What a MATLAB cell of one value holds."""
    while isinstance(value, np.ndarray | list) and np.size(value) == 1:
        value = np.ravel(np.asarray(value)).tolist()[0]
    return value
