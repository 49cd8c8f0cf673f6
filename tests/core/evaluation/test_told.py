"""What is reached where the others' categories are told."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from core.data.cross_modal.samples import CrossModal, Samples, one_hot
from core.evaluation.told import with_categories_told


def data(noise: float, seed: int = 0) -> CrossModal:
    """Images that tell their category as far as the noise allows; texts that tell nothing."""
    rng = np.random.default_rng(seed)
    labels = one_hot(np.arange(180) % 3, 3)
    image = (labels @ (4 * rng.normal(size=(3, 6))) + noise * rng.normal(size=(180, 6))).astype(np.float32)
    text = rng.normal(size=(180, 4)).astype(np.float32)

    def part(rows: slice) -> dict[str, Samples]:
        return {name: Samples(one[rows], labels[rows]) for name, one in (("image", image), ("text", text))}

    parts = {"train": part(slice(90)), "val": part(slice(90, 120)), "test": part(slice(120, 180))}
    return CrossModal(name="x", title="X", categories=("a", "b", "c"), parts=parts)


def test_it_is_perfect_where_the_features_tell_and_chance_where_they_dont() -> None:
    clear = with_categories_told(data(0.1), "test", "image")
    assert clear is not None
    assert clear["map_all"] == {"image->text": pytest.approx(1), "text->image": pytest.approx(1)}
    blind = with_categories_told(data(0.1), "test", "text")
    assert blind is not None
    assert 0.25 < blind["average"] < 0.5


def test_the_way_from_a_told_category_ranks_by_its_probability() -> None:
    noisy = data(8.0)
    found = with_categories_told(noisy, "test", "image")
    assert found is not None
    assert 0.34 < found["map_all"]["text->image"] < 0.98
    assert found["average"] == pytest.approx(np.mean(list(found["map_all"].values())))


def test_ways_between_told_modalities_are_left_out() -> None:
    plain = data(0.1)
    parts = {name: {**own, "audio": own["text"]} for name, own in plain.parts.items()}
    found = with_categories_told(msgspec.structs.replace(plain, parts=parts), "test", "image")
    assert found is not None
    assert set(found["map_all"]) == {"image->text", "text->image", "image->audio", "audio->image"}


def test_a_category_without_samples_to_learn_from_is_improbable() -> None:
    plain = data(0.1)
    train = {name: one.at(one.labels[:, 2] == 0) for name, one in plain.parts["train"].items()}
    found = with_categories_told(
        msgspec.structs.replace(plain, parts={**plain.parts, "train": train}), "test", "image"
    )
    assert found is not None
    assert 0.6 < found["map_all"]["text->image"] < 0.95


def test_several_categories_or_a_missing_modality_have_no_figure() -> None:
    plain = data(0.1)
    both = {
        part: {name: Samples(one.features, np.ones_like(one.labels)) for name, one in own.items()}
        for part, own in plain.parts.items()
    }
    assert with_categories_told(msgspec.structs.replace(plain, parts=both), "test", "image") is None
    less = {**plain.parts, "val": {"image": plain.parts["val"]["image"]}}
    assert with_categories_told(msgspec.structs.replace(plain, parts=less), "test", "image") is None
