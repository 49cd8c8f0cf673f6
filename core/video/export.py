"""Frames as PNG files, by number or time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from core.counting import count
from core.errors import PolypTraceError
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.video.index import FrameIndex
from core.video.reader import VideoReader
from core.video.times import parse_time

NO_NUMBER = -1
"""Stands for a frame whose number couldn't be told; such a frame is refused."""


class WantedFrame(msgspec.Struct, frozen=True):
    """A frame that was asked for: its number, or why it can't be told."""

    asked: str
    number: int
    refused: str | None = None


class FrameFile(msgspec.Struct, frozen=True):
    """A frame that was written (``path``) or refused in words; ``seconds`` from the first frame."""

    index: int | None
    pts: int | None
    seconds: float | None
    path: str | None = None
    refused: str | None = None
    asked: str = ""

    def as_dict(self) -> dict[str, Any]:
        """One entry of ``frames``: with ``path`` or with ``refused``, never both."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        del plain["path" if self.path is None else "refused"]
        return plain


def frames_numbered(text: str | None, index: FrameIndex) -> list[WantedFrame]:
    """Frames by number from 0, ``"0,10,25"``; those beyond the video are refused.

    Raises:
        PolypTraceError: ``frame-number`` for something that isn't a whole number.
    """
    return [_numbered(part, index) for part in _parts(text, "frame-number")]


def frames_at(text: str | None, index: FrameIndex) -> list[WantedFrame]:
    """Frames by time, ``"0,1.2,3s,1:02.5"`` (see :func:`core.video.times.parse_time`).

    Raises:
        PolypTraceError: ``time-unreadable`` for something that isn't a time.
    """
    return [_timed(part, index) for part in _parts(text, "time-unreadable")]


def export_frames(
    path: Path,
    index: FrameIndex,
    wanted: Sequence[WantedFrame],
    out: Path,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> list[FrameFile]:
    """Writes each wanted frame as ``frame-NNNNNN.png`` (8-bit RGB) into ``out``.

    Raises:
        Cancelled: between two frames; those that were written stay.
        PolypTraceError: ``frames-out`` when the folder can't be written, or the video can't be opened.
    """
    _make(out)
    written = []
    with VideoReader.open(path, index) as reader:
        for at, frame in enumerate(wanted, start=1):
            if cancel is not None:
                cancel.raise_if_cancelled()
            written.append(_export(reader, index, frame, out))
            progress(Progress("frames", at, len(wanted)))
    return written


def _parts(text: str | None, code: str) -> list[str]:
    if text is None:
        return []
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise PolypTraceError(
            code, "No frame was named.", "Write numbers such as 0,10,25, or times such as 1.5,3s."
        )
    return parts


def _numbered(part: str, index: FrameIndex) -> WantedFrame:
    try:
        number = int(part)
    except ValueError:
        raise PolypTraceError(
            "frame-number", f"“{part}” is not the number of a frame.", "Write whole numbers such as 0,10,25."
        ) from None
    if 0 <= number < len(index):
        return WantedFrame(part, number)
    reason = f"The video has {count(len(index), 'frame')}, numbered 0 to {len(index) - 1}."
    return WantedFrame(part, number, reason)


def _timed(part: str, index: FrameIndex) -> WantedFrame:
    def number() -> int:
        return parse_time(part, index)

    return _or_refused(part, number)


def _or_refused(part: str, number: Callable[[], int]) -> WantedFrame:
    try:
        return WantedFrame(part, number())
    except PolypTraceError as error:
        if error.code == "time-unreadable":
            raise
        return WantedFrame(part, NO_NUMBER, error.message)


def _export(reader: VideoReader, index: FrameIndex, wanted: WantedFrame, out: Path) -> FrameFile:
    number = wanted.number
    if wanted.refused:
        return FrameFile(
            None if number == NO_NUMBER else number, None, None, refused=wanted.refused, asked=wanted.asked
        )
    pts, seconds = index.pts_of(number), round(index.seconds(number), 6)
    try:
        frame = reader.frame_at(number)
    except PolypTraceError as error:
        return FrameFile(number, pts, seconds, refused=error.message, asked=wanted.asked)
    target = out / f"frame-{number:06d}.png"
    _write_png(target, frame)
    return FrameFile(number, pts, seconds, path=str(target), asked=wanted.asked)


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out) from error


def _write_png(target: Path, rgb: np.ndarray) -> None:
    # Not cv2.imwrite: it says nothing about why, and fails on non-ASCII names on Windows.
    done, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    try:
        if not done:
            raise OSError("PNG")
        target.write_bytes(data.tobytes())
    except OSError as error:
        raise _unwritable(target.parent) from error


def _unwritable(out: Path) -> PolypTraceError:
    return PolypTraceError(
        "frames-out",
        f"Frames can't be written to the folder “{out.name}”.",
        "Choose another folder with --out.",
    )
