"""Which crops of a clip the model sees: quality-picked frames, cut to lesion box or scope region."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.data.crops import lesion_crop
from core.domain import Box, Clip, PixelBox, ScopeRegion, Video
from core.errors import PolypTraceError
from core.matching.values import CropSource
from core.progress import CancelToken
from core.video.blanking import blanked, covered
from core.video.index import FrameIndex
from core.video.reader import VideoReader
from core.video.region import region_mask
from core.video.sample import pick_frames

Picture = NDArray[np.uint8]

CROPS = 6
"""Frames a clip is embedded from."""
NEAR_S = 0.12
"""A box counts for frames this close to its own, in seconds: three frames at 25 a second."""
BORROWED = 0.5
"""Weight of a frame whose box is a neighbour's: the scope may have moved on."""
FAINT = 0.05
"""The least weight of a frame, so that a clip of bad frames alone still has an embedding."""


class ClipSample(msgspec.Struct, frozen=True):
    """K crops (h, w, 3) uint8 RGB with their weights (K,) float32 in 0…1, pts and where they come from."""

    crops: tuple[Picture, ...]
    weights: NDArray[np.float32]
    pts: tuple[int, ...]
    source: CropSource


class View(msgspec.Struct, frozen=True):
    """A frame of a clip, by number, and what is cut out of it; None = nothing, the whole frame.

    ``borrowed``: the box was marked on a frame close by, not on this one.
    """

    number: int
    box: Box | None
    borrowed: bool = False


def sample_clip(
    reader: VideoReader,
    clip: Clip,
    region: ScopeRegion | None,
    count: int = CROPS,
    cancel: CancelToken | None = None,
    text: Sequence[PixelBox] = (),
) -> ClipSample:
    """Picks and cuts the crops of a clip.

    Where lesion boxes are marked the crop is the box × 1.3 on the box's own frame, and on frames within
    :data:`NEAR_S` of it while there are fewer boxes than crops; a box without a time holds for the whole
    clip. Without boxes it is the scope region, or the whole frame where no region was found. Where there is
    one, everything outside its outline is black, and so is burned-in text.

    Args:
        reader: of the clip's video.
        region: the video's scope region.
        count: crops wanted; fewer come when the clip has fewer frames.
        cancel: looked at between frames.
        text: where burned-in text is, (x, y, w, h) in pixels.

    Raises:
        PolypTraceError: a frame can't be given exactly (see :class:`core.video.reader.VideoReader`), or a
            box lies outside the picture.
        Cancelled: between two frames.
    """
    source = source_of(clip, region)
    crops, weights, pts = [], [], []
    views = choose_views(reader.index, clip, region, count)
    frames = reader.frames_at([view.number for view in views])
    for view in views:
        if cancel is not None:
            cancel.raise_if_cancelled()
        frame = next(frames)
        crops.append(_cut(blanked(frame, region, text), view.box, source))
        weights.append(_weight(reader.index, view))
        pts.append(int(reader.index.pts[view.number]))
    return ClipSample(tuple(crops), np.asarray(weights, dtype=np.float32), tuple(pts), source)


def best_crop(
    reader: VideoReader, clip: Clip, region: ScopeRegion | None, text: Sequence[PixelBox] = ()
) -> Picture:
    """The crop of the highest weight among those of :func:`sample_clip`, the first of several.

    Raises:
        PolypTraceError: as :func:`sample_clip`.
    """
    return best_pictures(reader, clip, region, text)[0]


def best_pictures(
    reader: VideoReader, clip: Clip, region: ScopeRegion | None, text: Sequence[PixelBox] = ()
) -> tuple[Picture, Picture]:
    """The crop of :func:`best_crop` and the whole frame that it was cut from.

    Both are black outside the region and where burned-in text is.

    Raises:
        PolypTraceError: as :func:`sample_clip`.
    """
    views = choose_views(reader.index, clip, region)
    own = [view for view in views if not view.borrowed] or views
    view = max(own, key=lambda view: (_weight(reader.index, view), -view.number))
    frame = blanked(reader.frame_at(view.number), region, text)
    return _cut(frame, view.box, source_of(clip, region)), frame


