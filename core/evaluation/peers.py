"""Canonical correlation as the classic peer of retrieval across modalities (Hotelling 1936)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from core.counting import count
from core.data.cross_modal.samples import TRAIN, VAL, CrossModal, Samples
from core.evaluation.cross_modal import Embedded, across_modalities
from core.evaluation.items import unit_rows
from core.progress import CancelToken, Progress, ProgressSink, no_progress

SIZES = (2, 3, 5, 7, 9, 12, 16, 24, 32, 64)
"""Numbers of components to choose from, on the validation part."""
WIDEST = 256
"""Longer features are reduced to so many principal components: CCA of thousands takes hours."""
Reduce = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


class Peer(msgspec.Struct, frozen=True):
    """Figures as those of a model, with ``components``, ``reduced`` and ``average``; None with the reason.

    ``reduced`` is by modality the number of principal components, where its features were reduced.
    """

    figures: dict[str, Any] | None
    reason: str = ""


def canonical_correlation(
    data: CrossModal, part: str, progress: ProgressSink = no_progress, cancel: CancelToken | None = None
) -> Peer:
    """CCA of scikit-learn, fitted on the training pairs; the number of components is chosen on validation.

    It needs what DRCL doesn't: two modalities whose samples come in pairs, row by row. Features that are
    longer than :data:`WIDEST` are reduced by PCA of the training part first.

    Raises:
        Cancelled: between two numbers of components.
    """
    if why := _unfit(data, part):
        return Peer(None, why)
    from sklearn.cross_decomposition import CCA  # scikit-learn takes a second to load

    names, token = list(data.parts[TRAIN]), cancel or CancelToken()
    data, reduced = _reduced(data)
    (first, rank), (second, other) = (_without_rounding(data.parts[TRAIN][name].features) for name in names)
    largest = min(rank, other)
    sizes = [size for size in SIZES if size <= largest]
    best: tuple[float, int, CCA] | None = None
    for number, size in enumerate(sizes):
        token.raise_if_cancelled()
        progress(Progress("canonical correlation", number, len(sizes), f"components: {size}"))
        fitted = CCA(n_components=size, max_iter=2000).fit(first, second)
        average = _figures(fitted, data, VAL, names)["average"]
        if best is None or average > best[0]:
            best = (average, size, fitted)
    if best is None:
        return Peer(None, "The samples are too short for CCA.")
    progress(Progress("canonical correlation", len(sizes), len(sizes)))
    return Peer({**_figures(best[2], data, part, names), "components": best[1], "reduced": reduced})


def cca_words(figures: Mapping[str, Any]) -> str:
    """The peer's name with what it was given: ``CCA, 9 components, image reduced to 256 by PCA``."""
    told = [f"{name} reduced to {size} by PCA" for name, size in figures.get("reduced", {}).items()]
    return ", ".join(("CCA", count(figures["components"], "component"), *told))


def _unfit(data: CrossModal, part: str) -> str:
    """Why the data can't be compared by CCA; empty where they can."""
    train = data.parts.get(TRAIN, {})
    if not train:
        return "CCA needs samples to learn from, and there are none."
    if len(train) != 2:
        return "CCA compares two modalities."
    first, second = train.values()
    if len(first) != len(second) or not np.array_equal(first.labels, second.labels):
        return "CCA needs pairs, and these samples aren't paired."
    if not all(set(train) <= set(data.parts.get(one, {})) for one in (VAL, part)):
        return "CCA needs both modalities in the validation part and in the one asked for."
    return ""


def _without_rounding(features: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float64], int]:
    """The training features without directions in which only rounding to float32 varies; their rank.

    Shares that sum to 1 have one: CCA would take it for a number of its own and fit noise.
    """
    wide = features.astype(np.float64)
    mean = wide.mean(0)
    deviation = np.maximum(wide.std(0), np.finfo(np.float64).tiny)
    left, strength, right = np.linalg.svd((wide - mean) / deviation, full_matrices=False)
    noise = strength[0] * np.finfo(np.float32).eps * max(features.shape)
    kept = strength > noise
    whole = (left[:, kept] * strength[kept]) @ right[kept] * deviation + mean
    return np.asarray(whole), int(kept.sum())


def _reduced(data: CrossModal) -> tuple[CrossModal, dict[str, int]]:
    """The data with long features reduced, and to how many numbers, by modality."""
    shorter = {name: _pca(one) for name, one in data.parts[TRAIN].items() if one.features.shape[1] > WIDEST}
    if not shorter:
        return data, {}
    parts = {
        part: {
            name: Samples(shorter[name](one.features), one.labels) if name in shorter else one
            for name, one in own.items()
        }
        for part, own in data.parts.items()
    }
    sizes = {name: parts[TRAIN][name].features.shape[1] for name in shorter}
    return msgspec.structs.replace(data, parts=parts), sizes


def _pca(train: Samples) -> Reduce:
    from sklearn.decomposition import PCA

    wanted = min(WIDEST, len(train))
    fitted = PCA(wanted, svd_solver="randomized", random_state=0).fit(train.features)
    reduce: Reduce = fitted.transform
    return reduce


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
