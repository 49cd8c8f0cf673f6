"""Reads: model versions, jobs and the audit log."""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from core.catalog import promotions, rows
from core.catalog.audit import chained
from core.catalog.engine import Catalog
from core.catalog.schema import AuditEventRow, JobRow, ModelVersionRow, UndoRow
from core.catalog.values import AuditEvent, Job, JobState, ModelState, ModelVersion
from core.domain import DMCL


def model_versions(catalog: Catalog) -> list[ModelVersion]:
    """All model versions, in the order they were added."""
    with catalog.read() as connection:
        return _models(connection)


def model_version(catalog: Catalog, model_id: str) -> ModelVersion:
    """One model version.

    Raises:
        PolypTraceError: ``model-unknown``.
    """
    with catalog.read() as connection:
        found = _models(connection, ModelVersionRow.model_id == model_id)
    if not found:
        raise rows.unknown("model", model_id)
    return found[0]


def active_model(catalog: Catalog, kind: str = DMCL) -> ModelVersion | None:
    """The model version of a kind in use; None while none was made active."""
    in_use = (ModelVersionRow.state == ModelState.ACTIVE, ModelVersionRow.kind == kind)
    with catalog.read() as connection:
        found = _models(connection, *in_use)
    return found[0] if found else None


def model_before(catalog: Catalog, kind: str = DMCL) -> str | None:
    """The id of the model of a kind that rolling back would put to use; None where there is none."""
    with catalog.read() as connection:
        return promotions.before_active(connection, kind)


def _models(connection: Connection, *where: rows.Condition) -> list[ModelVersion]:
    query = select(ModelVersionRow.__table__).where(*where).order_by(ModelVersionRow.id)
    return [
        ModelVersion(
            row.model_id, row.folder, row.kind, row.dim, ModelState(row.state), row.metrics, row.added_at
        )
        for row in connection.execute(query)
    ]


def jobs(catalog: Catalog, state: JobState | None = None) -> list[Job]:
    """Jobs, newest first: all, or those in one state."""
    query = select(JobRow.__table__).order_by(JobRow.id.desc())
    if state is not None:
        query = query.where(JobRow.state == state)
    with catalog.read() as connection:
        found = connection.execute(query).all()
    return [Job(r.id, r.kind, JobState(r.state), r.detail, r.created_at, r.updated_at) for r in found]


def audit_events(catalog: Catalog, after_id: int = 0, limit: int | None = None) -> list[AuditEvent]:
    """Audit events by id, oldest first, from behind ``after_id`` on."""
    query = (
        select(AuditEventRow.__table__)
        .where(AuditEventRow.id > after_id)
        .order_by(AuditEventRow.id)
        .limit(limit)
    )
    with catalog.read() as connection:
        return [AuditEvent(*row[:7]) for row in connection.execute(query)]


def last_audit_event(catalog: Catalog, action: str, subject: str) -> AuditEvent | None:
    """The newest audit event of an action on a subject; None when there is none."""
    query = select(AuditEventRow.__table__).where(
        AuditEventRow.action == action, AuditEventRow.subject == subject
    )
    with catalog.read() as connection:
        row = connection.execute(query.order_by(AuditEventRow.id.desc()).limit(1)).first()
    return None if row is None else AuditEvent(*row[:7])


def audit_head(catalog: Catalog) -> str:
    """The hash of the newest audit event, which stands for the whole chain; empty without any.

    Every write adds an event, progress of jobs apart: while the head is the same, so is the catalogue.
    """
    last = select(AuditEventRow.row_hash).order_by(AuditEventRow.id.desc()).limit(1)
    with catalog.read() as connection:
        return connection.execute(last).scalar() or ""


def broken_audit_event(catalog: Catalog) -> int | None:
    """The id of the first audit event that isn't what was written, or doesn't follow the one before it.

    None when the chain is whole. Rows cut off at the end are seen too: SQLite remembers the last id given.
    """
    last_given = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    with catalog.read() as connection:
        rows_ = connection.execute(select(AuditEventRow.__table__).order_by(AuditEventRow.id))
        before, at = "", 0
        for row in rows_:
            at += 1
            if (row.id, row.previous_hash) != (at, before) or row.row_hash != chained(before, *row[1:7]):
                return at
            before = row.row_hash
        given = connection.execute(last_given, {"table": AuditEventRow.__tablename__}).scalar() or 0
    return at + 1 if given > at else None


def undo_label(catalog: Catalog) -> str | None:
    """What undo would do, as the menu says it (“Undo describe …”); None when there is nothing to undo."""
    return _next_step(catalog, "Undo", undone=False)


def redo_label(catalog: Catalog) -> str | None:
    """What redo would do, as the menu says it; None when there is nothing to redo."""
    return _next_step(catalog, "Redo", undone=True)


def _next_step(catalog: Catalog, word: str, *, undone: bool) -> str | None:
    order = UndoRow.id.asc() if undone else UndoRow.id.desc()
    query = select(UndoRow.label).where(UndoRow.undone.is_(undone)).order_by(order).limit(1)
    with catalog.read() as connection:
        label = connection.execute(query).scalar()
    return None if label is None else f"{word} {label}"
