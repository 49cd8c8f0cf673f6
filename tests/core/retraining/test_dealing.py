"""Who trains and who is held back, the refusal in words, and the time left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.catalog import operations
from core.catalog.engine import Catalog
from core.errors import PolypTraceError
from core.inference.bundle import read_bundle
from core.inference.device import DeviceChoice
from core.paths import DataDir
from core.progress import Progress
from core.retraining.clock import Clock
from core.retraining.confirmed import Confirmed
from core.retraining.dealing import KIND, LEAST_LESIONS, Dealt, Past, deal, past_of
from core.retraining.frozen import freeze
from core.retraining.plan import duration, plan_of, refusal
from core.training.pre_flight import training_s
from core.training.presets import COMPACT, QUICK


def _lesions(*counts: int) -> dict[int, set[int]]:
    return {patient: set(range(100 * patient, 100 * patient + n)) for patient, n in enumerate(counts, 1)}


def test_no_patient_is_on_both_sides_and_enough_is_left() -> None:
    for counts in ((1, 1, 1, 1, 1, 1), (2, 2, 2), (5, 1, 1), (3,) * 30):
        dealt = deal(_lesions(*counts), Past())
        assert not set(dealt.train) & set(dealt.held_back)
        assert len(dealt.train) + len(dealt.held_back) == len(counts)
        assert sum(counts[patient - 1] for patient in dealt.train) >= LEAST_LESIONS
        assert dealt.held_back
    assert len(deal(_lesions(*(3,) * 30), Past()).held_back) == 6


def test_too_few_patients_hold_nobody_back() -> None:
    assert deal(_lesions(LEAST_LESIONS), Past()).held_back == ()
    assert deal(_lesions(2, 2), Past()).held_back == ()


def test_who_was_learnt_from_is_never_held_back_and_who_was_held_back_stays_so() -> None:
    lesions = _lesions(*(2,) * 10)
    first = deal(lesions, Past())
    past = Past(frozenset(first.train), frozenset(first.held_back))
    grown = lesions | {number: {number * 100, number * 100 + 1} for number in range(11, 21)}
    second = deal(grown, past, seed=5)
    assert set(first.held_back) <= set(second.held_back)
    assert not set(first.train) & set(second.held_back)
    assert set(second.held_back) > set(first.held_back)
    assert deal(lesions, Past(frozenset(lesions))).held_back == ()


@pytest.mark.parametrize("end", [operations.fail_job, operations.cancel_job, operations.finish_job])
def test_whom_any_run_trained_on_is_never_held_back(tmp_path: Path, end: Any) -> None:
    with Catalog.open(DataDir(tmp_path)) as catalog:
        for train, held in (([1, 2], [3, 4]), ([2, 3], [4])):
            detail = {"train_patients": train, "held_back_patients": held}
            job = operations.create_job(catalog, KIND, detail, author="anna").subject
            assert job is not None
            operations.start_job(catalog, job, author="anna")
            more = (PolypTraceError("job-lost", "It was lost."),) if end is operations.fail_job else ()
            end(catalog, job, *more, author="anna")
        assert past_of(catalog) == Past(frozenset({1, 2, 3}), frozenset({4}))


def test_the_order_of_the_catalogue_doesn_t_matter() -> None:
    lesions = _lesions(*(2,) * 12)
    assert deal(dict(reversed(lesions.items())), Past()) == deal(lesions, Past())


@pytest.mark.parametrize(
    ("lesions", "words"), [(0, "four more lesions"), (1, "three more lesions"), (3, "one more lesion with")]
)
def test_too_little_is_refused_with_what_to_add(lesions: int, words: str) -> None:
    error = refusal(lesions)
    assert error is not None
    assert error.code == "training-too-little"
    assert words in error.hint
    assert "two exams" in error.hint
    assert refusal(LEAST_LESIONS) is None


def test_the_clock_measures_the_present_stage_and_expects_the_rest() -> None:
    now = 0.0
    clock = Clock({"cut": 10.0, "learn": 100.0, "measure": 5.0}, lambda: now)
    assert clock.left(Progress("cut", 0, 4)) == 115
    now = 20.0  # slower than expected
    assert clock.left(Progress("cut", 2, 4)) == pytest.approx(20 + 105)
    assert clock.left(Progress("learn", 50, 100)) == pytest.approx(105)  # gone on with in the middle
    now = 30.0
    assert clock.left(Progress("learn", 75, 100)) == pytest.approx(10 + 5)
    clock.limit(3.0)
    assert clock.left(Progress("learn", 75, 100)) == pytest.approx(3 + 5)
    told: list[Progress] = []
    clock.telling(told.append)(Progress("measure", 0, 1))
    assert told[0].left_s == pytest.approx(5)


def test_the_clock_doesn_t_guess_what_nobody_has_measured() -> None:
    now = 0.0
    clock = Clock({"cut": 10.0, "learn": None}, lambda: now)
    assert clock.left(Progress("cut", 0, 4)) is None
    assert clock.left(Progress("learn", 0, 10)) is None
    now = 20.0
    assert clock.left(Progress("learn", 5, 10)) == pytest.approx(20)


def test_the_time_is_of_the_batches_that_are_made_and_of_a_known_pace(small_bundle: Path) -> None:
    start = read_bundle(small_bundle)
    few, many = (training_s(COMPACT, start, lesions, "cpu") for lesions in (4, 40))
    assert few is not None
    assert many == pytest.approx(4 * few)  # a batch of 16 lesions, where there are so many
    epochs = msgspec.structs.replace(COMPACT, steps=None, epochs=10)
    one, two = (training_s(epochs, start, lesions, "cpu") for lesions in (16, 32))
    assert one is not None
    assert two == pytest.approx(2 * one)
    assert training_s(COMPACT, start, 4, "cuda") is None
    assert training_s(QUICK, start, 4, "cuda") == QUICK.max_seconds


def test_who_only_chooses_the_checkpoint_is_said() -> None:
    made = freeze(
        Confirmed((), (), ()),
        Dealt((), ()),
        author="anna",
        preset="quick",
        config={"val_share": 0.15},
        start="m",
    )
    words = plan_of(made, DeviceChoice("cpu", "there is no other"), 60.0).words
    assert any("About 15% of the patients" in one for one in words)
    without = msgspec.structs.replace(made, config={"val_share": 0.0})
    silent = plan_of(without, DeviceChoice("cuda", "it is there"), None)
    assert not any("only choose" in one for one in silent.words)
    assert silent.refused is not None
    assert not any("takes" in one for one in silent.words)  # nothing would train


def test_durations_are_words() -> None:
    assert [duration(s) for s in (4, 61, 200, 9000)] == ["10 seconds", "70 seconds", "3 minutes", "2.5 hours"]
