"""From rows to the words of the field: reads inside an open connection, shared by queries and operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, CursorResult, Row, select
from sqlalchemy.sql.selectable import ScalarSelect

from core.catalog import identity
from core.catalog.schema import (
    ClipRow,
    ExamRow,
    FindingRow,
    LinkEventRow,
    ModelVersionRow,
    PatientRow,
    RevisionRow,
    VideoRow,
)
from core.domain import (
    Box,
    Clip,
    DescriptionRevision,
    Exam,
    Finding,
    LinkEvent,
    Patient,
    PixelBox,
    ScopeRegion,
    Verdict,
    Video,
)
from core.errors import PolypTraceError

AnyRow = Row[Any]
Condition = ColumnElement[bool]
_AT_ONCE = 5000


_LARGEST_ID = 2**63 - 1
_WHERE_IDS_ARE = "`polyptrace patient show CODE` lists exams, videos, clips and lesions with their ids."
_WHERE_REPORTS_ARE = "`polyptrace legacy list` shows reports and their findings with their ids."
_WHERE = {
    "model": "`polyptrace models list` shows the known models.",
    "report": _WHERE_REPORTS_ARE,
    "report-finding": _WHERE_REPORTS_ARE,
}


def unknown(kind: str, row_id: object) -> PolypTraceError:
    """The error for an id that isn't in the catalogue."""
    hint = _WHERE.get(kind, _WHERE_IDS_ARE)
    named = kind.replace("-", " ")
    return PolypTraceError(f"{kind}-unknown", f"There is no {named} {row_id} in the catalogue.", hint)


def refuse_impossible(kind: str, row_id: int) -> None:
    """SQLite can't even be asked about an id beyond 63 bits.

    Raises:
        PolypTraceError: ``<kind>-unknown``.
    """
    if not 0 < row_id <= _LARGEST_ID:
        raise unknown(kind, row_id)


def chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """Ids in portions that fit into one statement."""
    known = sorted(set(ids))
    for start in range(0, len(known), _AT_ONCE):
        yield known[start : start + _AT_ONCE]


def integers(found: CursorResult[Any]) -> NDArray[np.int64]:
    """All values, row by row; by the driver's own tuples, since making SQLAlchemy's takes as long again."""
    cursor = found.cursor
    assert cursor is not None, "a query that was just sent"
    return np.fromiter(chain.from_iterable(cursor.fetchall()), dtype=np.int64)


def patients(connection: Connection, *where: Condition) -> list[Patient]:
    """Patients by code."""
    columns = (PatientRow.id, PatientRow.code, PatientRow.sex, PatientRow.birth_year, PatientRow.facts)
    query = select(*columns).where(*where).order_by(PatientRow.code)
    return [Patient(*row) for row in connection.execute(query)]


def exams(connection: Connection, *where: Condition) -> list[Exam]:
    """Exams in the order of time."""
    columns = (ExamRow.id, ExamRow.patient_id, ExamRow.date, ExamRow.facts)
    query = select(*columns).where(*where).order_by(ExamRow.date, ExamRow.id)
    return [Exam(*row) for row in connection.execute(query)]


def videos(connection: Connection, *where: Condition) -> list[Video]:
    """Videos in the order of import."""
    query = select(VideoRow.__table__).where(*where).order_by(VideoRow.id)
    return [_video(row) for row in connection.execute(query)]


def _video(row: AnyRow) -> Video:
    region = msgspec.convert(row.region, ScopeRegion) if row.region else None
    facts = (row.id, row.sha256, row.path, row.frames, row.duration_s, row.width, row.height, row.codec)
    corrected = None if row.text_corrected is None else pixel_boxes_from(row.text_corrected)
    return Video(
        *facts,
        time_base=(row.time_base_num, row.time_base_den),
        region=region,
        text_found=pixel_boxes_from(row.text_found),
        text_corrected=corrected,
    )


def pixel_boxes_from(stored: list[Any]) -> tuple[PixelBox, ...]:
    """Boxes of burned-in text from their stored form, [x, y, w, h] each."""
    return tuple((x, y, w, h) for x, y, w, h in stored)


def clips(connection: Connection, *where: Condition) -> list[Clip]:
    """Present clips by id."""
    ids = (ClipRow.id, ClipRow.exam_id, ClipRow.video_id, ClipRow.finding_id)
    query = select(*ids, ClipRow.pts_in, ClipRow.pts_out, ClipRow.boxes).where(
        ClipRow.removed.is_(False), *where
    )
    found = connection.execute(query.order_by(ClipRow.id))
    return [_clip(row) for row in found]


