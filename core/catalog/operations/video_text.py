"""Writes: where burned-in text is in a video, as a user corrects it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, update

from core.catalog import audit, rows
from core.catalog.changes import CatalogChanges, ids
from core.catalog.engine import Catalog
from core.catalog.operations import undo_log
from core.catalog.schema import VideoRow
from core.domain import PixelBox, Video
from core.errors import PolypTraceError

_MOST = 200


def set_text_boxes(
    catalog: Catalog, video_id: int, boxes: Iterable[PixelBox] | None, *, author: str
) -> CatalogChanges:
    """Says where burned-in text is in a video, whatever the program found.

    Args:
        catalog: where to.
        video_id: the video.
        boxes: (x, y, width, height) in whole pixels of the displayed frame; none at all is an answer too.
            None goes back to what the program found.
        author: who does it.

    Raises:
        PolypTraceError: ``video-unknown``; ``text-box`` when one lies outside the picture or is empty.
    """
    with catalog.write() as connection:
        video = rows.video(connection, video_id)
        before = _stored(video.text_corrected)
        after = None if boxes is None else _stored(_checked(boxes, video))
        label = f"correct burned-in text of video {video_id}"
        if before == after:
            return CatalogChanges(label, subject=video_id)
        _put(connection, video_id, after)
        payload = {"video": video_id, "before": before, "after": after}
        undo_log.push(connection, undo_log.TEXT, label, payload)
        states = ({"text_boxes": before}, {"text_boxes": after})
        audit.note(connection, author, "correct-text", f"video {video_id}", before=states[0], after=states[1])
    return CatalogChanges(label, subject=video_id, undoable=True, videos=ids(video_id))


def replay(connection: Connection, payload: dict[str, Any], label: str, *, forward: bool) -> CatalogChanges:
    """Puts a video's boxes into the state after (``forward``) or before a correction."""
    video_id = payload["video"]
    _put(connection, video_id, payload["after" if forward else "before"])
    return CatalogChanges(label, subject=video_id, undoable=True, videos=ids(video_id))


def _put(connection: Connection, video_id: int, boxes: list[list[int]] | None) -> None:
    connection.execute(update(VideoRow).where(VideoRow.id == video_id).values(text_corrected=boxes))


def _stored(boxes: Iterable[PixelBox] | None) -> list[list[int]] | None:
    return None if boxes is None else [list(box) for box in boxes]


def _checked(boxes: Iterable[PixelBox], video: Video) -> list[PixelBox]:
    """The boxes without twins, from top to bottom."""
    wanted = sorted(set(boxes), key=lambda box: (box[1], box[0], box))
    for x, y, w, h in wanted:
        if min(x, y) < 0 or min(w, h) < 1 or x + w > video.width or y + h > video.height:
            raise PolypTraceError(
                "text-box",
                f"The box {x},{y},{w},{h} leaves the picture of {video.width} × {video.height} pixels.",
                "Give left, top, width and height in pixels of the frame.",
            )
    if len(wanted) > _MOST:
        raise PolypTraceError(
            "text-box", f"A video can have {_MOST} boxes of burned-in text.", "Draw fewer, larger boxes."
        )
    return wanted
