"""Who the invented patients are: splits, new and lost lesions, the same plan for the same seed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PolypTraceError
from core.phantom.plan import LEFT, REMOVED, PlannedPatient, plan
from core.phantom.processor import PROCESSORS

PATIENTS = plan(21, 40)


def _shown(patient: PlannedPatient) -> dict[str, list[int]]:
    """Exams that show each lesion, by key."""
    seen: dict[str, list[int]] = {}
    for exam in patient.exams:
        for lesion in exam.colon.lesions:
            seen.setdefault(lesion.key, []).append(exam.number)
    return seen


def test_same_seed_gives_the_same_patients() -> None:
    assert plan(21, 40) == PATIENTS
    assert plan(22, 40) != PATIENTS


def test_patients_do_not_depend_on_how_many_follow() -> None:
    assert plan(21, 7) == PATIENTS[:7]


def test_last_exam_asks_and_earlier_exams_answer() -> None:
    for patient in PATIENTS:
        assert [exam.number for exam in patient.exams] == list(range(1, len(patient.exams) + 1))
        assert patient.query.number == len(patient.exams) in (2, 3)
        assert patient.query not in patient.gallery
        assert all(
            earlier.date < later.date
            for earlier, later in zip(patient.exams, patient.exams[1:], strict=False)
        )
        assert all(1 <= len(exam.colon.lesions) <= 3 for exam in patient.exams)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**31), st.integers(6, 16))
def test_a_third_of_the_query_lesions_has_no_match(seed: int, patients: int) -> None:
    asked = [
        lesion.key in patient.known_keys()
        for patient in plan(seed, patients)
        for lesion in patient.query.colon.lesions
    ]
    # Exactly one of every three in a row is new; only the last, incomplete three can tip the balance.
    assert abs(asked.count(False) - len(asked) / 3) <= 1


def test_some_lesions_are_new_and_some_are_gone() -> None:
    last = {patient.code: len(patient.exams) for patient in PATIENTS}
    spans = [(seen, last[p.code]) for p in PATIENTS for seen in _shown(p).values()]
    assert all(seen == list(range(seen[0], seen[-1] + 1)) for seen, _ in spans)  # none comes back
    assert any(seen[0] == end for seen, end in spans)
    assert any(seen[-1] < end for seen, end in spans)
    assert any(seen[0] < end == seen[-1] for seen, end in spans)


def test_a_removed_lesion_is_not_seen_again() -> None:
    for patient in PATIENTS:
        seen = _shown(patient)
        for exam in patient.exams:
            for lesion, fate in zip(exam.colon.lesions, exam.fates, strict=True):
                again = exam.number < seen[lesion.key][-1]
                assert fate == (LEFT if again else REMOVED) or exam is patient.query


def test_anatomy_stays_the_same_over_exams() -> None:
    for patient in PATIENTS:
        assert len({exam.colon.seed for exam in patient.exams}) == 1
        by_key = {lesion.key: lesion for exam in patient.exams for lesion in exam.colon.lesions}
        assert all(by_key[lesion.key] == lesion for exam in patient.exams for lesion in exam.colon.lesions)


def test_exams_of_a_patient_differ_in_scope_and_mostly_in_processor() -> None:
    pairs = [(a, b) for p in PATIENTS for a, b in pairwise(p.exams)]
    assert all(a.optics != b.optics and a.seed != b.seed for a, b in pairs)
    assert sum(a.processor != b.processor for a, b in pairs) > 0.6 * len(pairs)
    assert {exam.processor for p in PATIENTS for exam in p.exams} == set(range(len(PROCESSORS)))


def test_training_patients_have_siblings_that_are_always_there() -> None:
    for patient in plan(4, 30, max_exams=2, always_present=True):
        first, second = patient.exams
        assert first.colon.lesions == second.colon.lesions
        assert len(first.colon.lesions) >= 2


def test_some_siblings_are_hard_to_tell() -> None:
    groups = [patient.exams[0].colon.lesions for patient in plan(4, 40, max_exams=2, always_present=True)]
    alike = [
        any(
            a.paris == b.paris
            and abs(a.station_mm - b.station_mm) < 140
            and 0.6 < a.size_mm / b.size_mm < 1.7
            for k, a in enumerate(group)
            for b in group[k + 1 :]
        )
        for group in groups
    ]
    assert sum(alike) > 0.25 * len(alike)


@pytest.mark.parametrize(("patients", "exams", "lesions"), [(0, 2, 3), (3, 4, 3), (3, 2, 0), (3, 2, 5)])
def test_impossible_settings_are_refused_in_words(patients: int, exams: int, lesions: int) -> None:
    with pytest.raises(PolypTraceError) as error:
        plan(1, patients, max_exams=exams, max_lesions=lesions)
    assert error.value.code == "phantom-settings"
    assert error.value.hint
