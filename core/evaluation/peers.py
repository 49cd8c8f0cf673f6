"""Canonical correlation as the classic peer of retrieval across modalities (Hotelling 1936)."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from core.data.cross_modal.samples import TRAIN, VAL, CrossModal
from core.evaluation.cross_modal import Embedded, across_modalities
from core.evaluation.items import unit_rows

SIZES = (2, 3, 5, 7, 9, 12, 16, 24, 32, 64)
"""Numbers of components to choose from, on the validation part."""


class Peer(msgspec.Struct, frozen=True):
    """Figures as those of a model, with ``components`` and ``average``; None with the reason."""

    figures: dict[str, Any] | None
    reason: str = ""


def canonical_correlation(data: CrossModal, part: str) -> Peer:
    """CCA of scikit-learn, fitted on the training pairs; the number of components is chosen on validation.

    It needs what DRCL doesn't: two modalities whose samples come in pairs, row by row.
    """
    from sklearn.cross_decomposition import CCA  # scikit-learn takes a second to load

    train = data.parts.get(TRAIN, {})
    names = list(train)
    if not train:
        return Peer(None, "CCA needs samples to learn from, and there are none.")
    if len(names) != 2:
        return Peer(None, "CCA compares two modalities.")
    first, second = (train[name] for name in names)
    if len(first) != len(second) or not np.array_equal(first.labels, second.labels):
        return Peer(None, "CCA needs pairs, and these samples aren't paired.")
    if not all(set(names) <= set(data.parts.get(one, {})) for one in (VAL, part)):
        return Peer(None, "CCA needs both modalities in the validation part and in the one asked for.")
    largest = min(first.features.shape[1], second.features.shape[1], len(first))
    best: tuple[float, int, CCA] | None = None
    for size in [size for size in SIZES if size <= largest]:
        fitted = CCA(n_components=size, max_iter=2000).fit(first.features, second.features)
        average = _figures(fitted, data, VAL, names)["average"]
        if best is None or average > best[0]:
            best = (average, size, fitted)
    if best is None:
        return Peer(None, "The samples are too short for CCA.")
    return Peer({**_figures(best[2], data, part, names), "components": best[1]})


def _figures(fitted: Any, data: CrossModal, part: str, names: list[str]) -> dict[str, Any]:
    one, other = (data.parts[part][name] for name in names)
    x, _ = fitted.transform(one.features, np.zeros((len(one), fitted.y_weights_.shape[0])))
    _, y = fitted.transform(np.zeros((len(other), fitted.x_weights_.shape[0])), other.features)
    sides = {
        names[0]: Embedded(unit_rows(x), one.labels),
        names[1]: Embedded(unit_rows(y), other.labels),
    }
    found = across_modalities(sides)
    return {**msgspec.to_builtins(found), "average": found.average}
