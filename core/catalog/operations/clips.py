"""Writes: clips and the lesion boxes marked in them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from core.catalog import audit, rows
from core.catalog.changes import CatalogChanges, Created, ids
from core.catalog.engine import Catalog
from core.catalog.operations import clip_edits
from core.catalog.operations.clip_checks import check_boxes, check_range
from core.catalog.schema import ClipRow, ExamVideoRow, FindingRow
from core.domain import Box, Clip
from core.errors import PolypTraceError


def add_clip(
    catalog: Catalog,
    exam_id: int,
    video_id: int,
    pts_in: int,
    pts_out: int,
    *,
    boxes: Sequence[Box] = (),
    finding_id: int | None = None,
    author: str,
) -> CatalogChanges:
    """Adds a clip that shows a finding of the exam; without ``finding_id`` a new one.

    A clip that is already there with the same stretch and boxes (and finding, where one is given) is
    returned instead, so that a repeated command changes nothing.

    Args:
        catalog: where to.
        exam_id: the exam.
        video_id: a video that is attached to the exam.
        pts_in: first frame, in ticks of the video's time base.
        pts_out: last frame, included.
        boxes: lesion boxes in pixels of the displayed frame; at most one a frame.
        finding_id: a finding of the same exam.
        author: who does it.

    Raises:
        PolypTraceError: ``exam-unknown``, ``video-unknown``, ``finding-unknown``, ``video-other-exam``,
            ``finding-other-exam``, ``clip-range``, ``clip-box``.
    """
    with catalog.write() as connection:
        _check_place(connection, exam_id, video_id, finding_id)
        check_range(pts_in, pts_out)
        marked = check_boxes(boxes, rows.video(connection, video_id), pts_in, pts_out)
        stretch = (exam_id, video_id, pts_in, pts_out)
        known = _twin(connection, stretch, marked, finding_id)
        if known is not None:
            return CatalogChanges("add clip", subject=known.id)
        new_finding = None
        if finding_id is None:
            finding_id = new_finding = add_finding(connection, exam_id)
        clip_id = _insert(connection, stretch, finding_id, marked)
        label = f"add clip {clip_id}"
        clip_edits.push_addition(connection, rows.clip(connection, clip_id), label, new_finding)
        after = {"exam": exam_id, "video": video_id, "finding": finding_id, "pts": [pts_in, pts_out]}
        audit.note(connection, author, "add-clip", f"clip {clip_id}", after=after)
    return CatalogChanges(
        label,
        subject=clip_id,
        undoable=True,
        created=Created(clips=ids(clip_id), findings=ids(new_finding)),
        exams=ids(exam_id),
        clips=ids(clip_id),
        findings=ids(finding_id),
        lesions=ids(new_finding),
    )


def mark_boxes(
    catalog: Catalog,
    clip_id: int,
    *,
    put: Sequence[Box] = (),
    remove: Sequence[int | None] = (),
    author: str,
) -> CatalogChanges:
    """Marks the lesion on frames of a clip, or takes boxes away: one edit, whatever their number.

    Args:
        catalog: where to.
        clip_id: the clip.
        put: boxes; one that is marked on the same frame already is replaced.
        remove: frames (``pts`` as the boxes have it, None for the box without a frame) to clear before.
        author: who does it.

    Raises:
        PolypTraceError: ``clip-unknown``, ``clip-box``; ``box-unknown`` when no box is marked there.
    """
    with catalog.write() as connection:
        clip = rows.clip(connection, clip_id)
        missing = set(remove) - {box.pts for box in clip.boxes}
        if missing:
            raise PolypTraceError(
                "box-unknown",
                f"Clip {clip_id} has no box on that frame.",
                f"`polyptrace clip show {clip_id} --json` names its boxes.",
            )
        gone = {*remove, *(box.pts for box in put)}
        wanted = [*(box for box in clip.boxes if box.pts not in gone), *put]
        boxes = check_boxes(wanted, rows.video(connection, clip.video_id), clip.pts_in, clip.pts_out)
        label = f"{'mark' if put else 'remove'} boxes in clip {clip_id}"
        return clip_edits.edit(connection, clip, {"boxes": rows.boxes_to(boxes)}, label, "edit-boxes", author)


def trim_clip(catalog: Catalog, clip_id: int, pts_in: int, pts_out: int, *, author: str) -> CatalogChanges:
    """Moves the ends of a clip; all its boxes must stay inside.

    Raises:
        PolypTraceError: ``clip-unknown``, ``clip-range``, ``clip-box``.
    """
    check_range(pts_in, pts_out)
    with catalog.write() as connection:
        clip = rows.clip(connection, clip_id)
        check_boxes(clip.boxes, rows.video(connection, clip.video_id), pts_in, pts_out)
        after = {"pts_in": pts_in, "pts_out": pts_out}
        return clip_edits.edit(connection, clip, after, f"trim clip {clip_id}", "trim-clip", author)


def move_clip(catalog: Catalog, clip_id: int, finding_id: int | None, *, author: str) -> CatalogChanges:
    """Gives a clip to another finding of its exam, or with None to a new one.

    A finding that has no clip left goes with it.

    Raises:
        PolypTraceError: ``clip-unknown``, ``finding-unknown``, ``finding-other-exam``.
    """
    with catalog.write() as connection:
        clip = rows.clip(connection, clip_id)
        if finding_id is not None:
            _check_finding(connection, clip.exam_id, finding_id)
        new = None if finding_id is not None else add_finding(connection, clip.exam_id)
        target = new if finding_id is None else finding_id
        label = f"move clip {clip_id}"
        after = {"finding_id": target}
        return clip_edits.edit(connection, clip, after, label, "move-clip", author, new_finding=new)


def remove_clip(catalog: Catalog, clip_id: int, *, author: str) -> CatalogChanges:
    """Takes a clip away, and its finding when that was the last one. Undo brings the same rows back.

    Raises:
        PolypTraceError: ``clip-unknown``.
    """
    with catalog.write() as connection:
        clip = rows.clip(connection, clip_id)
        after = {"removed": True}
        return clip_edits.edit(connection, clip, after, f"remove clip {clip_id}", "remove-clip", author)


def add_finding(connection: Connection, exam_id: int) -> int:
    """A new finding of the exam. Numbers of removed ones aren't given again: undo may bring them back."""
    last = select(func.max(FindingRow.lesion_no)).where(FindingRow.exam_id == exam_id)
    number = (connection.execute(last).scalar() or 0) + 1
    new = insert(FindingRow).values(exam_id=exam_id, lesion_no=number, removed=False)
    return connection.execute(new.returning(FindingRow.id)).scalar_one()


