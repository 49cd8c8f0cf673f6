"""Splits: no patient on both sides, ever."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.manifest import Row
from core.data.splits import assert_disjoint, patients_of, split_hash, split_patients, training_parts
from core.errors import PolypTraceError


def row(patient: str, split: str = "train") -> Row:
    return Row(f"{patient}-c", Path("a.png"), None, patient, "l1", 1, split, "")


@given(count=st.integers(2, 80), share=st.floats(0.05, 0.95), seed=st.integers(0, 99))
def test_parts_are_disjoint_whole_and_not_empty(count: int, share: float, seed: int) -> None:
    patients = [f"p{n}" for n in range(count)]
    parts = split_patients(patients, {"train": share, "val": 1 - share}, seed)
    assert sorted(parts["train"] + parts["val"]) == sorted(patients)
    assert parts["train"]
    assert parts["val"]
    assert not set(parts["train"]) & set(parts["val"])
    assert abs(len(parts["train"]) - share * count) <= 1
    assert split_patients(patients[::-1] * 2, {"train": share, "val": 1 - share}, seed) == parts


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(PolypTraceError, match="1 patients can't be split into 2"):
        split_patients(["p1"], {"train": 0.5, "val": 0.5}, 0)


def test_an_overlap_is_refused_without_naming_patients() -> None:
    with pytest.raises(PolypTraceError) as caught:
        assert_disjoint({"train": ["secret-7", "b"], "val": ["c", "secret-7"]})
    assert caught.value.code == "split-overlap"
    assert "secret-7" not in caught.value.message


def test_a_manifest_whose_patient_is_in_both_parts_does_not_train() -> None:
    with pytest.raises(PolypTraceError) as caught:
        training_parts([row("a"), row("b"), row("b", "val")], 0)
    assert caught.value.code == "split-overlap"


def test_the_manifests_own_validation_part_is_kept() -> None:
    train, val, _ = training_parts([row("a"), row("b"), row("c", "val"), row("d", "query")], 0)
    assert (patients_of(train), patients_of(val)) == ({"a", "b"}, {"c"})


def test_without_a_validation_part_patients_are_held_back() -> None:
    train, val, note = training_parts([row(f"p{n}") for n in range(20) for _ in range(3)], 0)
    assert len(patients_of(val)) == 3
    assert len(train) == 51
    assert "3 patients were held back" in note


def test_one_patient_trains_without_validation_and_says_so() -> None:
    train, val, note = training_parts([row("a"), row("a")], 0)
    assert (len(train), val) == (2, [])
    assert "nothing is left to validate on" in note


def test_two_patients_with_a_lesion_each_both_train() -> None:
    train, val, note = training_parts([row("a"), row("b")], 0)
    assert (len(train), val) == (2, [])
    assert "Too few lesions to hold a patient back" in note


def test_a_single_lesion_that_is_held_back_says_nothing_and_that_is_said() -> None:
    train, val, note = training_parts([row(f"p{n}") for n in range(5)], 0)
    assert (len(train), len(val)) == (4, 1)
    assert note.startswith("1 patient was held back for validation. Nothing can be asked of them")


def test_patients_without_a_known_lesion_are_not_held_back() -> None:
    bare = [msgspec.structs.replace(row(f"u{n}"), polyp_id=None) for n in range(9)]
    train, val, _ = training_parts([*(row(f"p{n}") for n in range(9)), *bare], 0, 0.4)
    assert {one[0] for one in patients_of(val)} == {"p"}
    assert len(train) + len(val) == 18


def test_no_training_rows_are_refused() -> None:
    with pytest.raises(PolypTraceError, match="no row with split train"):
        training_parts([row("a", "query")], 0)


def test_the_hash_is_of_the_set() -> None:
    assert split_hash(["a", "b", "a"]) == split_hash(["b", "a"]) != split_hash(["a"])
