"""Reads: the ids of the clips that a search's filters leave, each by one statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from core.catalog import rows
from core.catalog.engine import Catalog
from core.catalog.schema import ClipRow, ExamRow, FindingRow, RevisionRow
from core.catalog.values import Ints

Range = tuple[float, float]
"""Numbers above the first and up to the second."""


def narrowed_clips(
    catalog: Catalog,
    *,
    patient_id: int | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    after_tattoo: bool = False,
    segment: str | None = None,
    without: Mapping[str, Sequence[str | Range]] | None = None,
) -> Ints:
    """Ids of the present clips that pass, (N,) int64 in rising order; what isn't given narrows nothing.

    Args:
        catalog: where they are.
        patient_id: whose exams.
        since, until: days of exams, both included.
        after_tattoo: only exams of patients with a tattoo described at an earlier exam.
        segment: that the finding's present description names.
        without: field → codes or ranges of numbers that it doesn't name; not described, it passes.
    """
    query = select(ClipRow.id).where(ClipRow.removed.is_(False))
    exams = _of_exams(patient_id, since, until, after_tattoo)
    if exams:
        query = query.where(ClipRow.exam_id.in_(select(ExamRow.id).where(*exams)))
    if segment is not None:
        query = query.where(ClipRow.finding_id.in_(_described("segment", [segment])))
    for key, left_out in (without or {}).items():
        query = query.where(ClipRow.finding_id.not_in(_described(key, left_out)))
    with catalog.read() as connection:
        return rows.integers(connection.execute(query.order_by(ClipRow.id)))


def _of_exams(
    patient_id: int | None, since: dt.date | None, until: dt.date | None, after_tattoo: bool
) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if patient_id is not None:
        where.append(ExamRow.patient_id == patient_id)
    if since is not None:
        where.append(ExamRow.date >= since)
    if until is not None:
        where.append(ExamRow.date <= until)
    if after_tattoo:
        where.append(ExamRow.id.in_(_after_tattoo()))
    return where


def _described(key: str, wanted: Sequence[str | Range]) -> Select[Any]:
    """Findings whose present description names one of these codes, or a number in one of these ranges."""
    field = RevisionRow.content[key]
    codes = [one for one in wanted if isinstance(one, str)]
    ranges = [one for one in wanted if not isinstance(one, str)]
    ways = [field.as_string().in_(codes)] if codes else []
    ways += [field.as_string().like(f'%"{code}"%') for code in codes]  # among several codes of a field
    ways += [and_(field.as_float() > low, field.as_float() <= high) for low, high in ranges]
    return select(RevisionRow.finding_id).where(or_(*ways), _is_present())


def _after_tattoo() -> Select[Any]:
    """Exams later than the first one of their patient at which a present finding has a tattoo."""
    tattoo = func.coalesce(RevisionRow.content["tattoo"].as_string(), "none") != "none"
    first = select(ExamRow.patient_id, func.min(ExamRow.date).label("day"))
    first = first.join(FindingRow, FindingRow.exam_id == ExamRow.id).where(FindingRow.removed.is_(False))
    first = first.join(RevisionRow, RevisionRow.finding_id == FindingRow.id).where(tattoo, _is_present())
    told = first.group_by(ExamRow.patient_id).subquery()
    exam = aliased(ExamRow)
    return select(exam.id).join(told, told.c.patient_id == exam.patient_id).where(exam.date > told.c.day)


def _is_present() -> ColumnElement[bool]:
    """Whether a revision is its finding's last one."""
    later = aliased(RevisionRow)
    same = later.finding_id == RevisionRow.finding_id
    return ~select(later.id).where(same, later.number > RevisionRow.number).exists()
