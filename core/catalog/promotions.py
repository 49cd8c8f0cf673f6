"""Which model was in use before which: replayed from the audit log, shared by queries and operations."""

from __future__ import annotations

from sqlalchemy import Connection, select

from core.catalog.schema import AuditEventRow, ModelVersionRow
from core.catalog.values import ModelState

PROMOTED, ROLLED_BACK = "promote-model", "roll-back-model"
"""The audit log's words."""


def active(connection: Connection) -> str | None:
    """The id of the model in use."""
    where = ModelVersionRow.state == ModelState.ACTIVE.value
    found: str | None = connection.execute(select(ModelVersionRow.model_id).where(where)).scalar()
    return found


def before_active(connection: Connection) -> str | None:
    """The model that was in use before the last promotion that wasn't rolled back; None without one."""
    which = AuditEventRow.action.in_((PROMOTED, ROLLED_BACK))
    query = select(AuditEventRow.action, AuditEventRow.before).where(which).order_by(AuditEventRow.id)
    standing: list[str | None] = []
    for row in connection.execute(query):
        if row.action == PROMOTED:
            standing.append((row.before or {}).get("model"))
        elif standing:
            standing.pop()
    return standing[-1] if standing else None
