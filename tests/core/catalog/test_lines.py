"""The library line by line, what a write touches of it, and what a search finds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.catalog import operations, queries
from core.catalog.changes import CatalogChanges
from core.catalog.engine import Catalog
from core.catalog.queries.lines import file_name
from core.catalog.values import Touched
from core.domain import Verdict, Video
from core.paths import DataDir

A = "t"


def _import(catalog: Catalog, number: int, path: str, code: str, day: dt.date) -> CatalogChanges:
    video = Video(0, f"{number:064x}", path, 1000, 40.0, 560, 480, "h264", (1, 25))
    return operations.import_video(catalog, video, patient_code=code, exam_date=day, author=A)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """P-1 with two exams of a clip each, P-2 with one exam without clips, P-3 without any."""
    with Catalog.open(DataDir(tmp_path)) as made:
        _import(made, 1, "/rooms/west/exam 1.mp4", "P-1", dt.date(2023, 4, 5))
        _import(made, 2, r"C:\west\Second_100%.avi", "P-1", dt.date(2024, 6, 7))
        _import(made, 3, "/rooms/exam 3.mp4", "P-2", dt.date(2024, 6, 7))
        operations.add_patient(made, "P-3", author=A)
        operations.add_clip(made, 1, 1, 0, 50, author=A)
        operations.add_clip(made, 2, 2, 25, 75, author=A)
        operations.describe(made, 1, {"segment": "sigmoid", "size_mm": 8, "paris": "Is"}, author=A)
        yield made


def test_the_lines_of_each_level(catalog: Catalog) -> None:
    first, second, third = queries.patient_lines(catalog)
    assert (first.path, first.exams, first.last_exam) == (("P-1", 1), 2, dt.date(2024, 6, 7))
    assert (second.path, third.exams, third.last_exam) == (("P-2", 2), 0, None)
    early, late = queries.exam_lines(catalog, patient_id=1)
    assert (early.path, early.videos, early.clips) == (("P-1", 1, "2023-04-05", 1), 1, 1)
    assert late.path[2] == "2024-06-07"
    (video,) = queries.video_lines(catalog, [2])
    assert (video.path[4], video.file, video.seconds, video.clips) == (2, "Second_100%.avi", 40.0, 1)
    (clip,) = queries.clip_lines(catalog, exam_id=1, video_id=1)
    assert clip.path == ("P-1", 1, "2023-04-05", 1, 1, 1)
    assert (clip.lesion_no, clip.seconds, clip.verdict) == (1, 2.0, None)
    assert clip.description["segment"] == "sigmoid"


def test_lines_sort_by_their_paths_as_they_are_shown(catalog: Catalog) -> None:
    lines = [
        *queries.patient_lines(catalog),
        *queries.exam_lines(catalog),
        *queries.video_lines(catalog, [1, 2, 3]),
        *queries.clip_lines(catalog),
    ]
    shown = [(*line.path[1:2], *line.path[3:]) for line in sorted(lines, key=lambda line: line.path)]
    below_one = [(1,), (1, 1), (1, 1, 1), (1, 1, 1, 1), (1, 2), (1, 2, 2), (1, 2, 2, 2)]
    assert shown == [*below_one, (2,), (2, 3), (2, 3, 3), (3,)]


def test_a_write_touches_its_line_and_those_above(catalog: Catalog) -> None:
    done = operations.add_clip(catalog, 1, 1, 60, 70, author=A)
    touched = Touched(
        exams=frozenset(done.exams), clips=frozenset(done.clips), findings=frozenset(done.findings)
    )
    lines = queries.touched_lines(catalog, touched)
    assert [line.path[1:2] + line.path[3:] for line in lines] == [(1,), (1, 1), (1, 1, 1), (1, 1, 1, 3)]
    operations.remove_clip(catalog, 3, author=A)
    gone = queries.touched_lines(catalog, touched)
    assert [len(line.path) for line in gone] == [2, 4, 5]


def test_a_verdict_touches_the_clips_of_its_findings(catalog: Catalog) -> None:
    done = operations.give_verdict(catalog, Verdict.SAME, clip_id=2, with_clip_id=1, author=A)
    lines = queries.touched_lines(catalog, Touched(findings=frozenset(done.findings)))
    told = {line.path[5]: line.verdict for line in lines if len(line.path) == 6}  # type: ignore[union-attr]
    assert told == {1: None, 2: "same lesion"}


@pytest.mark.parametrize(
    ("typed", "hits"),
    [
        ("p-1", [(1, 1, 1, 1), (1, 2, 2, 2)]),
        ("P-3", [(3, None, None, None)]),
        ("2024-06", [(1, 2, 2, 2), (2, 3, 3, None)]),
        ("sigmoid", [(1, 1, 1, 1)]),
        ("sigmoid, 8 mm, Paris Is", [(1, 1, 1, 1)]),
        ("8 mm", [(1, 1, 1, 1)]),
        ("sigmoid p-1", [(1, 1, 1, 1)]),
        ("sigmoid p-2", []),
        ("exam 1", [(1, 1, 1, 1)]),  # as it stands, although "exam" and "1" are in other lines too
        ("clip 2", [(1, 2, 2, 2)]),
        ("rooms", []),  # a folder, which isn't on the screen
        ("west", []),
        ("100%", [(1, 2, 2, 2)]),
        ("second_", [(1, 2, 2, 2)]),
        ("p_1", []),
    ],
)
def test_a_search_finds_what_is_on_the_screen(catalog: Catalog, typed: str, hits: list[object]) -> None:
    assert sorted(queries.search_library(catalog, typed)[1], key=str) == sorted(hits, key=str)


def test_a_search_goes_by_the_present_description_and_clips(catalog: Catalog) -> None:
    operations.describe(catalog, 1, {"segment": "rectum"}, author=A)
    assert not queries.search_library(catalog, "sigmoid")[1]
    assert queries.search_words(catalog, ("rectum",), [1]) == [(1, 1, 1, 1)]
    assert not queries.search_words(catalog, ("rectum",), [2])
    operations.remove_clip(catalog, 1, author=A)
    assert not queries.search_library(catalog, "rectum")[1]
    assert queries.search_library(catalog, "exam 1")[1] == [(1, 1, 1, None)]


def test_file_names_of_either_system() -> None:
    assert file_name("/a/b c.mp4") == "b c.mp4"
    assert file_name(r"C:\a\b c.mp4") == "b c.mp4"
