"""Writes: descriptions, of which each saved state is a new revision."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from core.catalog import audit, rows
from core.catalog.changes import CatalogChanges, Created, ids
from core.catalog.engine import Catalog
from core.catalog.operations import undo_log
from core.catalog.schema import RevisionRow, UndoRow
from core.catalog.types import now
from core.domain import DescriptionRevision
from core.errors import PolypTraceError
from core.text.rules import validate

AUTOSAVE_RUN = dt.timedelta(minutes=10)
"""Autosaves that follow each other within this time belong to one edit."""


def describe(
    catalog: Catalog,
    finding_id: int,
    values: Mapping[str, Any],
    *,
    author: str,
    source: str = "typed",
    draft: bool = True,
    autosave: bool = False,
    base: int | None = None,
) -> CatalogChanges:
    """Saves a finding's description as a new revision. What stands already isn't saved again.

    Args:
        catalog: where to.
        finding_id: the finding.
        values: the whole description, by vocabulary key; a draft may be partial or still be wrong.
        author: who describes.
        source: ``typed``, ``edited draft``, ``imported`` or ``from report``.
        draft: False finalises the description.
        autosave: saved by itself during an edit; the autosaves of one edit are one step for undo.
        base: number of the revision that the edit began with, 0 for none; None doesn't ask.

    Raises:
        PolypTraceError: ``finding-unknown``; ``description-values`` when they can't be kept as JSON;
            ``description-incomplete`` when a final description lacks something or contradicts itself;
            ``description-conflict`` when another revision came after ``base``.
    """
    kept = plain_values(values)
    if not draft:
        _check_final(kept)
    with catalog.write() as connection:
        exam_id = rows.finding(connection, finding_id).exam_id
        old = rows.latest_revision(connection, finding_id)
        _check_base(old, base)
        label = f"describe {undo_log.name_of(connection, finding_id)}"
        if _stands(old, kept, draft):
            return CatalogChanges(label, subject=old.id if old else None)
        new = add_revision(connection, finding_id, kept, author=author, source=source, draft=draft)
        _remember(connection, label, finding_id, old, new, author if autosave else None)
        after = {"revision": new, "draft": draft, "fields": sorted(kept)}
        audit.note(connection, author, "describe", f"finding {finding_id}", after=after)
    return CatalogChanges(
        label,
        subject=new,
        undoable=True,
        created=Created(revisions=ids(new)),
        exams=ids(exam_id),
        findings=ids(finding_id),
    )


def add_revision(
    connection: Connection,
    finding_id: int,
    values: Mapping[str, Any],
    *,
    author: str,
    source: str,
    draft: bool,
) -> int:
    """Appends a revision and returns its id."""
    old = rows.latest_revision(connection, finding_id)
    new = insert(RevisionRow).values(
        finding_id=finding_id,
        number=old.number + 1 if old else 1,
        content=dict(values),
        author=author,
        source=source,
        draft=draft,
        created_at=now(),
    )
    return connection.execute(new.returning(RevisionRow.id)).scalar_one()


def replay(
    connection: Connection, payload: dict[str, Any], label: str, *, forward: bool, author: str
) -> CatalogChanges:
    """Appends a copy of the revision after (``forward``) or before a step; an empty one for none."""
    finding_id = payload["finding"]
    wanted = payload["after" if forward else "before"]
    found = rows.revisions(connection, RevisionRow.id == wanted) if wanted is not None else []
    values, draft = (found[0].values, found[0].draft) if found else ({}, True)
    source = "redo" if forward else "undo"
    new = add_revision(connection, finding_id, values, author=author, source=source, draft=draft)
    return CatalogChanges(
        label,
        subject=new,
        undoable=True,
        created=Created(revisions=ids(new)),
        findings=ids(finding_id),
    )


def plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they are kept.

    Raises:
        PolypTraceError: ``description-values``.
    """
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(values), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise PolypTraceError(
            "description-values",
            "The description holds a value that can't be saved.",
            "Use words, numbers and lists of words.",
        ) from error
    return plain


def _check_final(values: Mapping[str, Any]) -> None:
    errors = [problem for problem in validate(values, finalise=True) if problem.severity == "error"]
    if errors:
        raise PolypTraceError(
            "description-incomplete",
            f"The description can't be finalised: {' '.join(error.message for error in errors)}",
            "Fill in what is missing, or keep it as a draft: a draft is enough to match.",
            fields=[problem.key for problem in errors],
        )


def _check_base(old: DescriptionRevision | None, base: int | None) -> None:
    if base is not None and base != (old.number if old else 0):
        raise PolypTraceError(
            "description-conflict",
            "This description was changed elsewhere in the meantime, so it wasn't overwritten.",
            "Look at what it says now and save again.",
        )


def _stands(old: DescriptionRevision | None, values: dict[str, Any], draft: bool) -> bool:
    if old is None:
        return not values and draft
    return old.values == values and old.draft == draft


def _remember(
    connection: Connection,
    label: str,
    finding_id: int,
    old: DescriptionRevision | None,
    new: int,
    autosaved_by: str | None,
) -> None:
    top = connection.execute(select(UndoRow.__table__).order_by(UndoRow.id.desc()).limit(1)).first()
    same = {"finding": finding_id, "autosaved_by": autosaved_by}
    recent = old is not None and now() - old.created_at < AUTOSAVE_RUN
    if (
        recent
        and autosaved_by is not None
        and top is not None
        and not top.undone
        and same.items() <= top.payload.items()
    ):
        grown = {**top.payload, "after": new}
        connection.execute(update(UndoRow).where(UndoRow.id == top.id).values(payload=grown))
        return
    payload = {**same, "before": old.id if old else None, "after": new}
    undo_log.push(connection, undo_log.DESCRIBE, label, payload)
