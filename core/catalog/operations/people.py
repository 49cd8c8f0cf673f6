"""Writes: patients and exams."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from core.catalog import audit, rows
from core.catalog.changes import CatalogChanges, Created, ids
from core.catalog.engine import Catalog
from core.catalog.operations import undo_log
from core.catalog.schema import ExamRow, PatientRow
from core.domain import LONGEST_PATIENT_CODE
from core.errors import PolypTraceError

SEXES = ("female", "male", "other")
"""How a patient's sex is recorded; the first letter is understood."""


def add_patient(
    catalog: Catalog,
    code: str,
    *,
    sex: str | None = None,
    birth_year: int | None = None,
    facts: Mapping[str, Any] | None = None,
    author: str,
) -> CatalogChanges:
    """Adds a patient under a pseudonym, or fills in what is given about a known one.

    Args:
        catalog: where to.
        code: the pseudonym; upper and lower case don't make two patients.
        sex: one of :data:`SEXES`; None leaves it as it is.
        birth_year: full year; None leaves it as it is.
        facts: values by key of the vocabulary's patient fields (polyposis, …); None clears one.
        author: who does it.

    Raises:
        PolypTraceError: ``patient-code`` when the code is empty, too long or has control characters;
            ``patient-sex``.
    """
    sex = _sex(sex)
    with catalog.write() as connection:
        patient_id, new = find_or_add_patient(connection, code, author)
        known = select(PatientRow.sex, PatientRow.birth_year, PatientRow.facts)
        before = dict(connection.execute(known.where(PatientRow.id == patient_id)).one()._mapping)
        given = {"sex": sex, "birth_year": birth_year, "facts": merged(before["facts"], facts or {})}
        after = {key: value for key, value in given.items() if value not in (None, before[key])}
        if after:
            connection.execute(update(PatientRow).where(PatientRow.id == patient_id).values(after))
            audit.note(
                connection, author, "edit-patient", f"patient {patient_id}", before=before, after=after
            )
    return CatalogChanges(
        "add patient" if new is not None else "edit patient",
        subject=patient_id,
        created=Created(patients=ids(new)),
        patients=ids(new, patient_id if after else None),
    )


def _sex(typed: str | None) -> str | None:
    if typed is None:
        return None
    for known in SEXES:
        if typed.strip().casefold() in (known, known[0]):
            return known
    raise PolypTraceError(
        "patient-sex", f"“{typed}” isn't a sex that can be recorded.", f"Use {', '.join(SEXES)}."
    )


def describe_exam(catalog: Catalog, exam_id: int, facts: Mapping[str, Any], *, author: str) -> CatalogChanges:
    """Records facts of an exam: indication, bowel preparation, withdrawal time and the like.

    Args:
        catalog: where to.
        exam_id: the exam.
        facts: values by key of the vocabulary's exam fields; None clears one, others stay.
        author: who does it.

    Raises:
        PolypTraceError: ``exam-unknown``.
    """
    with catalog.write() as connection:
        exam = rows.exam(connection, exam_id)
        label, after = f"describe exam {exam_id}", merged(exam.facts, facts)
        if after == exam.facts:
            return CatalogChanges(label, subject=exam_id)
        put_exam_facts(connection, exam_id, after)
        payload = {"exam": exam_id, "before": exam.facts, "after": after}
        undo_log.push(connection, undo_log.EXAM, label, payload)
        audit.note(connection, author, "describe-exam", f"exam {exam_id}", before=exam.facts, after=after)
    return CatalogChanges(label, subject=exam_id, undoable=True, exams=ids(exam_id))


def replay_exam(
    connection: Connection, payload: dict[str, Any], label: str, *, forward: bool
) -> CatalogChanges:
    """Puts an exam's facts into the state after (``forward``) or before a step."""
    put_exam_facts(connection, payload["exam"], payload["after" if forward else "before"])
    return CatalogChanges(label, subject=payload["exam"], undoable=True, exams=ids(payload["exam"]))


def put_exam_facts(connection: Connection, exam_id: int, facts: Mapping[str, Any]) -> None:
    """Writes an exam's facts, inside a transaction."""
    connection.execute(update(ExamRow).where(ExamRow.id == exam_id).values(facts=dict(facts)))


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """``old`` with ``new`` on top; what is None is left out."""
    return {key: value for key, value in {**old, **new}.items() if value is not None}


def shown_code(code: str) -> str:
    """A patient's code as it is kept.

    Raises:
        PolypTraceError: ``patient-code``.
    """
    shown = code.strip()
    if not 0 < len(shown) <= LONGEST_PATIENT_CODE or not shown.isprintable():
        raise PolypTraceError(
            "patient-code",
            f"A patient's code has 1 to {LONGEST_PATIENT_CODE} printable characters.",
            "Use the pseudonym of the patient, not the name or the record number.",
        )
    return shown


def find_or_add_patient(connection: Connection, code: str, author: str) -> tuple[int, int | None]:
    """The patient's id, and the same again when it is new."""
    shown = shown_code(code)
    folded = shown.casefold()
    found = connection.execute(select(PatientRow.id).where(PatientRow.code_folded == folded)).scalar()
    if found is not None:
        return found, None
    new = insert(PatientRow).values(code=shown, code_folded=folded, facts={}).returning(PatientRow.id)
    patient_id = connection.execute(new).scalar_one()
    audit.note(connection, author, "add-patient", f"patient {patient_id}", after={"code": shown})
    return patient_id, patient_id


def find_or_add_exam(
    connection: Connection, patient_id: int, date: dt.date, author: str
) -> tuple[int, int | None]:
    """The exam's id, and the same again when it is new."""
    known = select(ExamRow.id).where(ExamRow.patient_id == patient_id, ExamRow.date == date)
    found = connection.execute(known).scalar()
    if found is not None:
        return found, None
    new = insert(ExamRow).values(patient_id=patient_id, date=date, facts={}).returning(ExamRow.id)
    exam_id = connection.execute(new).scalar_one()
    audit.note(connection, author, "add-exam", f"exam {exam_id}", after={"patient": patient_id})
    return exam_id, exam_id
