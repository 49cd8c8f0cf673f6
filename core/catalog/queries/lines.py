"""Reads: the library line by line, one branch at a time, so that a large catalogue is never read whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath, PureWindowsPath
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from core.catalog import identity, rows
from core.catalog.engine import Catalog
from core.catalog.queries.findings import descriptions
from core.catalog.schema import (
    ClipRow,
    ExamRow,
    ExamVideoRow,
    FindingRow,
    LegacyFindingRow,
    PatientRow,
    VideoRow,
)
from core.catalog.values import (
    ClipLine,
    ExamLine,
    LegacyState,
    Line,
    PatientLine,
    Touched,
    VideoLine,
)

_EXAM = (PatientRow.code, PatientRow.id, ExamRow.date, ExamRow.id)


def patient_lines(catalog: Catalog, ids: Iterable[int] | None = None) -> list[PatientLine]:
    """The patients' lines, of those given or of all, by code."""
    counted = select(PatientRow.code, PatientRow.id, func.count(ExamRow.id), func.max(ExamRow.date))
    counted = counted.outerjoin(ExamRow, ExamRow.patient_id == PatientRow.id).group_by(PatientRow.id)
    with catalog.read() as connection:
        found = _portions(connection, counted.order_by(PatientRow.code), PatientRow.id, ids)
    return [PatientLine((code, number), count, last) for code, number, count, last in found]


def exam_lines(
    catalog: Catalog, *, patient_id: int | None = None, ids: Iterable[int] | None = None
) -> list[ExamLine]:
    """The lines of a patient's exams, or of those given, in the order of time."""
    videos = select(func.count()).where(ExamVideoRow.exam_id == ExamRow.id).scalar_subquery()
    clips = _present_clips(ClipRow.exam_id == ExamRow.id)
    accepted = (LegacyFindingRow.state == LegacyState.ACCEPTED, FindingRow.exam_id == ExamRow.id)
    reported = select(func.count()).where(LegacyFindingRow.finding_id == FindingRow.id, *accepted)
    query = select(*_EXAM, videos, clips, reported.scalar_subquery()).join(
        PatientRow, PatientRow.id == ExamRow.patient_id
    )
    if patient_id is not None:
        query = query.where(ExamRow.patient_id == patient_id)
    with catalog.read() as connection:
        found = _portions(connection, query.order_by(ExamRow.date, ExamRow.id), ExamRow.id, ids)
    return [
        ExamLine((code, patient, day.isoformat(), exam), *counts)
        for code, patient, day, exam, *counts in found
    ]


def video_lines(catalog: Catalog, exam_ids: Iterable[int]) -> list[VideoLine]:
    """The lines of the videos of some exams, exam by exam in the order of import."""
    clips = _present_clips(ClipRow.exam_id == ExamRow.id, ClipRow.video_id == VideoRow.id)
    query = select(*_EXAM, VideoRow.id, VideoRow.path, VideoRow.duration_s, clips)
    query = query.join(PatientRow, PatientRow.id == ExamRow.patient_id)
    query = query.join(ExamVideoRow, ExamVideoRow.exam_id == ExamRow.id)
    query = query.join(VideoRow, VideoRow.id == ExamVideoRow.video_id)
    with catalog.read() as connection:
        found = _portions(connection, query.order_by(ExamRow.id, VideoRow.id), ExamRow.id, exam_ids)
    return [
        VideoLine((code, patient, day.isoformat(), exam, video), file_name(path), seconds, count)
        for code, patient, day, exam, video, path, seconds, count in found
    ]


