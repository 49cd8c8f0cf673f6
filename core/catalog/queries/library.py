"""Reads: patients, exams, videos and clips."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import select

from core.catalog import rows
from core.catalog.engine import Catalog
from core.catalog.schema import ClipRow, ExamRow, ExamVideoRow, PatientRow, VideoRow
from core.domain import Clip, Exam, Patient, Video
from core.errors import PolypTraceError


def patients(catalog: Catalog) -> list[Patient]:
    """All patients, by code."""
    with catalog.read() as connection:
        return rows.patients(connection)


def patient(catalog: Catalog, patient_id: int) -> Patient:
    """One patient.

    Raises:
        PolypTraceError: ``patient-unknown``.
    """
    rows.refuse_impossible("patient", patient_id)
    with catalog.read() as connection:
        found = rows.patients(connection, PatientRow.id == patient_id)
    if not found:
        raise rows.unknown("patient", patient_id)
    return found[0]


def patient_by_code(catalog: Catalog, code: str) -> Patient | None:
    """The patient of a pseudonym, whatever its upper and lower case."""
    with catalog.read() as connection:
        found = rows.patients(connection, PatientRow.code_folded == code.strip().casefold())
    return found[0] if found else None


def patient_of_code(catalog: Catalog, code: str) -> Patient:
    """The patient of a pseudonym.

    Raises:
        PolypTraceError: ``patient-unknown``.
    """
    found = patient_by_code(catalog, code)
    if found is None:
        raise PolypTraceError(
            "patient-unknown",
            f"There is no patient “{code}”.",
            "`polyptrace patient list` shows all codes.",
        )
    return found


def exams(catalog: Catalog, patient_id: int | None = None) -> list[Exam]:
    """Exams of one patient or of all, in the order of time."""
    with catalog.read() as connection:
        return rows.exams(connection, *([] if patient_id is None else [ExamRow.patient_id == patient_id]))


def exam(catalog: Catalog, exam_id: int) -> Exam:
    """One exam.

    Raises:
        PolypTraceError: ``exam-unknown``.
    """
    with catalog.read() as connection:
        return rows.exam(connection, exam_id)


def exam_on(catalog: Catalog, patient_id: int, date: dt.date) -> Exam | None:
    """The patient's exam of that day."""
    with catalog.read() as connection:
        found = rows.exams(connection, ExamRow.patient_id == patient_id, ExamRow.date == date)
    return found[0] if found else None


def exams_of_video(catalog: Catalog, video_id: int) -> list[Exam]:
    """The exams that a video is attached to, in the order of time."""
    attached = select(ExamVideoRow.exam_id).where(ExamVideoRow.video_id == video_id)
    with catalog.read() as connection:
        return rows.exams(connection, ExamRow.id.in_(attached))


def videos(catalog: Catalog, exam_id: int | None = None) -> list[Video]:
    """Videos of one exam or all, in the order of import."""
    attached = select(ExamVideoRow.video_id).where(ExamVideoRow.exam_id == exam_id)
    with catalog.read() as connection:
        return rows.videos(connection, *([] if exam_id is None else [VideoRow.id.in_(attached)]))


def video(catalog: Catalog, video_id: int) -> Video:
    """One video.

    Raises:
        PolypTraceError: ``video-unknown``.
    """
    with catalog.read() as connection:
        return rows.video(connection, video_id)


def video_by_sha256(catalog: Catalog, sha256: str) -> Video | None:
    """The video of that content."""
    with catalog.read() as connection:
        found = rows.videos(connection, VideoRow.sha256 == sha256)
    return found[0] if found else None


def video_by_path(catalog: Catalog, path: str) -> Video | None:
    """The video last seen at exactly that path; of several (a file was replaced) the one imported last."""
    with catalog.read() as connection:
        found = rows.videos(connection, VideoRow.path == path)
    return found[-1] if found else None


def clips(
    catalog: Catalog,
    *,
    exam_id: int | None = None,
    patient_id: int | None = None,
    video_id: int | None = None,
    finding_id: int | None = None,
    ids: Iterable[int] | None = None,
) -> list[Clip]:
    """Clips by id: all of them, or those of an exam, patient, video, finding and ids as far as given.

    Of ``ids`` those that are gone are left out.
    """
    where = []
    if exam_id is not None:
        where.append(ClipRow.exam_id == exam_id)
    if patient_id is not None:
        where.append(ClipRow.exam_id.in_(rows.exams_of(patient_id)))
    if video_id is not None:
        where.append(ClipRow.video_id == video_id)
    if finding_id is not None:
        where.append(ClipRow.finding_id == finding_id)
    portions = [[]] if ids is None else [[ClipRow.id.in_(portion)] for portion in rows.chunks(ids)]
    with catalog.read() as connection:
        return [clip for portion in portions for clip in rows.clips(connection, *where, *portion)]


def clip(catalog: Catalog, clip_id: int) -> Clip:
    """One clip.

    Raises:
        PolypTraceError: ``clip-unknown``.
    """
    with catalog.read() as connection:
        return rows.clip(connection, clip_id)


def clips_outside_exam(catalog: Catalog, exam_id: int) -> list[Clip]:
    """All clips but the exam's own, by id: what the catalogue-wide ranking compares with."""
    with catalog.read() as connection:
        return rows.clips(connection, ClipRow.exam_id != exam_id)


def clips_before_exam(catalog: Catalog, exam_id: int) -> list[Clip]:
    """Clips of the same patient's earlier exams, by id: what the patient's ranking compares with.

    Raises:
        PolypTraceError: ``exam-unknown``.
    """
    with catalog.read() as connection:
        now = rows.exam(connection, exam_id)
        earlier = select(ExamRow.id).where(ExamRow.patient_id == now.patient_id, ExamRow.date < now.date)
        return rows.clips(connection, ClipRow.exam_id.in_(earlier))
