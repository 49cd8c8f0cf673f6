"""Which lesions a write made, ended or changed."""

from __future__ import annotations

from sqlalchemy import Connection

from core.catalog import identity, rows
from core.catalog.changes import Ids
from core.catalog.schema import FindingRow

Groups = set[tuple[int, ...]]


def lesions_of(connection: Connection, patient_id: int) -> Groups:
    """The findings of each of the patient's lesions, as they stand inside the transaction."""
    present = rows.findings(connection, FindingRow.exam_id.in_(rows.exams_of(patient_id)))
    events = rows.patient_events(connection, patient_id)
    return set(identity.groups([finding.id for finding in present], identity.standing(events)))


def touched(before: Groups, after: Groups) -> Ids:
    """Ids of lesions that appeared, vanished or have other findings now."""
    return tuple(sorted({members[0] for members in before ^ after}))