def clip_lines(
    catalog: Catalog,
    *,
    exam_id: int | None = None,
    video_id: int | None = None,
    ids: Iterable[int] | None = None,
) -> list[ClipLine]:
    """The lines of the present clips of an exam's video, or of those given, by id."""
    ends = (ClipRow.pts_in, ClipRow.pts_out, VideoRow.time_base_num, VideoRow.time_base_den)
    query = select(*_EXAM, VideoRow.id, ClipRow.id, ClipRow.finding_id, FindingRow.lesion_no, *ends)
    query = query.select_from(ClipRow).join(ExamRow, ExamRow.id == ClipRow.exam_id)
    query = query.join(PatientRow, PatientRow.id == ExamRow.patient_id)
    query = query.join(VideoRow, VideoRow.id == ClipRow.video_id)
    query = query.join(FindingRow, FindingRow.id == ClipRow.finding_id).where(ClipRow.removed.is_(False))
    if exam_id is not None:
        query = query.where(ClipRow.exam_id == exam_id)
    if video_id is not None:
        query = query.where(ClipRow.video_id == video_id)
    with catalog.read() as connection:
        found = _portions(connection, query.order_by(ClipRow.id), ClipRow.id, ids)
        verdicts = _verdicts(connection, {row[1] for row in found})
    told = descriptions(catalog, {row.finding_id for row in found})
    return [_clip_line(row, told, verdicts) for row in found]


def touched_lines(catalog: Catalog, touched: Touched) -> list[Line]:
    """The lines that a write may have changed, with those above them; what is gone has none."""
    with catalog.read() as connection:
        clips, places = _clips_of(connection, touched)
        attached = select(ExamVideoRow.exam_id, ExamVideoRow.video_id)
        places |= {
            tuple(row) for row in _portions(connection, attached, ExamVideoRow.video_id, touched.videos)
        }
        exams = touched.exams | {exam for exam, _ in places}
        above = select(ExamRow.patient_id).distinct()
        patients = {row[0] for row in _portions(connection, above, ExamRow.id, exams)} | touched.patients
    videos = [one for one in video_lines(catalog, {exam for exam, _ in places}) if one.path[3:5] in places]
    return [
        *patient_lines(catalog, patients),
        *exam_lines(catalog, ids=exams),
        *videos,
        *clip_lines(catalog, ids=clips),
    ]


def file_name(path: str) -> str:
    """The last part of a path, of whatever system it is from."""
    return PureWindowsPath(path).name if "\\" in path else PurePath(path).name


def _present_clips(*where: ColumnElement[bool]) -> Any:
    return select(func.count()).where(and_(ClipRow.removed.is_(False), *where)).scalar_subquery()


def _portions(connection: Connection, query: Any, column: Any, ids: Iterable[int] | None) -> Sequence[Any]:
    """The rows of a query, of those ids or of all."""
    if ids is None:
        return connection.execute(query).all()
    return [
        row
        for portion in rows.chunks(ids)
        for row in connection.execute(query.where(column.in_(portion))).all()
    ]


def _clips_of(connection: Connection, touched: Touched) -> tuple[set[int], set[Any]]:
    """Touched clips, those of touched findings too, and the (exam, video) of each."""
    query = select(ClipRow.id, ClipRow.exam_id, ClipRow.video_id)
    found = [
        *_portions(connection, query, ClipRow.id, touched.clips),
        *_portions(connection, query, ClipRow.finding_id, touched.findings),
    ]
    return {row.id for row in found}, {(row.exam_id, row.video_id) for row in found}


def _verdicts(connection: Connection, patients: Iterable[int]) -> dict[int, str]:
    """The verdict that stands on each finding of some patients, in words."""
    told: dict[int, str] = {}
    for patient in patients:
        now = identity.standing(rows.patient_events(connection, patient))
        named = [*now.pairs.values(), *now.alone.values()]
        for finding in {event.finding_id for event in named}:
            event = now.verdict_of(finding)
            if event is not None:
                told[finding] = event.verdict.value
    return told


def _clip_line(row: Any, told: Any, verdicts: dict[int, str]) -> ClipLine:
    code, patient, day, exam, video, clip, finding, lesion_no, start, end, ticks, per = row
    known = told.get(finding)
    return ClipLine(
        (code, patient, day.isoformat(), exam, video, clip),
        lesion_no,
        (end - start) * ticks / per,
        known.values if known else {},
        verdicts.get(finding),
    )
