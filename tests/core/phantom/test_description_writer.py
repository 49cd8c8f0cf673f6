"""Descriptions: valid, complete enough to finalise, and independent from exam to exam."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from core.phantom.description_writer import describe
from core.phantom.plan import REMOVED, PlannedExam, plan
from core.phantom.processor import PROCESSORS
from core.phantom.seeding import stream
from core.text.description import validate
from core.text.parse import parse_report
from core.text.render import model_text, report_text

Values = dict[str, Any]


def _written(exam: PlannedExam, index: int) -> Values:
    lesion = exam.colon.lesions[index]
    return describe(
        lesion,
        exam.colon,
        removed=exam.fates[index] == REMOVED,
        narrow_band=PROCESSORS[exam.processor].narrow_band if exam.optics.narrow_band else None,
        number=index + 1,
        rng=stream(exam.seed, "observer", lesion.key),
    )


@pytest.fixture(scope="module")
def written() -> dict[str, list[tuple[PlannedExam, int, Values]]]:
    """Descriptions by lesion, one for each exam that shows it."""
    found: dict[str, list[tuple[PlannedExam, int, Values]]] = {}
    for patient in plan(41, 40):
        for exam in patient.exams:
            for index, lesion in enumerate(exam.colon.lesions):
                found.setdefault(lesion.key, []).append((exam, index, _written(exam, index)))
    return found


def test_every_description_can_be_finalised(
    written: dict[str, list[tuple[PlannedExam, int, Values]]],
) -> None:
    for exams in written.values():
        for _, _, values in exams:
            assert [p for p in validate(values, finalise=True) if p.severity == "error"] == []


def test_reports_give_the_record_back(written: dict[str, list[tuple[PlannedExam, int, Values]]]) -> None:
    for exams in list(written.values())[:25]:
        values = exams[0][2]
        assert parse_report(report_text(values)) == values


def test_the_same_exam_writes_the_same(written: dict[str, list[tuple[PlannedExam, int, Values]]]) -> None:
    for exams in list(written.values())[:10]:
        for exam, index, values in exams:
            assert _written(exam, index) == values


def test_exams_describe_the_same_lesion_on_their_own(
    written: dict[str, list[tuple[PlannedExam, int, Values]]],
) -> None:
    pairs = [(a[2], b[2]) for exams in written.values() for a, b in pairwise(exams)]
    assert len(pairs) > 30
    same_text = sum(model_text(a) == model_text(b) for a, b in pairs) / len(pairs)
    same_size = sum(a["size_mm"] == b["size_mm"] for a, b in pairs) / len(pairs)
    same_paris = sum(a["paris"] == b["paris"] for a, b in pairs) / len(pairs)
    assert same_text < 0.05
    assert same_size < 0.45
    assert 0.5 < same_paris < 0.85


def test_one_observer_s_draws_do_not_move_another_s() -> None:
    """A lesion's description stays as it is when a sibling is described before it."""
    exam = next(e for p in plan(42, 30) for e in p.exams if len(e.colon.lesions) > 1)
    alone = _written(exam, 1)
    _written(exam, 0)
    assert _written(exam, 1) == alone


def test_texts_tell_the_model_neither_outcome_nor_patient(
    written: dict[str, list[tuple[PlannedExam, int, Values]]],
) -> None:
    for key, exams in written.items():
        for _, _, values in exams:
            text = model_text(values)
            assert key not in text
            for word in ("snare", "resect", "adenoma", "biops", "histolog", "piecemeal"):
                assert word not in text.lower()
