"""What a clip's ends and boxes must be."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.domain import Box, Video
from core.errors import PolypTraceError

_INT64 = 2**63


def check_range(pts_in: int, pts_out: int) -> None:
    """Refuses ends in the wrong order, or beyond what a time stamp can be."""
    if not -_INT64 <= pts_in <= pts_out < _INT64:
        raise PolypTraceError(
            "clip-range", "The clip ends before it begins.", "Give the earlier time as the start of the clip."
        )


def check_boxes(boxes: Sequence[Box], video: Video, pts_in: int, pts_out: int) -> tuple[Box, ...]:
    """The boxes in the order of time, those without a frame first.

    Raises:
        PolypTraceError: ``clip-box`` for one without area, outside the picture or the clip, or the second one
            on a frame.
    """
    for box in boxes:
        if not all(math.isfinite(number) for number in (box.x, box.y, box.w, box.h)):
            raise _refused("A lesion box holds something that isn't a number.")
        if box.w <= 0 or box.h <= 0:
            raise _refused("A lesion box has no area.")
        if not _touches(box, video):
            raise _refused("A lesion box lies outside the picture.")
        if box.pts is not None and not pts_in <= box.pts <= pts_out:
            raise _refused("A lesion box is marked on a frame outside the clip.")
    if len({box.pts for box in boxes}) < len(boxes):
        raise _refused("Two lesion boxes are marked on the same frame.")
    return tuple(sorted(boxes, key=lambda box: (box.pts is not None, box.pts or 0)))


def _touches(box: Box, video: Video) -> bool:
    """Whether some of the box is picture. It may hang over the border: lesions do."""
    return box.x < video.width and box.y < video.height and box.x + box.w > 0 and box.y + box.h > 0


def _refused(message: str) -> PolypTraceError:
    hint = "Mark it inside the picture and the clip, one box a frame; two lesions in view are two clips."
    return PolypTraceError("clip-box", message, hint)
