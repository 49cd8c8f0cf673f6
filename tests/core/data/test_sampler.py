"""The P×K sampler's contract, also where the data are few."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.sampler import PKSampler, Sample
from core.errors import PolypTraceError


def samples(*lesions: tuple[str, str, dict[int, int]]) -> list[Sample]:
    """(patient, lesion, {exam: pictures}) → samples."""
    return [
        Sample(patient, (patient, lesion), exam)
        for patient, lesion, exams in lesions
        for exam, count in exams.items()
        for _ in range(count)
    ]


def many(patients: int, lesions: int, exams: int = 2, pictures: int = 4) -> list[Sample]:
    return samples(
        *(
            (f"p{p}", f"l{n}", dict.fromkeys(range(1, exams + 1), pictures))
            for p in range(patients)
            for n in range(lesions)
        )
    )


def test_a_batch_is_p_lesions_by_k_pictures() -> None:
    data = many(20, 2)
    batch = PKSampler(data, 16, 4, seed=3).batch(7)
    assert batch.shape == (64,)
    assert batch.dtype == np.int64
    counts = Counter(data[i].identity for i in batch)
    assert len(counts) == 16
    assert set(counts.values()) == {4}


def test_the_pictures_of_a_lesion_come_from_different_exams_and_do_not_repeat() -> None:
    data = many(8, 2)
    for step in range(10):
        batch = PKSampler(data, 4, 4).batch(step).reshape(4, 4)
        for lesion in batch:
            assert len(set(lesion.tolist())) == 4
            assert Counter(data[i].exam for i in lesion) == {1: 2, 2: 2}


def test_every_lesion_is_shown_once_an_epoch() -> None:
    data = many(8, 4)
    sampler = PKSampler(data, 8, 4)
    assert sampler.steps_per_epoch == 4
    for epoch in range(3):
        shown = [data[i].identity for step in range(4) for i in sampler.batch(epoch * 4 + step)[::4]]
        assert Counter(shown) == {sample.identity: 1 for sample in data}


def test_a_batch_prefers_the_patients_own_other_lesions_as_negatives() -> None:
    data = many(30, 4)
    sampler = PKSampler(data, 16, 4)
    patients = [
        len({data[i].patient for i in sampler.batch(step)}) for step in range(sampler.steps_per_epoch)
    ]
    assert max(patients) <= 5  # 16 lesions of four or five patients; at random it would be about 13


def test_batches_depend_on_seed_and_step_alone() -> None:
    data = many(9, 3)
    one, other = PKSampler(data, 8, 4, seed=1), PKSampler(data, 8, 4, seed=1)
    np.testing.assert_array_equal(one.batch(11), [*map(other.batch, range(12))][11])
    assert not np.array_equal(one.batch(11), one.batch(12))
    assert not np.array_equal(one.batch(11), PKSampler(data, 8, 4, seed=2).batch(11))


def test_one_lesion_is_refused_in_words() -> None:
    with pytest.raises(PolypTraceError) as caught:
        PKSampler(many(1, 1))
    assert caught.value.code == "too-few-identities"
    assert "at least two" in caught.value.message
    with pytest.raises(PolypTraceError):
        PKSampler([])
    for identities, pictures in ((1, 4), (16, 1)):
        with pytest.raises(PolypTraceError) as caught:
            PKSampler(many(4, 1), identities, pictures)
        assert caught.value.code == "batch-too-small"


@pytest.mark.parametrize("count", [2, 5])
def test_few_lesions_lower_p_in_words(count: int) -> None:
    sampler = PKSampler(many(count, 1), 16, 4)
    assert sampler.identities == count
    assert any(f"{count} lesions a batch instead of 16" in note for note in sampler.notes)
    assert sampler.batch(0).shape == (count * 4,)
    assert sampler.steps_per_epoch == 1


def test_one_picture_each_is_shown_repeatedly_and_said() -> None:
    data = many(5, 1, exams=1, pictures=1)
    sampler = PKSampler(data, 16, 4)
    np.testing.assert_array_equal(np.sort(sampler.batch(0)), np.repeat(np.arange(5), 4))
    assert any("5 of 5 lesions with fewer than 4 pictures" in note for note in sampler.notes)
    assert any("one exam only" in note for note in sampler.notes)


def test_enough_data_leave_nothing_to_say() -> None:
    assert PKSampler(many(20, 2), 16, 4).notes == []


@settings(max_examples=60, deadline=None)
@given(
    lesions=st.lists(
        st.tuples(st.integers(0, 4), st.integers(1, 3), st.integers(1, 5)), min_size=2, max_size=23
    ),
    p=st.integers(2, 20),
    k=st.integers(2, 6),
    step=st.integers(0, 40),
)
def test_any_data_give_full_batches(lesions: list[tuple[int, int, int]], p: int, k: int, step: int) -> None:
    data = samples(*((f"p{a}", f"l{n}", dict.fromkeys(range(b), c)) for n, (a, b, c) in enumerate(lesions)))
    batch = PKSampler(data, p, k).batch(step)
    counts = Counter(data[i].identity for i in batch)
    assert len(counts) == min(p, len(lesions))
    assert set(counts.values()) == {k}


def test_an_epoch_is_dealt_once_and_in_whatever_order_batches_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, dealt = many(8, 2), []
    whole = PKSampler._epoch_order

    def counted(self: PKSampler, epoch: int) -> object:
        dealt.append(epoch)
        return whole(self, epoch)

    monkeypatch.setattr(PKSampler, "_epoch_order", counted)
    sampler = PKSampler(data, 5, 2, seed=1)
    steps = [*range(8), 2, 7, 0]
    found = {step: [] for step in steps}
    for step in steps:
        found[step].append(sampler.batch(step).tolist())
    assert dealt == [0, 1, 0, 1, 0]
    for step, batches in found.items():
        assert all(batch == PKSampler(data, 5, 2, seed=1).batch(step).tolist() for batch in batches)
