"""The one way in which this program decodes video: PyAV, from the first frame on or after a seek.

Frame number k is the k-th frame that :meth:`Decoder.frames` yields on a freshly opened file.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import av
import av.error
import av.logging
import numpy as np
from av.stream import Discard
from av.video.reformatter import VideoReformatter

from core.errors import PolypTraceError
from core.video import sniff

Threads = Literal["frame", "slice"]
"""``frame``: several frames at once. ``slice``: PyAV's default; the same result even on damaged streams."""

_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,"
    "h264,hevc,m4v,flv,asf,ogg,mxf,nut,dv,gif,ivf,vc1"
)
# Playlists and picture sequences would open other files or the network on behalf of the file given.
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
_DISPLAYED_ONCE = "attached_pic", "timed_thumbnails"
_MAX_READ_ERRORS = 8

av.logging.set_level(None)  # FFmpeg's complaints reach the user as our own sentences


def decoder_version() -> str:
    """Names the library and machine that decoded: on another one pixels may differ in the last bit."""
    major, minor, micro = av.library_versions["libavcodec"]
    return f"libavcodec {major}.{minor}.{micro} {platform.machine()}"


class Decoder:
    """An opened video file and the picture stream in it that counts.

    Not safe to use from two threads at once.

    Args:
        path: the file.
        threads: see :data:`Threads`.

    Raises:
        PolypTraceError: the file isn't there, can't be read, or holds no video.
    """

    def __init__(self, path: Path, threads: Threads = "frame") -> None:
        check_file(path)
        try:
            self.container: Any = av.open(str(path.absolute()), options=_OPTIONS, metadata_errors="replace")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise _not_a_video(path) from error
        try:
            self.stream: Any = _picture_stream(self.container)
            self.stream.thread_type = "AUTO" if threads == "frame" else "SLICE"
            for other in self.container.streams:
                if other.index != self.stream.index:
                    other.discard = Discard.all
        except PolypTraceError:
            self.container.close()
            raise
        self.packets = 0
        self.errors = 0
        self.only: frozenset[int] | None = None
        """With pts (ticks) in it, frames of other pts are left undecoded where no other is made of them.

        Where the file tells a packet another time than its frame, the wanted frame is lost too: look whether
        it came. It may change from frame to frame; a packet is decoded as was set when it was read.
        """
        self.key_times: list[tuple[int | None, int | None]] = []
        """(pts, dts) of each key packet that was read, in file order."""

    @property
    def time_base(self) -> Fraction:
        """Seconds of one pts tick."""
        return Fraction(self.stream.time_base)

    @property
    def has_audio(self) -> bool:
        """Whether the file holds sound."""
        return len(self.container.streams.audio) > 0

    @property
    def picture_streams(self) -> int:
        """How many real picture streams the file holds; only the first is read."""
        return len(_real_pictures(self.container))

    def frames(self) -> Iterator[Any]:
        """Yields ``av.VideoFrame`` in display order from where the file stands; damage is only counted."""
        failures = 0
        while failures < _MAX_READ_ERRORS:
            try:
                for packet in self.container.demux(self.stream):
                    failures = 0
                    self._note(packet)
                    yield from self._decode(packet)
                return
            except IndexError:
                # PyAV's way of saying: a packet of a stream that appeared after the file was opened, such as
                # sound that starts late. It was consumed; reading goes on behind it.
                continue
            except (av.error.FFmpegError, OSError):
                self.errors += 1
                failures += 1
        yield from self._decode(None)

    def seek(self, time: int) -> bool:
        """Moves to the last key packet up to ``time`` (ticks); False where the file doesn't allow it."""
        try:
            self.container.seek(time, stream=self.stream, backward=True)
        except (av.error.FFmpegError, OSError, OverflowError):
            return False
        return True

    def close(self) -> None:
        """Lets go of the file."""
        self.container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _note(self, packet: Any) -> None:
        if packet.size == 0:
            return
        self.packets += 1
        if packet.is_corrupt:
            self.errors += 1
        if packet.is_keyframe:
            self.key_times.append((packet.pts, packet.dts))

    def _decode(self, packet: Any) -> list[Any]:
        try:
            if packet is not None:
                needless = self.only is not None and packet.pts not in self.only
                self.stream.codec_context.skip_frame = "NONREF" if needless else "DEFAULT"
            frames: list[Any] = self.stream.decode(packet)
        except (av.error.FFmpegError, OSError):
            self.errors += 1
            return []
        return [frame for frame in frames if frame.width and frame.height]


