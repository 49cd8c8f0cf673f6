"""Opens a catalogue's videos: by content, wherever the file lies now."""

from __future__ import annotations

from pathlib import Path

from core.catalog.engine import Catalog
from core.domain import Video
from core.errors import PolypTraceError
from core.video.importing import load_known, read_video
from core.video.index import FrameIndex
from core.video.reader import VideoReader


def frame_index(catalog: Catalog, video: Video) -> FrameIndex:
    """The frame index of an imported video; read again from the file when it was lost.

    Raises:
        PolypTraceError: ``video-changed`` when the file holds something else now, or it can't be read.
    """
    known = load_known(video.sha256, catalog.data_dir.root)
    if known is not None:
        return known
    scan = read_video(Path(video.path), catalog.data_dir.root)
    if scan.sha256 != video.sha256:
        raise PolypTraceError(
            "video-changed",
            f"The file of video {video.id} isn't the one that was imported.",
            "Put the original file back, or import this one as a new video.",
        )
    return scan.index


def open_reader(catalog: Catalog, video: Video) -> VideoReader:
    """A reader of an imported video.

    Raises:
        PolypTraceError: as :func:`frame_index` and :meth:`core.video.reader.VideoReader.open`.
    """
    return VideoReader.open(Path(video.path), frame_index(catalog, video))
