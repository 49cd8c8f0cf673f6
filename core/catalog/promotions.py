"""Which model was in use before which: replayed from the audit log, shared by queries and operations.

Each kind of model has its own line: putting another search model to use leaves recognition alone.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from core.catalog.schema import AuditEventRow, ModelVersionRow
from core.catalog.values import ModelState

PROMOTED, ROLLED_BACK = "promote-model", "roll-back-model"
"""The audit log's words."""


def active(connection: Connection, kind: str) -> str | None:
    """The id of the model of a kind that is in use."""
    where = (ModelVersionRow.state == ModelState.ACTIVE.value, ModelVersionRow.kind == kind)
    found: str | None = connection.execute(select(ModelVersionRow.model_id).where(*where)).scalar()
    return found


def before_active(connection: Connection, kind: str) -> str | None:
    """The model of a kind in use before the last promotion that wasn't rolled back; None without one."""
    own = {
        f"model {name}"
        for name in connection.execute(
            select(ModelVersionRow.model_id).where(ModelVersionRow.kind == kind)
        ).scalars()
    }
    which = AuditEventRow.action.in_((PROMOTED, ROLLED_BACK))
    columns = (AuditEventRow.action, AuditEventRow.subject, AuditEventRow.before)
    standing: list[str | None] = []
    for row in connection.execute(select(*columns).where(which).order_by(AuditEventRow.id)):
        if row.subject not in own:
            continue
        if row.action == PROMOTED:
            standing.append((row.before or {}).get("model"))
        elif standing:
            standing.pop()
    return standing[-1] if standing else None
