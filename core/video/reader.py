"""Exact frames of an indexed video: the right one, or a refusal in words, never a wrong one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from core.errors import PolypTraceError
from core.video.content import content_hash
from core.video.decoding import check_file
from core.video.index import FrameIndex
from core.video.scan import scan
from core.video.walker import Walker

Rgb = np.ndarray[Any, np.dtype[np.uint8]]

CACHE_BYTES = 192 << 20
"""Decoded frames kept around the playhead: some 60 of 1920 × 1080."""


class VideoReader:
    """Gives frames by time stamp or number. Not safe to use from two threads at once.

    A frame is given only when its decoded samples are those that the import pass saw (by fingerprint), so a
    file that was changed or a seek that misled is refused. Frames are upright: the rotation asked for by the
    file is applied, its pixel aspect is not, and interlaced frames are given as recorded, both fields woven.
    """

    def __init__(self, path: Path, index: FrameIndex, cache_bytes: int = CACHE_BYTES) -> None:
        check_file(path)
        if path.stat().st_size != index.facts.size_bytes:
            raise _changed()
        self.path = path
        self.index = index
        self._walker = Walker(path, index, cache_bytes)

    @classmethod
    def open(cls, path: Path, index: FrameIndex, cache_bytes: int = CACHE_BYTES) -> Self:
        """Opens a video that was indexed before.

        Raises:
            PolypTraceError: the file is missing, unreadable or not the one indexed (``video-changed``).
        """
        return cls(path, index, cache_bytes)

    def frame(self, pts: int) -> Rgb:
        """The frame with exactly this pts (ticks), (H, W, 3) uint8 RGB.

        Raises:
            PolypTraceError: ``frame-no-such-pts``, ``frame-not-exact`` or ``video-changed``.
        """
        return self.frame_at(self.index.number_of(pts))

    def frame_at(self, number: int) -> Rgb:
        """The frame with this number, from 0, in the order of sequential decoding; (H, W, 3) uint8 RGB.

        Raises:
            PolypTraceError: ``frame-no-such-number``, ``frame-not-exact`` or ``video-changed``.
        """
        self._check(number)
        return self._given(number, self._walker.rgb(number))

    def frames_at(self, numbers: Sequence[int]) -> Iterator[Rgb]:
        """:meth:`frame_at` for several numbers in rising order, each decoded when it is asked for.

        Quicker than one by one where they lie apart: what lies between is decoded only as far as needed, and
        isn't kept.

        Raises:
            PolypTraceError: as :meth:`frame_at`.
        """
        for number in numbers:
            self._check(number)
        for number, picture in zip(numbers, self._walker.several(numbers), strict=True):
            yield self._given(number, picture)

    def cached(self, number: int) -> bool:
        """Whether a frame can be given without decoding."""
        return number in self._walker.cache

    def close(self) -> None:
        """Lets go of the file."""
        self._walker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self, number: int) -> None:
        if not 0 <= number < len(self.index):
            raise PolypTraceError(
                "frame-no-such-number",
                f"The video has no frame {number}; its frames are numbered 0 to {len(self.index) - 1}.",
                "Take a number in this range.",
            )

    def _given(self, number: int, picture: Rgb | None) -> Rgb:
        if picture is None:
            raise self._refusal(number)
        return picture

    def _refusal(self, number: int) -> PolypTraceError:
        if content_hash(self.path) != self.index.facts.sha256:
            return _changed()
        return PolypTraceError(
            "frame-not-exact",
            f"Frame {number} can't be given exactly: the video is damaged there.",
            "Take another frame, or export the video anew from where it was recorded.",
        )


_FEW = 3
_SMALL_CACHE = 32 << 20
_open_readers: OrderedDict[tuple[str, int, int], VideoReader] = OrderedDict()
_open_lock = threading.Lock()


def read_frame_at(path: Path, pts: int) -> Rgb:
    """One exact frame of a video that wasn't imported, (H, W, 3) uint8 RGB.

    The file is indexed on its first use in this process; the last few readers stay open, so asking for many
    frames of one video costs one decode pass and the seeks. Safe to call from several threads.

    Raises:
        PolypTraceError: as :func:`core.video.scan.scan` and :meth:`VideoReader.frame`.
    """
    with _open_lock:
        return _open_reader(path).frame(pts)


def seconds_at(path: Path, pts: int) -> float:
    """Seconds from the first frame of a video that wasn't imported to the frame with this pts.

    Raises:
        PolypTraceError: as :func:`read_frame_at`.
    """
    with _open_lock:
        index = _open_reader(path).index
        return index.seconds(index.number_of(pts))


def _open_reader(path: Path) -> VideoReader:
    check_file(path)
    state = path.stat()
    key = (str(path.absolute()), state.st_size, state.st_mtime_ns)
    reader = _open_readers.get(key)
    if reader is None:
        reader = VideoReader(path, scan(path, content_hash(path), survey=False).index, _SMALL_CACHE)
        _open_readers[key] = reader
    _open_readers.move_to_end(key)
    while len(_open_readers) > _FEW:
        _open_readers.popitem(last=False)[1].close()
    return reader


def _changed() -> PolypTraceError:
    return PolypTraceError(
        "video-changed",
        "The file at this path is no longer the video that was imported: its content has changed.",
        "Put the original file back, or import this one as a new video.",
    )
