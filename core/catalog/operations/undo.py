"""Undo and redo of descriptions, verdicts, edits and legacy reports; the stack lies in the catalogue."""

from __future__ import annotations

from sqlalchemy import select, update

from core.catalog import audit
from core.catalog.changes import CatalogChanges
from core.catalog.engine import Catalog
from core.catalog.operations import (
    clip_edits,
    descriptions,
    legacy_steps,
    people,
    undo_log,
    verdicts,
    video_text,
)
from core.catalog.schema import UndoRow
from core.errors import PolypTraceError


def undo(catalog: Catalog, *, author: str) -> CatalogChanges:
    """Takes the last undoable step back; nothing is deleted, the earlier state is added again.

    Raises:
        PolypTraceError: ``nothing-to-undo``.
    """
    return _step(catalog, author, forward=False)


def redo(catalog: Catalog, *, author: str) -> CatalogChanges:
    """Does the step again that was undone last.

    Raises:
        PolypTraceError: ``nothing-to-redo``, also when something new was written since the undo.
    """
    return _step(catalog, author, forward=True)


def _step(catalog: Catalog, author: str, *, forward: bool) -> CatalogChanges:
    word = "redo" if forward else "undo"
    order = UndoRow.id.asc() if forward else UndoRow.id.desc()
    next_one = select(UndoRow.__table__).where(UndoRow.undone.is_(forward)).order_by(order).limit(1)
    with catalog.write() as connection:
        row = connection.execute(next_one).first()
        if row is None:
            raise PolypTraceError(f"nothing-to-{word}", f"There is nothing to {word}.", "")
        label, payload = f"{word.capitalize()} {row.label}", row.payload
        if row.kind == undo_log.DESCRIBE:
            changes = descriptions.replay(connection, payload, label, forward=forward, author=author)
        elif row.kind == undo_log.VERDICT:
            changes, payload = verdicts.replay(connection, payload, label, author)
        elif row.kind == undo_log.EXAM:
            changes = people.replay_exam(connection, payload, label, forward=forward)
        elif row.kind == undo_log.TEXT:
            changes = video_text.replay(connection, payload, label, forward=forward)
        elif row.kind == undo_log.LEGACY:
            changes = legacy_steps.replay(connection, payload, label, forward=forward, author=author)
        elif row.kind == undo_log.REPORTS:
            changes = legacy_steps.replay_import(connection, payload, label, forward=forward)
        else:
            changes = clip_edits.replay(connection, payload, label, forward=forward)
        state = {"undone": not forward, "payload": payload}
        connection.execute(update(UndoRow).where(UndoRow.id == row.id).values(state))
        audit.note(connection, author, word, row.kind, after={"step": row.id, "label": row.label})
    return changes