class Converter:
    """Turns decoded frames into RGB arrays, upright. One a thread: it keeps swscale's tables."""

    def __init__(self) -> None:
        self._swscale = VideoReformatter()

    def rgb(self, frame: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The frame in full size, (H, W, 3) uint8 RGB, as PyAV converts it, turned upright."""
        return _upright(_bytes(self._swscale.reformat(frame, format="rgb24")), frame.rotation)

    def small(self, frame: Any, width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The frame area-averaged to ``height`` × ``width`` of the *coded* picture, then turned upright."""
        resized = self._swscale.reformat(
            frame, width=width, height=height, format="rgb24", interpolation="AREA"
        )
        return _upright(_bytes(resized), frame.rotation)


def luma(frame: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The brightness of a coded frame, (H, W) uint8, without copying where it lies in a plane of its own."""
    kind = frame.format.name
    if not kind.startswith(("yuv4", "yuvj4", "gray", "nv12")) or frame.format.components[0].bits != 8:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]


def upright_luma(frame: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """:func:`luma` of the frame as it is displayed."""
    return _upright(luma(frame), frame.rotation)


def _bytes(frame: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    array: np.ndarray[Any, np.dtype[np.uint8]] = frame.to_ndarray()
    return array


def displayed_size(frame: Any) -> tuple[int, int]:
    """(width, height) of a frame as it is displayed, that is after its rotation."""
    turned = round(frame.rotation / 90) % 2 == 1
    return (frame.height, frame.width) if turned else (frame.width, frame.height)


def check_file(path: Path) -> None:
    """Refuses what can't be a video before any decoder sees it.

    Raises:
        PolypTraceError: ``video-missing``, ``video-is-folder``, ``video-not-file``, ``video-unreadable``,
            ``video-empty``, ``video-is-still`` or ``video-is-text``.
    """
    try:
        if path.is_dir():
            raise PolypTraceError(
                "video-is-folder",
                "This is a folder, not a video file.",
                "Name the videos in it, or rename the folder so that it doesn't look like a video.",
            )
        if not path.exists():
            raise PolypTraceError(
                "video-missing",
                "There is no file at this path.",
                "Check the path; was the file moved or renamed?",
            )
        if not path.is_file():
            raise PolypTraceError(
                "video-not-file", "This is a device or a pipe, not a file.", "Name a video file on a disk."
            )
        start = sniff.head(path)
    except (OSError, ValueError) as error:
        raise PolypTraceError(
            "video-unreadable",
            "The file can't be read.",
            "Check that you have the right to read it and that its drive is connected.",
        ) from error
    _check_start(start)


def _check_start(start: bytes) -> None:
    if not start:
        raise PolypTraceError(
            "video-empty", "The file is empty.", "Copy it again from where it was recorded."
        )
    still = sniff.still_picture(start)
    if still:
        raise PolypTraceError(
            "video-is-still", f"This is a still picture ({still}), not a video.", "Choose a video file."
        )
    if sniff.looks_like_text(start):
        raise PolypTraceError(
            "video-is-text", "This is a text file, whatever its name says.", "Choose a video file."
        )


def _upright(
    picture: np.ndarray[Any, np.dtype[np.uint8]], rotation: int
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    turns = round(rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def _real_pictures(container: Any) -> list[Any]:
    return [
        stream
        for stream in container.streams.video
        if not any(getattr(type(stream.disposition), name) in stream.disposition for name in _DISPLAYED_ONCE)
    ]


def _picture_stream(container: Any) -> Any:
    streams = _real_pictures(container)
    if not streams:
        sound = len(container.streams.audio) > 0
        raise PolypTraceError(
            "video-only-sound" if sound else "video-no-picture",
            "The file holds sound but no moving picture." if sound else "The file holds no moving picture.",
            "Choose the file that holds the picture.",
        )
    if streams[0].codec_context is None:
        raise PolypTraceError(
            "video-codec",
            "The picture is packed in a way that can't be decoded here.",
            "Export it as H.264 in an MP4 file from the software that recorded it.",
        )
    return streams[0]


def _not_a_video(path: Path) -> PolypTraceError:
    if sniff.looks_like_mp4(sniff.head(path)):
        return PolypTraceError(
            "video-cut-off",
            "The file breaks off before its table of contents, so none of its frames can be found.",
            "Copy it again from where it was recorded; the copy or the recording was interrupted.",
        )
    return PolypTraceError(
        "video-not-video",
        "This file is not a video that can be read.",
        "Check that it plays elsewhere; if it does, export it as H.264 in an MP4 file.",
    )
