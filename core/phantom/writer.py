"""Writes an exam's screen as a real H.264 file and knows the pts of every frame in it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np

from core.errors import PolypTraceError
from core.phantom.processor import Image

_AVX_512F = 13
"""OpenCV's number of that feature; its Python names leave it out."""


class VideoWriter:
    """One MP4 file, yuv420p, constant rate. Use as a context manager, then read :attr:`pts`.

    One encoder thread, so that the same frames give the same bytes.

    Args:
        path: the file to write; its folder must exist.
        width, height: even numbers, pixels.
        fps: frames a second.
        crf: quality, lower is better (x264: 18 … 30).
    """

    def __init__(self, path: Path, width: int, height: int, fps: int, crf: int) -> None:
        self.path = path
        self.pts: tuple[int, ...] = ()
        self.time_base = Fraction(1, fps)
        self._written = 0
        self._file = av.open(str(path), "w", format="mp4")
        self._stream = self._file.add_stream("libx264", rate=fps)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        options = {"crf": str(crf), "preset": "veryfast", "threads": "1", "g": str(2 * fps)}
        self._stream.options = {**options, **steady_encoder()}
        self._rate = Fraction(1, fps)

    def write(self, screen: Image) -> int:
        """Appends a frame, (height, width, 3) uint8 RGB; returns its index from 0."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(screen), format="rgb24")
        frame.pts, frame.time_base = self._written, self._rate
        self._file.mux(self._stream.encode(frame))
        self._written += 1
        return self._written - 1

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._file.mux(self._stream.encode(None))
        self._file.close()
        if kind is None:
            self.pts, self.time_base = _pts_of(self.path)
            if len(self.pts) != self._written:
                raise PolypTraceError(
                    "phantom-video",
                    f"The video {self.path.name} holds {len(self.pts)} frames instead of {self._written}.",
                    "Check the free disk space and try again.",
                )


def steady_encoder() -> dict[str, str]:
    """Options of libx264 with which the same frames give the same bytes, also on another processor.

    With AVX-512 it gives now these bytes, now others (seen with PyAV 18.1); with AVX2 always those of
    processors that have no more than that.
    """
    return {"x264-params": "asm=avx2"} if cv2.checkHardwareSupport(_AVX_512F) else {}


def _pts_of(path: Path) -> tuple[tuple[int, ...], Fraction]:
    """All pts in the order of display, and the time base, as the container gives them back."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        pts = sorted(packet.pts for packet in file.demux(stream) if packet.pts is not None)
        return tuple(pts), Fraction(stream.time_base or 1)
