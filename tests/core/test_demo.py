"""The demo's score, by hand: what counts as right, and what the document says."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from core.demo import DemoClip, DemoQuery, DemoRun, judge
from core.demo_data import read_demo
from core.matching.values import (
    Candidate,
    CropSource,
    DeviceInfo,
    Evidence,
    MatchResult,
    ModelInfo,
    NoMatchAnswer,
    QueryInfo,
)

TRUTH = {1: "A-L1", 2: "A-L2", 3: "B-L1"}
"""Clip → true lesion."""
DAY = dt.date(2026, 1, 1)


def candidate(clip: int) -> Candidate:
    facts = {"clip": clip, "finding": clip, "lesion": clip, "patient": "A", "exam": 1, "exam_date": DAY}
    words = {"report": "", "place": "", "band": None, "probability": None}
    return Candidate(**facts, **words, score=1 - clip / 10, rejected=False, source=CropSource.BOX)


def result(patient: list[int], catalogue: list[int], new: bool) -> MatchResult:
    evidence = Evidence(CropSource.BOX, 1, (0,), None)
    return MatchResult(
        query=QueryInfo(9, 9, "A", 2, DAY, "", "", evidence),
        model=ModelInfo("m", 4),
        device=DeviceInfo("cpu", "asked for"),
        patient=tuple(map(candidate, patient)),
        catalogue=tuple(map(candidate, catalogue)),
        no_match=NoMatchAnswer(0.5, 0.4, new, 10, ""),
    )


@pytest.fixture(scope="module")
def asked() -> DemoClip:
    """A follow-up clip of the shipped demo, whose truth is then changed."""
    exams = read_demo(Path(__file__).parents[2] / "resources/demo")
    truth = next(clip for exam in exams for clip in exam.clips if clip.split == "query")
    return DemoClip(9, 9, msgspec.structs.replace(truth, polyp_id="A-L2", has_match=True))


@pytest.mark.parametrize(
    ("patient", "catalogue", "right", "right_in_patient"),
    [([2, 1], [2, 3, 1], True, True), ([2, 1], [3, 2, 1], False, True), ([1, 2], [1, 2], False, False)],
)
def test_right_is_the_true_lesion_first(
    asked: DemoClip, patient: list[int], catalogue: list[int], right: bool, right_in_patient: bool
) -> None:
    judged = judge(asked, result(patient, catalogue, False), TRUTH)
    assert (judged.correct, judged.correct_in_patient) == (right, right_in_patient)


def test_a_clip_that_the_user_added_is_no_right_answer(asked: DemoClip) -> None:
    assert judge(asked, result([7], [7, 2], False), TRUTH).correct is False
    assert judge(asked, result([], [], True), TRUTH).correct is False


def test_a_new_lesion_counts_neither_as_right_nor_wrong(asked: DemoClip) -> None:
    new = msgspec.structs.replace(asked, truth=msgspec.structs.replace(asked.truth, has_match=False))
    judged = judge(new, result([2], [2], True), TRUTH)
    assert (judged.has_match, judged.correct, judged.correct_in_patient) == (False, None, None)


def test_the_document_counts_what_was_judged() -> None:
    def query(right: bool | None, in_patient: bool | None, new: bool) -> DemoQuery:
        return DemoQuery(result([1], [1, 2, 3], new), right is not None, right, in_patient)

    asked = (
        query(True, True, False),
        query(False, True, False),
        query(False, False, True),
        query(None, None, True),
        query(None, None, False),
    )
    said = DemoRun(asked, ("q.png", "c.png"), {}).as_dict()
    assert (said["queries"], said["queries_with_match"]) == (5, 3)
    assert said["rank1"] == pytest.approx(1 / 3)
    assert said["rank1_patient"] == pytest.approx(2 / 3)
    assert (said["new_lesions"], said["new_lesions_without_good_match"]) == (2, 1)
    assert (said["query"], said["correct"]) == (9, True)
    assert [one["clip"] for one in said["ranking"]] == [1, 2, 3]
