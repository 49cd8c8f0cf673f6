"""The undo stack inside a write: pushing steps, and naming what lies on top."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert

from core.catalog import rows
from core.catalog.schema import UndoRow

DESCRIBE, VERDICT, EDIT, EXAM, TEXT = "describe", "verdict", "edit", "exam", "text"
REPORTS, LEGACY = "reports", "legacy"


def push(connection: Connection, kind: str, label: str, payload: dict[str, Any]) -> None:
    """Puts a step on the stack; what was undone before can't be redone any more."""
    clear_redo(connection)
    connection.execute(insert(UndoRow).values(kind=kind, label=label, payload=payload, undone=False))


def clear_redo(connection: Connection) -> None:
    """A new write closes the other future."""
    connection.execute(delete(UndoRow).where(UndoRow.undone.is_(True)))


def name_of(connection: Connection, finding_id: int) -> str:
    """A finding's name in labels: its id and exam, nothing of the patient."""
    return f"finding {finding_id} of exam {rows.finding(connection, finding_id).exam_id}"
