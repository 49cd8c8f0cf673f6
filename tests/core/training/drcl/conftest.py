"""Invented samples of three modalities under four categories; nothing pairs them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.data.cross_modal.samples import CrossModal, Samples, checked, one_hot
from core.training.drcl.config import DrclSettings

SIZES = {
    "train": {"image": 160, "text": 120, "sound": 90},
    "val": {"image": 40, "text": 32, "sound": 24},
    "test": {"image": 44, "text": 36, "sound": 28},
}
LENGTHS = {"image": 12, "text": 6, "sound": 9}


def samples(modality: str, count: int, rng: np.random.Generator, multi: bool) -> Samples:
    """Each category has its direction in each modality; noise covers half of it."""
    centres = np.random.default_rng(len(modality)).normal(size=(4, LENGTHS[modality]))
    labels = one_hot(rng.integers(4, size=count), 4)
    if multi:
        labels = np.maximum(labels, one_hot(rng.integers(4, size=count), 4))
    features = 5 + 2 * (labels @ centres) + rng.normal(size=(count, LENGTHS[modality]))
    return Samples(features.astype(np.float32), labels)


@pytest.fixture(scope="session")
def invented() -> Callable[..., CrossModal]:
    """Makes the data, with one or several categories a sample."""

    def make(multi: bool = False) -> CrossModal:
        rng = np.random.default_rng(7)
        parts = {
            part: {name: samples(name, count, rng, multi) for name, count in own.items()}
            for part, own in SIZES.items()
        }
        return checked(
            CrossModal(name="invented", title="Invented", categories=("a", "b", "c", "d"), parts=parts)
        )

    return make


@pytest.fixture(scope="session")
def settings() -> DrclSettings:
    """Small enough for a test."""
    return DrclSettings(width=32, dim=16, epochs=25, batch=64, rate=3e-3, prior_rate=3e-3)
