"""Reads: findings, their descriptions, and the lesions that verdicts make of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import Connection, and_, func, or_, select

from core.catalog import identity, rows
from core.catalog.engine import Catalog
from core.catalog.schema import ClipRow, ExamRow, FindingRow, LinkEventRow, RevisionRow
from core.domain import DescriptionRevision, Finding, Lesion, LinkEvent


def findings(catalog: Catalog, *, exam_id: int | None = None, patient_id: int | None = None) -> list[Finding]:
    """Findings of an exam, a patient or all, by exam and number."""
    where = []
    if exam_id is not None:
        where.append(FindingRow.exam_id == exam_id)
    if patient_id is not None:
        where.append(FindingRow.exam_id.in_(rows.exams_of(patient_id)))
    with catalog.read() as connection:
        return rows.findings(connection, *where)


def finding(catalog: Catalog, finding_id: int) -> Finding:
    """One finding.

    Raises:
        PolypTraceError: ``finding-unknown``.
    """
    with catalog.read() as connection:
        return rows.finding(connection, finding_id)


def description(catalog: Catalog, finding_id: int) -> DescriptionRevision | None:
    """The finding's present description; None when it has none, or when that was undone or emptied."""
    with catalog.read() as connection:
        latest = rows.latest_revision(connection, finding_id)
    return latest if latest is not None and latest.values else None


def descriptions(
    catalog: Catalog, finding_ids: Iterable[int] | None = None
) -> dict[int, DescriptionRevision]:
    """The present descriptions by finding, of those given or of all; findings without one are left out."""
    newest = select(RevisionRow.finding_id, func.max(RevisionRow.number).label("number"))
    newest = newest.group_by(RevisionRow.finding_id)
    portions = [None] if finding_ids is None else [*rows.chunks(finding_ids)]
    found: list[DescriptionRevision] = []
    with catalog.read() as connection:
        for portion in portions:
            wanted = newest if portion is None else newest.where(RevisionRow.finding_id.in_(portion))
            last = wanted.subquery()
            same = and_(RevisionRow.finding_id == last.c.finding_id, RevisionRow.number == last.c.number)
            query = select(RevisionRow.__table__).join(last, same)
            found += [DescriptionRevision(*row) for row in connection.execute(query)]
    return {revision.finding_id: revision for revision in found if revision.values}


def revisions(catalog: Catalog, finding_id: int) -> list[DescriptionRevision]:
    """All revisions of a finding's description, oldest first; empty values mean "no description"."""
    with catalog.read() as connection:
        return rows.revisions(connection, RevisionRow.finding_id == finding_id)


def link_events(
    catalog: Catalog, *, finding_id: int | None = None, patient_id: int | None = None
) -> list[LinkEvent]:
    """Events in force (not undone, not withdrawn) by id: of a finding on either side, a patient, or all."""
    where = []
    if finding_id is not None:
        where.append(or_(LinkEventRow.finding_id == finding_id, LinkEventRow.other_finding_id == finding_id))
    if patient_id is not None:
        of_patient = select(FindingRow.id).where(FindingRow.exam_id.in_(rows.exams_of(patient_id)))
        where.append(LinkEventRow.finding_id.in_(of_patient))
    with catalog.read() as connection:
        return rows.link_events(connection, *where)


def ranking_shown(catalog: Catalog, event_id: int) -> list[object] | None:
    """The ranking that was on the screen when a verdict was given, as it was recorded."""
    query = select(LinkEventRow.ranking_shown).where(LinkEventRow.id == event_id)
    with catalog.read() as connection:
        return connection.execute(query).scalar_one_or_none()


def verdict(catalog: Catalog, finding_id: int) -> LinkEvent | None:
    """The finding's standing verdict, rejections apart; None while there is none."""
    with catalog.read() as connection:
        patient = rows.exam(connection, rows.finding(connection, finding_id).exam_id).patient_id
        events = rows.patient_events(connection, patient)
    return identity.standing(events).verdict_of(finding_id)


def removed_lesions(catalog: Catalog, before: dt.date) -> set[int]:
    """Findings whose lesion was recorded as completely removed in an exam before a day."""
    dates = select(FindingRow.id).join(ExamRow, ExamRow.id == FindingRow.exam_id).where(ExamRow.date < before)
    with catalog.read() as connection:
        early = set(connection.execute(dates).scalars())
    gone = {
        finding
        for finding, description in descriptions(catalog, early).items()
        if description.values.get("complete") == "yes"
    }
    lesions = lesion_of_findings(catalog)
    return gone.union(*(lesions[finding].finding_ids for finding in gone if finding in lesions))


def cannot_links(catalog: Catalog, patient_id: int | None = None) -> set[identity.Pair]:
    """Rejected pairs of findings, the smaller id first."""
    return set(identity.standing(link_events(catalog, patient_id=patient_id)).cannot_links)


def lesions(catalog: Catalog, patient_id: int | None = None) -> list[Lesion]:
    """Lesions of a patient or all, by id.

    Each finding is part of exactly one: by itself while it isn't linked. One that stands as "not a lesion"
    is part of none.
    """
    with catalog.read() as connection:
        return read_lesions(connection, None if patient_id is None else [patient_id])


def read_lesions(connection: Connection, patient_ids: Iterable[int] | None = None) -> list[Lesion]:
    """Lesions of some patients or all inside an open connection, by id in each portion of patients."""
    portions = [None] if patient_ids is None else [*rows.chunks(patient_ids)]
    return [lesion for portion in portions for lesion in _lesions(connection, portion)]


def _lesions(connection: Connection, patient_ids: list[int] | None) -> list[Lesion]:
    own, theirs, events = _conditions(patient_ids)
    exam_of = {finding.id: finding.exam_id for finding in rows.findings(connection, *theirs)}
    patient_of = {exam.id: exam.patient_id for exam in rows.exams(connection, *own)}
    groups = identity.groups(exam_of, identity.standing(rows.link_events(connection, *events)))
    return [Lesion(members[0], patient_of[exam_of[members[0]]], members) for members in groups]


def _conditions(patient_ids: list[int] | None) -> tuple[list[rows.Condition], ...]:
    """Which exams, findings and link events are those of some patients, or of all."""
    if patient_ids is None:
        return [], [], []
    own = ExamRow.patient_id.in_(patient_ids)
    theirs = FindingRow.exam_id.in_(select(ExamRow.id).where(own))
    return [own], [theirs], [LinkEventRow.finding_id.in_(select(FindingRow.id).where(theirs))]


def lesion_of_findings(catalog: Catalog, patient_id: int | None = None) -> dict[int, Lesion]:
    """The lesion of each finding, by finding id."""
    return {finding: lesion for lesion in lesions(catalog, patient_id) for finding in lesion.finding_ids}


def lesion_of_clips(catalog: Catalog, patient_id: int | None = None) -> dict[int, Lesion]:
    """The lesion of each clip, by clip id; clips of findings that are "not a lesion" are left out."""
    of_finding = lesion_of_findings(catalog, patient_id)
    where = [] if patient_id is None else [ClipRow.exam_id.in_(rows.exams_of(patient_id))]
    query = select(ClipRow.id, ClipRow.finding_id).where(ClipRow.removed.is_(False), *where)
    with catalog.read() as connection:
        found = connection.execute(query).all()
    return {clip: of_finding[finding] for clip, finding in found if finding in of_finding}