def _clip(row: AnyRow) -> Clip:
    ends = (row.pts_in, row.pts_out)
    return Clip(row.id, row.exam_id, row.video_id, row.finding_id, *ends, boxes=boxes_from(row.boxes))


def boxes_from(stored: list[Any]) -> tuple[Box, ...]:
    """Boxes from their stored form, [x, y, w, h, pts] each."""
    return tuple(Box(*numbers) for numbers in stored)


def boxes_to(boxes: Sequence[Box]) -> list[list[float | int | None]]:
    """Boxes in their stored form."""
    return [[box.x, box.y, box.w, box.h, box.pts] for box in boxes]


def findings(connection: Connection, *where: Condition) -> list[Finding]:
    """Present findings by exam and number."""
    query = select(FindingRow.id, FindingRow.exam_id, FindingRow.lesion_no)
    query = query.where(FindingRow.removed.is_(False), *where)
    return [
        Finding(*row) for row in connection.execute(query.order_by(FindingRow.exam_id, FindingRow.lesion_no))
    ]


def exams_of(patient_id: int) -> ScalarSelect[int]:
    """Subquery: ids of a patient's exams."""
    return select(ExamRow.id).where(ExamRow.patient_id == patient_id).scalar_subquery()


def finding(connection: Connection, finding_id: int) -> Finding:
    """One present finding.

    Raises:
        PolypTraceError: ``finding-unknown``.
    """
    refuse_impossible("finding", finding_id)
    found = findings(connection, FindingRow.id == finding_id)
    if not found:
        raise unknown("finding", finding_id)
    return found[0]


def clip(connection: Connection, clip_id: int) -> Clip:
    """One present clip.

    Raises:
        PolypTraceError: ``clip-unknown``.
    """
    refuse_impossible("clip", clip_id)
    found = clips(connection, ClipRow.id == clip_id)
    if not found:
        raise unknown("clip", clip_id)
    return found[0]


def exam(connection: Connection, exam_id: int) -> Exam:
    """One exam.

    Raises:
        PolypTraceError: ``exam-unknown``.
    """
    refuse_impossible("exam", exam_id)
    found = exams(connection, ExamRow.id == exam_id)
    if not found:
        raise unknown("exam", exam_id)
    return found[0]


def video(connection: Connection, video_id: int) -> Video:
    """One video.

    Raises:
        PolypTraceError: ``video-unknown``.
    """
    refuse_impossible("video", video_id)
    found = videos(connection, VideoRow.id == video_id)
    if not found:
        raise unknown("video", video_id)
    return found[0]


def revisions(connection: Connection, *where: Condition) -> list[DescriptionRevision]:
    """Revisions, oldest first."""
    query = select(RevisionRow.__table__).where(*where).order_by(RevisionRow.finding_id, RevisionRow.number)
    return [DescriptionRevision(*row) for row in connection.execute(query)]


def latest_revision(connection: Connection, finding_id: int) -> DescriptionRevision | None:
    """The finding's last revision, be it an empty one; None when it has none."""
    query = select(RevisionRow.__table__).where(RevisionRow.finding_id == finding_id)
    row = connection.execute(query.order_by(RevisionRow.number.desc()).limit(1)).first()
    return None if row is None else DescriptionRevision(*row)


def link_events(connection: Connection, *where: Condition) -> list[LinkEvent]:
    """Events in force, by id. ``where`` must not cut off retractions of events that it lets through."""
    query = select(LinkEventRow.__table__).where(*where).order_by(LinkEventRow.id)
    rows = connection.execute(query).all()
    retracts = {row.id: row.retracts_id for row in rows if row.retracts_id is not None}
    return identity.in_force((link_event(row) for row in rows if row.retracts_id is None), retracts)


def link_event(row: AnyRow) -> LinkEvent:
    """One verdict from its row."""
    ends = (row.id, row.finding_id, row.other_finding_id)
    return LinkEvent(*ends, Verdict(row.verdict), row.author, row.model_id, row.created_at)


def patient_events(connection: Connection, patient_id: int) -> list[LinkEvent]:
    """Events in force that name a finding of the patient first."""
    of_patient = select(FindingRow.id).where(FindingRow.exam_id.in_(exams_of(patient_id)))
    return link_events(connection, LinkEventRow.finding_id.in_(of_patient))


def model_number(connection: Connection, model_id: str) -> int:
    """The number under which a model's vectors are filed.

    Raises:
        PolypTraceError: ``model-unknown``.
    """
    query = select(ModelVersionRow.id).where(ModelVersionRow.model_id == model_id)
    number = connection.execute(query).scalar_one_or_none()
    if number is None:
        raise unknown("model", model_id)
    return number