def _check_place(connection: Connection, exam_id: int, video_id: int, finding_id: int | None) -> None:
    rows.exam(connection, exam_id)
    rows.video(connection, video_id)
    pair = select(ExamVideoRow.video_id).filter_by(exam_id=exam_id, video_id=video_id)
    if connection.execute(pair).first() is None:
        raise PolypTraceError(
            "video-other-exam",
            f"Video {video_id} doesn't belong to exam {exam_id}.",
            "Import the video into this exam first; its content is recognised.",
        )
    if finding_id is not None:
        _check_finding(connection, exam_id, finding_id)


def _check_finding(connection: Connection, exam_id: int, finding_id: int) -> None:
    if rows.finding(connection, finding_id).exam_id != exam_id:
        raise PolypTraceError(
            "finding-other-exam",
            f"Finding {finding_id} belongs to another exam.",
            "Add the clip as a new finding and link the two findings instead.",
        )


def _twin(
    connection: Connection, stretch: tuple[int, int, int, int], boxes: tuple[Box, ...], finding_id: int | None
) -> Clip | None:
    columns = (ClipRow.exam_id, ClipRow.video_id, ClipRow.pts_in, ClipRow.pts_out)
    same = [column == value for column, value in zip(columns, stretch, strict=True)]
    for clip in rows.clips(connection, *same):
        if clip.boxes == boxes and finding_id in (None, clip.finding_id):
            return clip
    return None


def _insert(
    connection: Connection, stretch: tuple[int, int, int, int], finding_id: int, boxes: tuple[Box, ...]
) -> int:
    exam_id, video_id, pts_in, pts_out = stretch
    new = insert(ClipRow).values(
        exam_id=exam_id,
        video_id=video_id,
        finding_id=finding_id,
        pts_in=pts_in,
        pts_out=pts_out,
        boxes=rows.boxes_to(boxes),
        removed=False,
    )
    return connection.execute(new.returning(ClipRow.id)).scalar_one()
