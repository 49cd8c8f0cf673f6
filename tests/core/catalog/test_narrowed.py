"""The filters of a search against the same rules written down as loops."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from typing import Any

import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.catalog.values import Around

A = "tester"
SEGMENTS = ("caecum", "sigmoid", "rectum")
DAYS = (None, dt.date(2020, 1, 1), dt.date(2022, 6, 1))
WITHOUT: tuple[dict[str, Any] | None, ...] = (
    None,
    {"segment": ("sigmoid",)},
    {"segment": ("caecum", "rectum"), "size_mm": ((5.0, 9.0),)},
    {"surface": ("villous",), "paris": ("Ip",)},
)
WISHES = [
    dict(zip(("patient_id", "since", "until", "after_tattoo", "segment", "without"), wish, strict=True))
    for wish in itertools.product((None, 2), DAYS, DAYS, (False, True), (None, "sigmoid"), WITHOUT)
]


@pytest.fixture
def crowd(catalog: Catalog, make_video: Any) -> Catalog:
    """Four patients with three exams, clips described once, twice, not any more or never; some removed."""
    rng = random.Random(5)
    for patient, year in itertools.product(range(4), (2019, 2021, 2023)):
        video = make_video(f"{patient} {year}")
        day = dt.date(year, rng.randint(1, 12), 1)
        exam = operations.import_video(catalog, video, patient_code=f"P{patient}", exam_date=day, author=A)
        for start in range(0, 60, 10):
            _, place = exam.exams[0], exam.subject or 0
            done = operations.add_clip(catalog, exam.exams[0], place, start, start + 9, author=A)
            for _ in range(rng.randint(0, 2)):
                operations.describe(catalog, done.created.findings[0], _values(rng), author=A)
            if rng.random() < 0.2:
                operations.remove_clip(catalog, done.subject or 0, author=A)
    return catalog


def _values(rng: random.Random) -> dict[str, Any]:
    values = {"segment": rng.choice(SEGMENTS), "tattoo": rng.choice(["none"] * 6 + ["carbon"])}
    values |= {"size_mm": rng.choice([5, 6, 9, 10]), "paris": rng.choice(["Ip", "Isp", "Is"])}
    values["surface"] = rng.choice([["villous"], ["granular", "villous"], ["granular"]])
    return {key: values[key] for key in values if rng.random() < 0.7}


def _by_loops(catalog: Catalog, wish: dict[str, Any]) -> list[int]:
    exams = {exam.id: exam for exam in queries.exams(catalog)}
    described = queries.descriptions(catalog)
    tattoos: dict[int, dt.date] = {}
    for finding in queries.findings(catalog):
        exam = exams[finding.exam_id]
        if finding.id in described and described[finding.id].values.get("tattoo", "none") != "none":
            tattoos[exam.patient_id] = min(exam.date, tattoos.get(exam.patient_id, exam.date))
    kept = []
    for clip in queries.clips(catalog):
        exam, said = exams[clip.exam_id], described.get(clip.finding_id)
        segment = said.values.get("segment") if said else None
        passes = (
            wish["patient_id"] in (None, exam.patient_id),
            wish["since"] is None or exam.date >= wish["since"],
            wish["until"] is None or exam.date <= wish["until"],
            not wish["after_tattoo"] or exam.date > tattoos.get(exam.patient_id, dt.date.max),
            wish["segment"] in (None, segment),
            not any(_says(said.values if said else {}, *one) for one in (wish["without"] or {}).items()),
        )
        kept += [clip.id] if all(passes) else []
    return kept


def _says(values: dict[str, Any], key: str, wanted: tuple[Any, ...]) -> bool:
    own = values.get(key)
    if own is None:
        return False
    if isinstance(own, int):
        return any(low < own <= high for low, high in wanted)
    return bool({own} & set(wanted)) if isinstance(own, str) else bool(set(own) & set(wanted))


def test_filters_leave_what_loops_leave(crowd: Catalog) -> None:
    left = [queries.narrowed_clips(crowd, **wish) for wish in WISHES]
    assert [ids.tolist() for ids in left] == [_by_loops(crowd, wish) for wish in WISHES]
    counts = {len(ids) for ids in left}
    assert len(counts) > 10, "the wishes tell clips apart"
    assert all(ids.dtype == "int64" for ids in left)


def test_clips_by_ids_are_those_that_are_there(crowd: Catalog) -> None:
    everything = queries.clips(crowd)
    some = [clip for clip in everything if clip.id % 3 == 0]
    assert queries.clips(crowd, ids=[10**6, *(clip.id for clip in reversed(some))]) == some
    assert queries.clips(crowd, ids=[]) == []


def test_what_clips_stand_in_is_the_same_for_few_and_for_all(crowd: Catalog) -> None:
    everything = queries.clips(crowd)
    whole, few = queries.around(crowd, everything), queries.around(crowd, everything[:2])
    assert few.videos.items() <= whole.videos.items()
    assert few.exams.items() <= whole.exams.items()
    assert few.patients.items() <= whole.patients.items()
    assert few.lesions.items() <= whole.lesions.items()
    assert {clip.finding_id for clip in everything[:2]} <= set(few.lesions)
    lesions = queries.lesion_of_findings(crowd)
    assert whole.lesions == {finding: lesion.id for finding, lesion in lesions.items()}
    assert queries.around(crowd, []) == Around({}, {}, {}, {})


def test_the_head_of_the_audit_log_changes_with_every_write(crowd: Catalog) -> None:
    before = queries.audit_head(crowd)
    assert queries.audit_head(crowd) == before
    operations.add_patient(crowd, "another", author=A)
    assert queries.audit_head(crowd) != before
