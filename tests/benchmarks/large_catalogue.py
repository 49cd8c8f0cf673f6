"""A large catalogue, written in bulk: patients with two exams of two videos, described clips in each."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.catalog.schema import (
    ClipRow,
    ExamRow,
    ExamVideoRow,
    FindingRow,
    PatientRow,
    RevisionRow,
    VideoRow,
)
from core.catalog.values import ClipVector
from core.matching.indexing import store_of
from core.matching.model_choice import register_bundle
from core.paths import DataDir
from core.search.choice import open_space
from core.search.vectors import WordSpace

AUTHOR = "bench"

EXAMS, VIDEOS = 2, 2
SEGMENTS = ("caecum", "ascending", "transverse", "descending", "sigmoid", "rectum")


def fill(catalog: Catalog, patients: int, clips: int) -> None:
    """Writes so many patients with so many clips in each video; a finding a clip, all ids from 1 on."""
    now = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    exams = [(p, e) for p in range(1, patients + 1) for e in range(EXAMS)]
    of_video = [1 + at // VIDEOS for at in range(VIDEOS * len(exams))]
    of_clip = [1 + at // clips for at in range(clips * len(of_video))]
    with catalog.write() as connection:
        _add(connection, PatientRow, [_patient(number) for number in range(1, patients + 1)])
        days = [dt.date(2019 + 3 * e, 1 + p % 12, 1 + p % 28) for p, e in exams]
        _add(connection, ExamRow, [_exam(p, day) for (p, _), day in zip(exams, days, strict=True)])
        _add(connection, VideoRow, [_video(number, now) for number in range(1, len(of_video) + 1)])
        attached = [{"exam_id": exam, "video_id": at + 1} for at, exam in enumerate(of_video)]
        connection.execute(insert(ExamVideoRow), attached)
        places = [(of_video[video - 1], video, at + 1) for at, video in enumerate(of_clip)]
        per_exam = VIDEOS * clips
        _add(
            connection,
            FindingRow,
            [{"exam_id": exam, "lesion_no": 1 + (k - 1) % per_exam} for exam, _, k in places],
        )
        _add(connection, ClipRow, [_clip(*place) for place in places])
        _add(connection, RevisionRow, [_description(number, now) for *_, number in places])


@contextmanager
def prepared(patients: int, clips: int) -> Iterator[tuple[Catalog, WordSpace]]:
    """Such a catalogue in a folder of its own, every clip prepared for search."""
    with tempfile.TemporaryDirectory() as folder, Catalog.open(DataDir(Path(folder))) as catalog:
        fill(catalog, patients, clips)
        space = open_space(catalog)
        _place(catalog, space)
        yield catalog, space


def _place(catalog: Catalog, space: WordSpace) -> None:
    """Puts every clip at a random place of a common space, pictures and description of equal length."""
    register_bundle(catalog, space.reader.info, author=AUTHOR)
    clips = [clip.id for clip in queries.clips(catalog)]
    rows = np.random.default_rng(3).standard_normal((len(clips), space.stored), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    told = {"revision": 1}  # described before it was prepared
    made = [ClipVector(clip, row, f"{clip:064x}", told) for clip, row in zip(clips, rows, strict=True)]
    operations.put_vectors(catalog, store_of(catalog), space.model_id, made, author=AUTHOR)


def _add(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(table), rows)


def _patient(number: int) -> dict[str, Any]:
    code = f"P-{number:06d}"
    return {"code": code, "code_folded": code.casefold(), "facts": {}}


def _exam(patient: int, day: dt.date) -> dict[str, Any]:
    return {"patient_id": patient, "date": day, "facts": {}}


def _video(number: int, now: dt.datetime) -> dict[str, Any]:
    return {
        "sha256": f"{number:064x}",
        "path": f"/videos/room 2/colonoscopy withdrawal {number:06d} part A.mp4",
        "frames": 1500,
        "duration_s": 60.0,
        "width": 1920,
        "height": 1080,
        "codec": "h264",
        "time_base_num": 1,
        "time_base_den": 25,
        "text_found": [],
        "added_at": now,
    }


def _clip(exam: int, video: int, number: int) -> dict[str, Any]:
    start = 10 * (number % 100)
    ends = {"pts_in": start, "pts_out": start + 60}
    return {"exam_id": exam, "video_id": video, "finding_id": number, "boxes": [], **ends}


def _description(finding: int, now: dt.datetime) -> dict[str, Any]:
    values = {"segment": SEGMENTS[finding % 6], "size_mm": 3 + finding % 20, "paris": "Is"}
    facts = {"number": 1, "author": AUTHOR, "source": "form", "draft": False, "created_at": now}
    return {"finding_id": finding, "values": values, **facts}
