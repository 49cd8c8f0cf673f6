"""Edits of a clip that undo takes back: its state before and after lies in the undo step."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select, update

from core.catalog import audit, rows
from core.catalog.changes import CatalogChanges, Created, ids, ids_of
from core.catalog.operations import undo_log
from core.catalog.operations.lesion_changes import lesions_of, touched
from core.catalog.schema import ClipRow, FindingRow, LegacyFindingRow
from core.catalog.values import LegacyState
from core.domain import Clip

State = dict[str, Any]


def edit(
    connection: Connection,
    clip: Clip,
    after: State,
    label: str,
    action: str,
    author: str,
    *,
    new_finding: int | None = None,
) -> CatalogChanges:
    """Gives a clip some new column values; findings without a clip go away.

    Args:
        connection: inside the operation's transaction.
        clip: as it stands.
        after: new values of columns of the clip's row.
        label: the change's name.
        action: the same for the audit log.
        author: who does it.
        new_finding: one that was made for this edit, to be undone with it.
    """
    before = {key: _state(clip)[key] for key in after}
    if before == after:
        return CatalogChanges(label, subject=clip.id)
    patient_id = rows.exam(connection, clip.exam_id).patient_id
    old = lesions_of(connection, patient_id)
    _put(connection, ClipRow, clip.id, after)
    gone = _remove_if_bare(connection, clip.finding_id)
    _push(connection, clip, label, before, after, gone=clip.finding_id if gone else None, new=new_finding)
    audit.note(connection, author, action, f"clip {clip.id}", before=before, after=after)
    return CatalogChanges(
        label,
        subject=clip.id,
        undoable=True,
        created=Created(findings=ids(new_finding)),
        exams=ids(clip.exam_id),
        clips=ids(clip.id),
        findings=ids(clip.finding_id, new_finding, after.get("finding_id")),
        lesions=touched(old, lesions_of(connection, patient_id)),
    )


def push_addition(connection: Connection, clip: Clip, label: str, new_finding: int | None) -> None:
    """Makes the adding of a clip, and of the finding that came with it, a step that undo takes back."""
    _push(connection, clip, label, {"removed": True}, {"removed": False}, gone=None, new=new_finding)


def replay(connection: Connection, payload: dict[str, Any], label: str, *, forward: bool) -> CatalogChanges:
    """Puts a clip and its findings into the state after (``forward``) or before an edit."""
    clip_id, exam_id = payload["clip"], payload["exam"]
    patient_id = rows.exam(connection, exam_id).patient_id
    old = lesions_of(connection, patient_id)
    for finding_id, before, after in payload["findings"]:
        _put(connection, FindingRow, finding_id, {"removed": after if forward else before})
    _put(connection, ClipRow, clip_id, payload["after" if forward else "before"])
    now_of = connection.execute(select(ClipRow.finding_id).where(ClipRow.id == clip_id)).scalar_one()
    return CatalogChanges(
        label,
        subject=clip_id,
        undoable=True,
        exams=ids(exam_id),
        clips=ids(clip_id),
        findings=ids_of([now_of, *(finding_id for finding_id, *_ in payload["findings"])]),
        lesions=touched(old, lesions_of(connection, patient_id)),
    )


def _push(
    connection: Connection,
    clip: Clip,
    label: str,
    before: State,
    after: State,
    *,
    gone: int | None,
    new: int | None,
) -> None:
    payload = {"clip": clip.id, "exam": clip.exam_id, "before": before, "after": after}
    # JSON has no whole numbers as keys: a finding, then whether it is removed before and after.
    changed = ((gone, False, True), (new, True, False))
    payload["findings"] = [list(change) for change in changed if change[0] is not None]
    undo_log.push(connection, undo_log.EDIT, label, payload)


def _state(clip: Clip) -> State:
    return {
        "finding_id": clip.finding_id,
        "pts_in": clip.pts_in,
        "pts_out": clip.pts_out,
        "boxes": rows.boxes_to(clip.boxes),
        "removed": False,
    }


def _put(connection: Connection, table: type[ClipRow | FindingRow], row_id: int, values: State) -> None:
    connection.execute(update(table).where(table.id == row_id).values(values))


def _remove_if_bare(connection: Connection, finding_id: int) -> bool:
    left = select(func.count()).where(ClipRow.finding_id == finding_id, ClipRow.removed.is_(False))
    if connection.execute(left).scalar_one():
        return False
    accepted = select(LegacyFindingRow.id).filter_by(finding_id=finding_id, state=LegacyState.ACCEPTED)
    if connection.execute(accepted).first() is not None:
        return False  # a report names it too
    _put(connection, FindingRow, finding_id, {"removed": True})
    return True
