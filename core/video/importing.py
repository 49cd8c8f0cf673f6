"""The one way into the program for a video: read it once, keep what was learnt in the data folder."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import PolypTraceError
from core.paths import DataDir
from core.progress import CancelToken, ProgressSink, no_progress
from core.video.content import content_hash
from core.video.decoding import check_file
from core.video.index import FrameIndex, VideoScan, load_index, save_index
from core.video.scan import Scanned, scan
from core.video.thumbnails import save_thumbnails, thumbnails_complete


def read_video(
    path: Path,
    data_dir: Path,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> VideoScan:
    """Reads a video: content hash, frame index, scope region, quality, thumbnails.

    What it learns is written to the data folder under the content hash, whole or not at all; content that was
    read before is known by its hash and not decoded again, whatever the file is called now.

    Raises:
        PolypTraceError: the file is refused, in words; or ``data-folder-unwritable``.
        Cancelled: the user stopped it; nothing was written.
    """
    check_file(path)
    folders = DataDir(data_dir)
    state = path.stat()
    sha256 = content_hash(path, progress, cancel)
    known = load_index(folders.frame_indexes, sha256)
    if known is not None and thumbnails_complete(folders.thumbnails, sha256, known.facts.thumbnails):
        return VideoScan(path, known, known=True)
    scanned = scan(path, sha256, progress, cancel)
    _refuse_if_growing(path, state)
    if cancel is not None:
        cancel.raise_if_cancelled()
    _keep(folders, scanned)
    return VideoScan(path, scanned.index, known=False)


def load_known(sha256: str, data_dir: Path) -> FrameIndex | None:
    """The frame index of content that was read before, or None where it must be read anew."""
    return load_index(DataDir(data_dir).frame_indexes, sha256)


def _keep(folders: DataDir, scanned: Scanned) -> None:
    sha256 = scanned.index.facts.sha256
    try:
        save_thumbnails(folders.thumbnails, sha256, scanned.thumbnails)
        save_index(folders.frame_indexes, scanned.index)  # last: an index says that all is there
    except OSError as error:
        raise PolypTraceError(
            "data-folder-unwritable",
            "What was learnt from the video can't be saved in the data folder.",
            "Check that its disk has space and that you have the right to write there.",
        ) from error


def _refuse_if_growing(path: Path, before: os.stat_result) -> None:
    try:
        after = path.stat()
    except OSError:
        after = None
    if after is None or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise PolypTraceError(
            "video-changing",
            "The file changed while it was being read.",
            "Wait until its recording or copying has ended, then import it again.",
        )
