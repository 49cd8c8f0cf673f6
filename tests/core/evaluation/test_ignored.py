"""Which pairs no ranking counts: junk, own exam, own camera; worked out by hand for each rule."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from core.data.manifest import Row
from core.data.rules import LESIONS, PAIRED_EXAMS, PERSONS, RankingRule
from core.evaluation.asking import ask_all
from core.evaluation.comparison import compare
from core.evaluation.ignored import ignored_pairs
from core.evaluation.items import Items, frames
from core.evaluation.protocols import catalogue, other_patients, within_patient


def items(*rows: Row, places: list[float] | None = None) -> Items:
    """``places`` are angles in degrees."""
    turns = np.radians(places or [0.0] * len(rows))
    return frames(rows, np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32))


def person(number: str, camera: int, split: str = "gallery", junk: bool = False) -> Row:
    who = None if number in ("-1", "0000") else number
    path = Path(f"{number}-{camera}-{split}.jpg")
    return Row(path.stem, path, None, number, who, camera, split, "", camera=str(camera), junk=junk)


def lesion(polyp: str, patient: str, exam: int, camera: str | None = None) -> Row:
    return Row(f"{polyp}{exam}", Path("x"), None, patient, polyp, exam, "gallery", "", camera=camera)


def ignored(query: Items, gallery: Items, rule: RankingRule) -> list[list[int]]:
    mask = ignored_pairs(query, gallery, rule)
    return [sorted(mask[at].tolist()) for at in range(len(mask))]


ASKED = [person("0001", 1, "query"), person("0001", 2, "query"), person("0002", 1, "query")]
GALLERY = [
    person("-1", 1, junk=True),
    person("0001", 1),
    person("0000", 1),
    person("0001", 2),
    person("0002", 1),
    person("0002", 3),
    person("-1", 3, junk=True),
]


def test_persons_lose_junk_and_their_own_camera() -> None:
    found = ignored(items(*ASKED), items(*GALLERY), PERSONS)
    assert found == [[0, 1, 6], [0, 3, 6], [0, 4, 6]]


def test_left_out_pictures_have_no_rank() -> None:
    # Query 0001 at 0 degrees; before its true match at 40 stand, by angle: its own camera (5), junk (10), the
    # distractor (20), another person (30). Only the last two count: rank 3.
    angles = [10.0, 5.0, 20.0, 40.0, 30.0, 90.0, 90.0]
    figures = catalogue(compare(items(ASKED[0], places=[0.0]), items(*GALLERY, places=angles), PERSONS))
    assert (figures.rank1, figures.rank5, figures.median_rank) == (0.0, 1.0, 3.0)
    assert figures.mean_average_precision == pytest.approx(1 / 3)
    # Without the rule the picture of its own camera would be first.
    any_camera = msgspec.structs.replace(PERSONS, own_camera=False)
    lax = catalogue(compare(items(ASKED[0], places=[0.0]), items(*GALLERY, places=angles), any_camera))
    assert lax.rank1 == 1.0


def test_lesions_lose_their_own_exam_and_a_named_camera() -> None:
    query = items(lesion("a", "P", 2, "scope"), lesion("b", "Q", 2))
    gallery = items(
        lesion("a", "P", 1, "scope"),  # same lesion, same camera
        lesion("c", "P", 2, "other"),  # same exam
        lesion("a", "P", 1, "other"),
        lesion("b", "Q", 1),  # no camera is known: nothing to leave out
        lesion("c", "P", 1, "scope"),  # another lesion of that camera stays
    )
    assert ignored(query, gallery, LESIONS) == [[0, 1], []]


def test_a_pair_that_two_rules_ignore_counts_once() -> None:
    query, gallery = items(lesion("a", "P", 1, "scope")), items(lesion("a", "P", 1, "scope"))
    mask = ignored_pairs(query, gallery, LESIONS)
    assert mask[0].tolist() == [0]
    assert mask.own_pairs == 1


def test_persons_have_no_gallery_of_a_patient() -> None:
    answers = ask_all(compare(items(*ASKED), items(*GALLERY), PERSONS))
    within, others = within_patient(answers), other_patients(answers)
    assert within.rank1 is within.chance is within.no_match_auroc is None
    assert all("persons" in reason for reason in within.reasons.values())
    assert others.wrong_patient is None
    assert "persons" in (others.reason or "")


def test_pairs_of_exams_are_asked_whatever_their_order() -> None:
    query = items(lesion("a", "P", 1), places=[0.0])
    gallery = items(lesion("a", "P", 2), lesion("b", "P", 2), places=[30.0, 60.0])
    assert within_patient(ask_all(compare(query, gallery, PAIRED_EXAMS))).rank1 == 1.0
    assert within_patient(ask_all(compare(query, gallery, LESIONS))).queries_without_earlier_clip == 1


def test_junk_stands_in_no_gallery_of_its_patient() -> None:
    junk = Row("j", Path("x"), None, "P", "c", 1, "gallery", "", junk=True)
    query = items(lesion("a", "P", 2), places=[0.0])
    gallery = items(junk, lesion("a", "P", 1), lesion("b", "P", 1), places=[1.0, 20.0, 50.0])
    within = within_patient(ask_all(compare(query, gallery)))
    assert (within.rank1, within.chance) == (1.0, 0.5)
