"""The content hash by which a video is known, wherever its file lies."""

from __future__ import annotations

import hashlib
from pathlib import Path

from core.errors import PolypTraceError
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.video.decoding import check_file

STAGE = "checking the file"
_PIECE = 4 << 20


def content_hash(path: Path, progress: ProgressSink = no_progress, cancel: CancelToken | None = None) -> str:
    """SHA-256 of the whole file, 64 hexadecimal digits.

    Args:
        path: the file.
        progress: told the stage :data:`STAGE`, counted in bytes.
        cancel: looked at every 4 MiB.

    Raises:
        PolypTraceError: the file isn't there, is no video file, or can't be read to its end.
        Cancelled: the user stopped it.
    """
    check_file(path)
    digest, done = hashlib.sha256(), 0
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                if cancel is not None:
                    cancel.raise_if_cancelled()
                digest.update(piece)
                done += len(piece)
                progress(Progress(STAGE, done, max(total, done)))
    except OSError as error:
        raise PolypTraceError(
            "video-unreadable",
            "The file can't be read to its end.",
            "Check that its drive is connected and sound, or copy the file again.",
        ) from error
    return digest.hexdigest()
