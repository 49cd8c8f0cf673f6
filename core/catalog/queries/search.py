"""Reads: what the library holds of some words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import CTE, Select, String, and_, cast, func, literal, select
from sqlalchemy.orm import aliased

from core.catalog import rows
from core.catalog.engine import Catalog
from core.catalog.schema import ClipRow, ExamRow, ExamVideoRow, FindingRow, PatientRow, RevisionRow, VideoRow


class Hit(NamedTuple):
    """A line of the library with no other below it that answers a search: ids as far down as they go."""

    patient: int
    exam: int | None
    video: int | None
    clip: int | None


def search_library(catalog: Catalog, typed: str) -> tuple[tuple[str, ...], list[Hit]]:
    """What answers a search, and how it was read: as one phrase where it stands so, else word by word.

    Each word stands in a line or in one above it. A line says what it says on the screen: patient code;
    date; file name; numbers of clip and finding, segment, size and Paris class. Upper and lower case are the
    same. Nothing typed is answered by all.
    """
    words = tuple(typed.casefold().split())
    phrase = (" ".join(words),) if words else ()
    hits = search_words(catalog, phrase)
    if hits or len(words) < 2:
        return phrase, hits
    return words, search_words(catalog, words)


def search_words(
    catalog: Catalog, words: Sequence[str], patient_ids: Iterable[int] | None = None
) -> list[Hit]:
    """What holds every one of some words, of some patients or of all; see :func:`search_library`."""
    portions = [None] if patient_ids is None else [*rows.chunks(patient_ids)]
    with catalog.read() as connection:
        return [Hit(*row) for portion in portions for row in connection.execute(_matching(words, portion))]


def _matching(words: Sequence[str], patient_ids: list[int] | None) -> Select[Any]:
    above = _videos(patient_ids)
    here = (ClipRow.exam_id == above.c.exam, ClipRow.video_id == above.c.video, ClipRow.removed.is_(False))
    query = select(above.c.patient, above.c.exam, above.c.video, ClipRow.id).select_from(above)
    query = query.outerjoin(ClipRow, and_(*here)).outerjoin(FindingRow, FindingRow.id == ClipRow.finding_id)
    any_one = aliased(RevisionRow)
    last = select(func.max(any_one.number)).where(any_one.finding_id == FindingRow.id)
    newest = and_(RevisionRow.finding_id == FindingRow.id, RevisionRow.number == last.scalar_subquery())
    query = query.outerjoin(RevisionRow, newest)
    text = _joined(above.c.text, _clip_parts())
    return query.where(*(text.contains(word, autoescape=True) for word in words))


def _videos(patient_ids: list[int] | None) -> CTE:
    """Patients with their exams and videos, and what their lines say: once for all clips of a video."""
    parts = [(" exam ", cast(ExamRow.date, String), ""), (" ", _file_name(), "")]
    query = select(
        PatientRow.id.label("patient"),
        ExamRow.id.label("exam"),
        VideoRow.id.label("video"),
        _joined(PatientRow.code_folded, parts).label("text"),
    )
    query = query.outerjoin(ExamRow, ExamRow.patient_id == PatientRow.id)
    query = query.outerjoin(ExamVideoRow, ExamVideoRow.exam_id == ExamRow.id)
    query = query.outerjoin(VideoRow, VideoRow.id == ExamVideoRow.video_id)
    if patient_ids is not None:
        query = query.where(PatientRow.id.in_(patient_ids))
    return query.cte("above").prefix_with("MATERIALIZED")


def _clip_parts() -> list[tuple[str, Any, str]]:
    values = RevisionRow.content
    return [
        (" clip ", cast(ClipRow.id, String), ""),
        (" finding ", cast(FindingRow.lesion_no, String), ""),
        (" ", values["segment"].as_string(), ""),
        (", ", cast(values["size_mm"].as_string(), String), " mm"),
        (", paris ", values["paris"].as_string(), ""),
    ]


def _joined(text: Any, parts: list[tuple[str, Any, str]]) -> Any:
    """Texts behind each other; a part whose value isn't there is left out, with its words."""
    for before, value, after in parts:
        text = text + func.coalesce(literal(before) + value + literal(after), "")
    return cast(text, String)


def _file_name() -> Any:
    """What follows the last slash of the path: rtrim takes every other letter off its end."""
    path = func.replace(VideoRow.path, "\\", "/")
    folder = func.rtrim(path, func.replace(path, "/", ""))
    return func.lower(func.substr(path, func.length(folder) + 1, type_=String), type_=String)