def source_of(clip: Clip, region: ScopeRegion | None) -> CropSource:
    """What of this clip's frames the model sees."""
    if clip.boxes:
        return CropSource.BOX
    return CropSource.REGION if region is not None and region.found else CropSource.FRAME


def choose_views(index: FrameIndex, clip: Clip, region: ScopeRegion | None, count: int = CROPS) -> list[View]:
    """The frames that :func:`sample_clip` reads, in order of time; nothing is decoded."""
    if clip.boxes:
        return _boxed(index, clip, count)
    box = Box(*region.box) if region is not None and region.found else None
    return [View(number, box) for number in _picked(index, clip, count)]


def _boxed(index: FrameIndex, clip: Clip, count: int) -> list[View]:
    """Frames with a box of their own first, by quality; then their neighbours; in order of time."""
    timed = [box for box in clip.boxes if box.pts is not None]
    lasting = [box for box in clip.boxes if box.pts is None]
    marked = {_number(index, box): box for box in timed}
    best = sorted(marked, key=lambda number: (-_quality(index, number), number))[:count]
    chosen = {number: marked[number] for number in best}
    near: dict[int, Box] = {}
    if len(chosen) < count and timed:
        near = _neighbours(index, clip, marked, count - len(chosen))
        chosen |= near
    if len(chosen) < count and lasting:
        for number in _picked(index, clip, count - len(chosen)):
            chosen.setdefault(number, lasting[-1])
    return [View(number, chosen[number], number in near) for number in sorted(chosen)]


def _picked(index: FrameIndex, clip: Clip, count: int) -> list[int]:
    """Numbers of the best frames of a clip, spread in time."""
    return [index.number_of(pts) for pts in pick_frames(index, clip.pts_in, clip.pts_out, count)]


def _neighbours(index: FrameIndex, clip: Clip, marked: dict[int, Box], count: int) -> dict[int, Box]:
    """The best frames close to a marked one, with that one's box."""
    near: dict[int, tuple[float, Box]] = {}
    for number, box in marked.items():
        for other in range(max(0, number - 8), min(len(index), number + 9)):
            gap = abs(index.seconds(other) - index.seconds(number))
            inside = clip.pts_in <= int(index.pts[other]) <= clip.pts_out
            if (
                other not in marked
                and inside
                and gap <= NEAR_S
                and gap < near.get(other, (NEAR_S + 1, box))[0]
            ):
                near[other] = (gap, box)
    best = sorted(near, key=lambda number: (-_quality(index, number), near[number][0], number))[:count]
    return {number: near[number][1] for number in best}


def _number(index: FrameIndex, box: Box) -> int:
    if box.pts is None:
        raise PolypTraceError("box-no-time", "A lesion box without a time was taken for one with.", "")
    return index.number_of(box.pts)


def _weight(index: FrameIndex, view: View) -> float:
    return max(FAINT, _quality(index, view.number) * (BORROWED if view.borrowed else 1.0))


def _quality(index: FrameIndex, number: int) -> float:
    """The score of the nearest frame whose quality was measured at import; 1 where none was."""
    if not len(index.sampled):
        return 1.0
    at = int(np.argmin(np.abs(index.sampled - number)))
    return index.quality_of(at).score


def seen_text(video: Video) -> list[PixelBox]:
    """The boxes of burned-in text that the model's input would differ without, in order.

    Most lettering stands outside of the scope region, which is black anyway.
    """
    if video.region is None or not video.region.found:
        return sorted(video.text_boxes)
    picture = region_mask(video.region, video.width, video.height)
    return sorted(box for box in video.text_boxes if picture[covered(box)].any())


def _cut(frame: Picture, box: Box | None, source: CropSource) -> Picture:
    if box is None:
        return frame
    return lesion_crop(frame, box) if source is CropSource.BOX else lesion_crop(frame, box, factor=1.0)
