"""What retrieval across modalities reaches if all but one modality are told their categories.

A mark to hold figures against: where one modality's features hardly tell the categories, no common space
brings them out. It is no peer, because it is told what the others must find out, and no strict bound, because
another classifier may do better.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from core.data.cross_modal.samples import TRAIN, VAL, CrossModal
from core.evaluation.cross_modal import Embedded, across_modalities
from core.evaluation.items import unit_rows

LEAVES = (5, 10, 20)
"""Samples that a leaf of the forest holds at least: chosen on the validation part."""
TREES = 500


def with_categories_told(data: CrossModal, part: str, modality: str) -> dict[str, Any] | None:
    """The figures where ``modality`` is sorted by a random forest and the others' categories are told.

    The forest's probabilities rank (Breiman 2001); the best of
    :data:`LEAVES` on the validation part is taken.

    Returns:
        As of a model, of the ways that start or end at ``modality``, with ``average``; None where samples
        may have several categories, or a modality is missing in a part.
    """
    whole = all(set(data.modalities) <= set(data.parts.get(one, {})) for one in (VAL, part))
    if not (whole and data.single):
        return None
    from sklearn.ensemble import RandomForestClassifier  # scikit-learn takes a second to load

    train = data.parts[TRAIN][modality]
    forests = [
        RandomForestClassifier(TREES, min_samples_leaf=leaf, random_state=0).fit(
            train.features, train.labels.argmax(1)
        )
        for leaf in LEAVES
    ]
    best = max(forests, key=lambda forest: _figures(forest, data, VAL, modality)["average"])
    return _figures(best, data, part, modality)


def _figures(forest: Any, data: CrossModal, part: str, modality: str) -> dict[str, Any]:
    """The ranks from either side are those by probability.

    Square roots of probabilities have length 1, and their product with a category is its root, so that the
    cosine keeps their order.
    """
    sides = {name: Embedded(unit_rows(one.labels), one.labels) for name, one in data.parts[part].items()}
    own = data.parts[part][modality]
    probable = np.zeros((len(own), len(data.categories)))
    probable[:, forest.classes_] = forest.predict_proba(own.features)  # a category may have nothing to learn
    sides[modality] = Embedded(unit_rows(probable**0.5), own.labels)
    found = msgspec.to_builtins(across_modalities(sides))
    for figure in ("map_all", "map_50"):
        found[figure] = {way: value for way, value in found[figure].items() if modality in way.split("->")}
    return {**found, "average": sum(found["map_all"].values()) / len(found["map_all"])}
