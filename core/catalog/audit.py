"""The audit log: one row for each write, in the write's own transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from core.catalog.schema import AuditEventRow
from core.catalog.types import now


def note(
    connection: Connection,
    actor: str,
    action: str,
    subject: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> int:
    """Adds one audit event and returns its id.

    Args:
        connection: inside the transaction of the write that it tells of.
        actor: who did it.
        action: what, in kebab-case, e.g. ``add-clip``.
        subject: the row it was done to, e.g. ``clip 7``.
        before: what stood there.
        after: what stands there now.
    """
    values = {"at": now(), "actor": actor, "action": action, "subject": subject}
    both = {"before": _plain(before), "after": _plain(after)}
    return connection.execute(
        insert(AuditEventRow).values(**values, **both).returning(AuditEventRow.id)
    ).scalar_one()


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else dict(values)
