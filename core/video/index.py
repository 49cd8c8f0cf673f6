"""The frame index: what the one decode pass over a video learnt, and its file in the data folder."""

from __future__ import annotations

import os
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from core.domain import FrameQuality, PixelBox, ScopeRegion, Video
from core.errors import PolypTraceError
from core.video.decoding import Threads, decoder_version

FORMAT = 2
NO_PTS = int(np.iinfo(np.int64).min)
"""Stands in ``FrameIndex.pts`` for a frame without a presentation time."""

Ints = np.ndarray[Any, np.dtype[np.int64]]


class VideoFacts(msgspec.Struct, frozen=True):
    """What is true of a whole video.

    Sizes are of the displayed frame in pixels, after ``rotation`` (degrees counter-clockwise, already applied
    to every frame that is given). ``pixel_aspect`` (width, height of one pixel) is noted, not applied.
    ``fps`` is frames a second on average; ``warnings`` are sentences for the user. ``text_boxes`` is where
    burned-in text was found.
    """

    sha256: str
    size_bytes: int
    frames: int
    duration_s: float
    width: int
    height: int
    codec: str
    container: str
    time_base: tuple[int, int]
    fps: float
    constant_rate: bool
    interlaced: bool
    has_audio: bool
    rotation: int
    pixel_aspect: tuple[int, int]
    region: ScopeRegion
    text_boxes: tuple[PixelBox, ...]
    thumbnails: tuple[int, ...]
    warnings: tuple[str, ...]
    threads: Threads
    decoder: str
    format: int = FORMAT


@dataclass(frozen=True)
class FrameIndex:
    """The table of all frames in sequential decode order; row k is frame number k.

    Attributes:
        facts: what is true of the whole video.
        pts: (N,) int64 presentation times in ticks, :data:`NO_PTS` where there is none.
        keys: (N,) bool, frames that stand alone.
        fingerprints: (N,) uint64, see :func:`core.video.fingerprint.fingerprint`.
        seeks: (M, 2) int64 (pts, dts) of the key packets in file order, where a seek may land.
        sampled: (S,) int64 numbers of the frames whose quality was measured.
        quality: (S, 5) float32, rows of :class:`core.domain.FrameQuality`.
    """

    facts: VideoFacts
    pts: Ints
    keys: np.ndarray[Any, np.dtype[np.bool_]]
    fingerprints: np.ndarray[Any, np.dtype[np.uint64]]
    seeks: Ints
    sampled: Ints
    quality: np.ndarray[Any, np.dtype[np.float32]]

    def __len__(self) -> int:
        return len(self.pts)

    @cached_property
    def order(self) -> Ints:
        """Frame numbers sorted by pts (stable); frames without pts first."""
        return np.argsort(self.pts, kind="stable")

    @cached_property
    def display_times(self) -> Ints:
        """pts in rising order, the same length as :attr:`order`."""
        return self.pts[self.order]

    @property
    def has_times(self) -> bool:
        """Whether every frame has a presentation time."""
        return len(self) > 0 and int(self.display_times[0]) != NO_PTS

    @property
    def start(self) -> int:
        """pts of frame 0 (0 where it has none)."""
        return int(self.pts[0]) if self.has_times else 0

    def number_of(self, pts: int) -> int:
        """The number of the frame with exactly this pts; the first of them where several share it.

        Raises:
            PolypTraceError: ``frame-no-such-pts``.
        """
        at = int(np.searchsorted(self.display_times, pts))
        if pts == NO_PTS or at == len(self) or int(self.display_times[at]) != pts:
            raise PolypTraceError(
                "frame-no-such-pts",
                f"No frame of the video has the time stamp {pts}.",
                "Take a time stamp that the frame list of this video shows.",
            )
        return int(self.order[at])

    def pts_of(self, number: int) -> int | None:
        """The pts of a frame in ticks, or None."""
        pts = int(self.pts[number])
        return None if pts == NO_PTS else pts

    def seconds(self, number: int) -> float:
        """Seconds from the first frame to this one; by count and rate where there are no time stamps."""
        if not self.has_times:
            return number / self.facts.fps if self.facts.fps else 0.0
        ticks, per = self.facts.time_base
        return (int(self.pts[number]) - self.start) * ticks / per

    def quality_of(self, row: int) -> FrameQuality:
        """The quality in row ``row`` of :attr:`quality`, which is that of frame ``sampled[row]``."""
        return FrameQuality(*(float(value) for value in self.quality[row]))


@dataclass(frozen=True)
class VideoScan:
    """A video file as the import pass saw it. ``known``: this content had been read before."""

    path: Path
    index: FrameIndex
    known: bool = False

    @property
    def facts(self) -> VideoFacts:
        """What is true of the whole video."""
        return self.index.facts

    @property
    def sha256(self) -> str:
        """The content hash, 64 hexadecimal digits."""
        return self.facts.sha256

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for the user."""
        return self.facts.warnings

    def video(self, video_id: int) -> Video:
        """The same as the catalogue's value."""
        facts = self.facts
        return Video(
            id=video_id,
            sha256=facts.sha256,
            path=str(self.path),
            frames=facts.frames,
            duration_s=facts.duration_s,
            width=facts.width,
            height=facts.height,
            codec=facts.codec,
            time_base=facts.time_base,
            region=facts.region,
            text_found=facts.text_boxes,
        )


def index_path(folder: Path, sha256: str) -> Path:
    """Where the index of a content lies in the folder of frame indexes."""
    return folder / f"{sha256}.npz"


def save_index(folder: Path, index: FrameIndex) -> Path:
    """Writes an index whole or not at all, and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = index_path(folder, index.facts.sha256)
    handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(
                file,
                facts=np.frombuffer(msgspec.json.encode(index.facts), np.uint8),
                pts=index.pts,
                keys=index.keys,
                fingerprints=index.fingerprints,
                seeks=index.seeks,
                sampled=index.sampled,
                quality=index.quality,
            )
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
    return target


def load_index(folder: Path, sha256: str) -> FrameIndex | None:
    """The saved index of a content, or None where there is none that this version may use.

    None is also the answer for a damaged file, another format, and one made by another decoder, whose pixels
    could differ in the last bit: an index is derived and can be made again by reading the video.
    """
    try:
        # Opened here: np.load leaves a damaged file open.
        with index_path(folder, sha256).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = msgspec.json.decode(stored["facts"].tobytes(), type=VideoFacts)
            index = FrameIndex(
                facts,
                *(stored[name] for name in ("pts", "keys", "fingerprints", "seeks", "sampled", "quality")),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, msgspec.MsgspecError):
        return None
    return index if _usable(index, sha256) else None


def _usable(index: FrameIndex, sha256: str) -> bool:
    facts = index.facts
    rows = {len(index.pts), len(index.keys), len(index.fingerprints)}
    return (
        facts.format == FORMAT
        and facts.sha256 == sha256
        and facts.decoder == decoder_version()
        and rows == {facts.frames}
        and facts.frames > 0
        and len(index.sampled) == len(index.quality)
    )
