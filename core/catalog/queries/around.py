"""Reads: what clips stand in, for as many as are asked for and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.orm import InstrumentedAttribute

from core.catalog import rows
from core.catalog.engine import Catalog
from core.catalog.queries.findings import read_lesions
from core.catalog.schema import ExamRow, PatientRow, VideoRow
from core.catalog.values import Around
from core.domain import Clip

T = TypeVar("T", bound=Any)


def around(catalog: Catalog, clips: Sequence[Clip]) -> Around:
    """Videos, exams, patients and lesions of clips, in one view of the catalogue."""
    with catalog.read() as connection:
        exams = _by_id(connection, rows.exams, ExamRow.id, (clip.exam_id for clip in clips))
        patients = {exam.patient_id for exam in exams.values()}
        return Around(
            videos=_by_id(connection, rows.videos, VideoRow.id, (clip.video_id for clip in clips)),
            exams=exams,
            patients=_by_id(connection, rows.patients, PatientRow.id, patients),
            lesions={
                finding: lesion.id
                for lesion in read_lesions(connection, patients)
                for finding in lesion.finding_ids
            },
        )


def _by_id(
    connection: Connection,
    read: Callable[..., list[T]],
    column: InstrumentedAttribute[int],
    ids: Iterable[int],
) -> dict[int, T]:
    return {one.id: one for portion in rows.chunks(ids) for one in read(connection, column.in_(portion))}
