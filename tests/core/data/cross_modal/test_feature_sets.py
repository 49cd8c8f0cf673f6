"""Samples of several modalities from one feature file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from core.data.cross_modal.feature_sets import read_feature_set
from core.data.feature_file import load_arrays
from core.errors import PolypTraceError


def arrays(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    plain = {
        "image_train_features": rng.normal(size=(30, 4)),
        "image_train_labels": np.arange(30) % 3,
        "text_train_features": rng.normal(size=(21, 2)),
        "text_train_labels": np.arange(21) % 3,
        "image_test_features": rng.normal(size=(6, 4)),
        "image_test_labels": np.arange(6) % 3,
        "text_test_features": rng.normal(size=(5, 2)),
        "text_test_labels": np.arange(5) % 3,
    } | changes
    return {name: value for name, value in plain.items() if value is not None}


def saved(path: Path, content: dict[str, Any]) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **content)
    elif path.suffix == ".mat":
        savemat(path, content)
    else:
        with h5py.File(path, "w") as file:
            for name, value in content.items():
                file[name] = value
    return path


TEXTS = arrays()["text_train_features"]


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".h5"])
def test_modalities_of_different_numbers(tmp_path: Path, suffix: str) -> None:
    data = read_feature_set(saved(tmp_path / f"own{suffix}", arrays()))
    assert data.modalities == ("image", "text")
    assert data.categories == ("0", "1", "2")
    # A tenth of each category is held back.
    assert data.sizes == {
        "train": {"image": 27, "text": 18},
        "test": {"image": 6, "text": 5},
        "val": {"image": 3, "text": 3},
    }
    assert sorted(data.parts["val"]["image"].labels.argmax(1).tolist()) == [0, 1, 2]
    assert "held back" in data.notes[0]
    again = read_feature_set(tmp_path / f"own{suffix}")
    other = read_feature_set(tmp_path / f"own{suffix}", seed=1)
    held = data.parts["val"]["image"].features
    assert np.array_equal(held, again.parts["val"]["image"].features)
    assert not np.array_equal(held, other.parts["val"]["image"].features)


def test_words_columns_and_a_validation_part(tmp_path: Path) -> None:
    words = arrays(
        image_train_labels=np.array(["polyp", "adenoma", "none"] * 10),
        text_train_labels=np.array(["polyp", "adenoma", "none"] * 7),
        image_test_labels=np.array(["polyp"] * 6),
        text_test_labels=np.array(["none"] * 5),
    )
    data = read_feature_set(saved(tmp_path / "words.npz", words))
    assert data.categories == ("adenoma", "none", "polyp")
    columns = {
        name: np.eye(3)[value % 3] + np.eye(3)[0] if name.endswith("labels") else value
        for name, value in arrays(
            image_val_features=np.ones((2, 4)), image_val_labels=np.array([0, 1])
        ).items()
    }
    wide = read_feature_set(saved(tmp_path / "columns.npz", columns))
    assert not wide.single
    assert wide.sizes["val"] == {"image": 2}
    assert wide.sizes["train"] == {"image": 30, "text": 21}
    assert not wide.notes


def test_a_category_that_nothing_is_learnt_of_is_named(tmp_path: Path) -> None:
    odd = arrays(image_test_labels=np.array([0, 1, 2, 7, 8, 7]))
    found = read_feature_set(saved(tmp_path / "own.npz", odd))
    assert "2 categories without a sample to learn from: 7, 8." in found.notes


def test_sparse_arrays_of_matlab_are_read(tmp_path: Path) -> None:
    plain = arrays()
    thin = {name: csc_matrix(one) if name == "image_train_features" else one for name, one in plain.items()}
    savemat(tmp_path / "thin.mat", thin)
    savemat(tmp_path / "plain.mat", plain)
    one, other = (read_feature_set(tmp_path / name) for name in ("thin.mat", "plain.mat"))
    assert np.array_equal(one.parts["train"]["image"].features, other.parts["train"]["image"].features)


def _table(odd: float) -> dict[str, Any]:
    """Labels in columns, of which one value is odd."""
    table = {name: np.eye(3)[value % 3] for name, value in arrays().items() if name.endswith("labels")}
    table["text_train_labels"][0, 2] = odd
    return table


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"text_train_labels": None}, "features-layout", "text_train has no labels"),
        (
            {name: None for name in arrays() if "_train_" in name},
            "features-layout",
            "nothing to learn from",
        ),
        (
            {"text_train_features": None, "text_train_labels": None},
            "cross-modal-invalid",
            "fewer than two modalities",
        ),
        ({"image_train_labels": np.arange(29)}, "cross-modal-invalid", "labels of another number"),
        ({"image_test_features": np.ones((6, 5))}, "cross-modal-invalid", "another length"),
        ({"text_train_features": np.full((21, 2), np.nan)}, "cross-modal-invalid", "aren't numbers"),
        ({"text_train_features": np.ones(21)}, "cross-modal-invalid", "table"),
        ({"text_train_features": TEXTS + 1e9}, "cross-modal-invalid", "vary too little"),
        ({"text_train_features": TEXTS * 1e39}, "cross-modal-invalid", "too large"),
        ({"text_train_features": TEXTS * 1e-46}, "cross-modal-invalid", "too small"),
        ({"text_train_labels": np.full(21, np.nan)}, "cross-modal-invalid", "aren't whole (nan)"),
        ({"text_train_labels": np.full(21, np.inf)}, "cross-modal-invalid", "of text has category numbers"),
        ({"text_train_labels": np.full(21, 1j)}, "cross-modal-invalid", "neither numbers nor words"),
        ({"text_train_labels": np.array(["a", "b", "c"] * 7)}, "cross-modal-invalid", "words in another"),
        ({"text_train_features": TEXTS + 1j}, "cross-modal-invalid", "aren't real"),
        (_table(np.nan), "cross-modal-invalid", "other values than 0 and 1"),
        (_table(0.02), "cross-modal-invalid", "other values than 0 and 1"),
        ({"text_train_labels": np.arange(21) % 3 + 0.1}, "cross-modal-invalid", "aren't whole (0.1)"),
        (
            {"sound_test_features": np.ones((3, 2)), "sound_test_labels": np.arange(3)},
            "cross-modal-invalid",
            "sound is only in its test part",
        ),
        (
            {"a/b_train_features": np.ones((3, 2)), "a/b_train_labels": np.arange(3)},
            "features-layout",
            "“a/b” is no name of a modality",
        ),
        (
            {".._test_features": np.ones((3, 2)), ".._test_labels": np.arange(3)},
            "features-layout",
            "“..” is no name of a modality",
        ),
        ({"text_train_labels": np.eye(21)}, "cross-modal-invalid", "one kind"),
        (
            {f"{m}_{p}_labels": np.ones(n) for m, p, n in (("image", "train", 30), ("text", "train", 21),
             ("image", "test", 6), ("text", "test", 5))},
            "cross-modal-invalid",
            "fewer than two categories",
        ),
    ],
)  # fmt: skip
def test_what_doesn_t_fit_is_refused_in_words(
    tmp_path: Path, changes: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(PolypTraceError) as caught:
        read_feature_set(saved(tmp_path / "own.npz", arrays(**changes)))
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.hint


def test_features_of_any_usual_size_and_constant_ones_are_read(tmp_path: Path) -> None:
    single = np.full((21, 2), 0.1, dtype=np.float32)
    single[3] = np.nextafter(single[3], np.float32(1))  # the last digit of what came in single precision
    for number, odd in enumerate((TEXTS * 1e20, TEXTS * 1e-25, TEXTS + 1000, TEXTS * 0 + 0.1, single)):
        file = saved(tmp_path / f"{number}.npz", arrays(text_train_features=odd))
        read = read_feature_set(file).parts["train"]["text"].features
        assert read.dtype == np.float32
    jitter = 0.1 + 1e-17 * TEXTS
    assert read_feature_set(saved(tmp_path / "j.npz", arrays(text_train_features=jitter))).modalities


def test_matlab_files_of_version_7_3_lie_the_other_way_round(tmp_path: Path) -> None:
    table = np.arange(6.0).reshape(2, 3)
    plain, behind = tmp_path / "plain.h5", tmp_path / "new.mat"
    with h5py.File(plain, "w") as file:
        file["x"] = table
        file.create_group("inner")
    with h5py.File(behind, "w", userblock_size=512) as file:
        file["x"] = table.T
    assert load_arrays(plain).keys() == {"x"}
    assert np.array_equal(load_arrays(plain)["x"], table)
    assert np.array_equal(load_arrays(behind)["x"], table)
    behind.write_bytes(behind.read_bytes()[:700])
    with pytest.raises(PolypTraceError) as caught:
        load_arrays(behind)
    assert caught.value.code == "features-unreadable"
