"""Writes: videos, which are known by their content."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from core.catalog import audit, rows
from core.catalog.changes import CatalogChanges, Created, ids
from core.catalog.engine import Catalog
from core.catalog.operations.people import find_or_add_exam, find_or_add_patient
from core.catalog.schema import ExamVideoRow, VideoRow
from core.catalog.types import now
from core.domain import Video
from core.errors import PolypTraceError

_SHA256 = re.compile(r"[0-9a-f]{64}")


def import_video(
    catalog: Catalog, video: Video, *, patient_code: str, exam_date: dt.date, author: str
) -> CatalogChanges:
    """Puts a video into a patient's exam of a day; makes patient and exam as needed.

    Content that is known already keeps its id and everything made of it: it is attached to this exam too,
    and its path becomes the one where it was seen now. ``created.videos`` is empty then, and ``videos`` too
    when it already was as asked; ``exams`` names the exam in any case.

    Args:
        catalog: where to.
        video: what the import pass learnt; its ``id`` doesn't matter.
        patient_code: the pseudonym.
        exam_date: the day of the exam.
        author: who does it.

    Raises:
        PolypTraceError: ``patient-code``; ``video-facts`` when the facts can't be those of a video.
    """
    _check(video)
    with catalog.write() as connection:
        patient_id, new_patient = find_or_add_patient(connection, patient_code, author)
        exam_id, new_exam = find_or_add_exam(connection, patient_id, exam_date, author)
        video_id, new_video = _find_or_add(connection, video, author)
        attached = _attach(connection, exam_id, video_id, author)
        moved = new_video is None and _move(connection, video_id, video.path, author)
    return CatalogChanges(
        "import video",
        subject=video_id,
        created=Created(patients=ids(new_patient), exams=ids(new_exam), videos=ids(new_video)),
        patients=ids(new_patient),
        exams=ids(exam_id),
        videos=ids(video_id if attached or moved else None),
    )


def relocate_video(catalog: Catalog, video_id: int, path: str, *, author: str) -> CatalogChanges:
    """Records where the file of a video lies now. That it is the same content is the caller's to know.

    Raises:
        PolypTraceError: ``video-unknown``.
    """
    with catalog.write() as connection:
        rows.video(connection, video_id)
        moved = _move(connection, video_id, path, author)
    return CatalogChanges("find video file", subject=video_id, videos=ids(video_id if moved else None))


def _check(video: Video) -> None:
    sizes = (video.frames, video.width, video.height, *video.time_base)
    if min(sizes) < 1 or video.duration_s < 0 or not _SHA256.fullmatch(video.sha256) or not video.path:
        raise PolypTraceError(
            "video-facts",
            "What was read from the video can't be true of one, so it wasn't imported.",
            "Import the file again; if that fails too, it is damaged.",
        )


def _find_or_add(connection: Connection, video: Video, author: str) -> tuple[int, int | None]:
    known = select(VideoRow.id).where(VideoRow.sha256 == video.sha256)
    found = connection.execute(known).scalar()
    if found is not None:
        return found, None
    facts: dict[str, Any] = {
        name: getattr(video, name)
        for name in ("sha256", "path", "frames", "duration_s", "width", "height", "codec")
    }
    facts["time_base_num"], facts["time_base_den"] = video.time_base
    facts["region"] = msgspec.to_builtins(video.region)
    facts["text_found"] = [list(box) for box in video.text_found]
    new = insert(VideoRow).values(**facts, added_at=now()).returning(VideoRow.id)
    video_id = connection.execute(new).scalar_one()
    audit.note(connection, author, "add-video", f"video {video_id}", after={"sha256": video.sha256})
    return video_id, video_id


def _attach(connection: Connection, exam_id: int, video_id: int, author: str) -> bool:
    pair = {"exam_id": exam_id, "video_id": video_id}
    if connection.execute(select(ExamVideoRow.video_id).filter_by(**pair)).first():
        return False
    connection.execute(insert(ExamVideoRow).values(pair))
    audit.note(connection, author, "attach-video", f"video {video_id}", after={"exam": exam_id})
    return True


def _move(connection: Connection, video_id: int, path: str, author: str) -> bool:
    changed = update(VideoRow).where(VideoRow.id == video_id, VideoRow.path != path).values(path=path)
    if not connection.execute(changed).rowcount:
        return False
    # Paths stay out of the audit log: people put names and dates into them.
    audit.note(connection, author, "relocate-video", f"video {video_id}")
    return True
