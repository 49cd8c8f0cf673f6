"""Imports several videos one after another; one that fails doesn't stop the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import PolypTraceError
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.video.importing import read_video
from core.video.index import VideoScan


@dataclass(frozen=True)
class Imported:
    """What became of one video of the queue: ``scan``, or ``error`` where it was refused."""

    path: Path
    scan: VideoScan | None = None
    error: PolypTraceError | None = None


def read_videos(
    paths: Sequence[Path],
    data_dir: Path,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Iterator[Imported]:
    """Reads videos in the order given and yields each as soon as it is done.

    Progress is that of the video being read, with "video 2 of 5" as its note.

    Raises:
        Cancelled: the user stopped it; the videos yielded before stay, of the current one nothing is kept.
    """
    for position, path in enumerate(paths, start=1):
        if cancel is not None:
            cancel.raise_if_cancelled()
        yield _read_one(path, data_dir, _noted(progress, position, len(paths)), cancel)


def _read_one(path: Path, data_dir: Path, progress: ProgressSink, cancel: CancelToken | None) -> Imported:
    try:
        return Imported(path, scan=read_video(path, data_dir, progress, cancel))
    except PolypTraceError as error:
        return Imported(path, error=error)


def _noted(progress: ProgressSink, position: int, total: int) -> ProgressSink:
    note = f"video {position} of {total}"

    def tell(step: Progress) -> None:
        progress(Progress(step.stage, step.done, step.total, note))

    return tell
