"""The audit log: one row for each write, in the write's own transaction, chained to the row before it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

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
    last = select(AuditEventRow.row_hash).order_by(AuditEventRow.id.desc()).limit(1)
    previous = connection.execute(last).scalar() or ""
    event = (now(), actor, action, subject, _plain(before), _plain(after))
    names = ("at", "actor", "action", "subject", "before", "after")
    row = dict(zip(names, event, strict=True))
    row |= {"previous_hash": previous, "row_hash": chained(previous, *event)}
    return connection.execute(insert(AuditEventRow).values(row).returning(AuditEventRow.id)).scalar_one()


def chained(
    previous: str,
    at: dt.datetime,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> str:
    """SHA-256, in hex, of an event and the hash of the event before it (empty for the first)."""
    said = [previous, at.isoformat(), actor, action, subject, before, after]
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else dict(values)
