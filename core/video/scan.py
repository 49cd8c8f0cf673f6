"""The one decode pass over a video: every frame's time and fingerprint, and the survey of small frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import PolypTraceError
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.video.decoding import Converter, Decoder, Threads, displayed_size, luma, upright_luma
from core.video.facts import PassSummary, make_facts
from core.video.fingerprint import fingerprint
from core.video.index import NO_PTS, FrameIndex
from core.video.quality import combing, small_size
from core.video.region import Picture
from core.video.survey import Survey

STAGE = "reading frames"
_SAMPLE_GAP_S = 0.075
"""Quality is measured this often: every second frame at 25 a second, every fourth at 50."""
_SAMPLE_GAP_FRAMES = 2
_REPORT_EVERY = 16


@dataclass
class _Table:
    """The growing frame table of one pass."""

    pts: list[int] = field(default_factory=list)
    keys: list[bool] = field(default_factory=list)
    fingerprints: list[int] = field(default_factory=list)
    broken: int = 0
    interlaced: int = 0
    sizes: set[tuple[int, int]] = field(default_factory=set)
    last: tuple[int, int] = (NO_PTS, 0)
    """pts and duration in ticks of the frame displayed last so far."""

    def add(self, frame: Any) -> int:
        pts = NO_PTS if frame.pts is None else int(frame.pts)
        self.pts.append(pts)
        self.keys.append(bool(frame.key_frame))
        self.fingerprints.append(fingerprint(frame))
        self.broken += bool(frame.is_corrupt)
        self.interlaced += bool(frame.interlaced_frame)
        self.sizes.add((frame.width, frame.height))
        self.last = max(self.last, (pts, int(frame.duration or 0)))
        return len(self.pts) - 1


class _Sampler:
    """Says which frames are measured: evenly in time, never a broken one."""

    def __init__(self, time_base: Fraction) -> None:
        self._gap = _SAMPLE_GAP_S / time_base
        self._pts: int | None = None
        self._number = -_SAMPLE_GAP_FRAMES

    def wants(self, number: int, frame: Any) -> bool:
        if frame.is_corrupt or not self._due(number, frame.pts):
            return False
        self._pts, self._number = frame.pts, number
        return True

    def _due(self, number: int, pts: int | None) -> bool:
        if pts is None or self._pts is None:
            return number - self._number >= _SAMPLE_GAP_FRAMES
        return pts < self._pts or pts - self._pts >= self._gap


class _Shape:
    """Sizes of the first frame; not the frame itself, which would change how buffers are reused."""

    def __init__(self, frame: Any) -> None:
        self.coded: tuple[int, int] = (frame.width, frame.height)
        self.displayed = displayed_size(frame)
        self.rotation = round(frame.rotation / 90) % 4 * 90


@dataclass(frozen=True)
class Scanned:
    """What one pass gave: the index, and the thumbnails as frame number → (h, w, 3) uint8 RGB."""

    index: FrameIndex
    thumbnails: dict[int, Picture]


def scan(
    path: Path,
    sha256: str,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
    survey: bool = True,
) -> Scanned:
    """Decodes a video from its first to its last frame, once; twice where the stream is damaged.

    A damaged stream decodes alike each time only when one frame is decoded at a time, which is slower, so
    that is done only when damage was met.

    Args:
        path: the video file.
        sha256: its content hash, noted in the index.
        progress: told the stage :data:`STAGE`, counted in frames.
        cancel: looked at between frames.
        survey: False leaves out quality, scope region and thumbnails.

    Raises:
        PolypTraceError: the file can't be read, holds no video or no frame.
        Cancelled: the user stopped it; nothing was written.
    """
    order = _Order(path, sha256, survey, progress, cancel)
    scanned, damaged = _pass(order, "frame")
    return _pass(order, "slice", damaged=True)[0] if damaged else scanned


@dataclass(frozen=True)
class _Order:
    """What a pass is asked to do."""

    path: Path
    sha256: str
    survey: bool
    progress: ProgressSink
    cancel: CancelToken | None

    def step(self, done: int, total: int | None) -> None:
        if self.cancel is not None:
            self.cancel.raise_if_cancelled()
        if done % _REPORT_EVERY == 0:
            self.progress(Progress(STAGE, done, total))


def _pass(order: _Order, threads: Threads, damaged: bool = False) -> tuple[Scanned, bool]:
    table, survey, converter = _Table(), Survey(), Converter()
    shape: _Shape | None = None
    with Decoder(order.path, threads) as decoder:
        sampler, total = _Sampler(decoder.time_base), _expected_frames(decoder)
        for frame in decoder.frames():
            order.step(len(table.pts), total)
            shape = shape or _Shape(frame)
            number = table.add(frame)
            if order.survey and sampler.wants(number, frame):
                small = converter.small(frame, *small_size(*shape.coded))
                survey.add(number, small, combing(luma(frame)))
                if survey.text.wants():
                    survey.add_light(upright_luma(frame))
        if shape is None:
            raise _no_frames(decoder)
        damaged = damaged or decoder.errors + table.broken > 0
        summary = _summary(order, decoder, table, shape, threads, damaged)
    quality = survey.quality()
    pictures = survey.thumbnails.pictures
    region = survey.region(*shape.displayed)
    facts = make_facts(summary, region, survey.text.boxes(region), tuple(pictures), quality)
    order.progress(Progress(STAGE, facts.frames, facts.frames))
    index = FrameIndex(
        facts=facts,
        pts=summary.pts,
        keys=np.asarray(table.keys, bool),
        fingerprints=np.asarray(table.fingerprints, np.uint64),
        seeks=_times(decoder.key_times),
        sampled=np.asarray(survey.numbers, np.int64),
        quality=quality,
    )
    return Scanned(index, pictures), damaged


def _summary(
    order: _Order, decoder: Decoder, table: _Table, shape: _Shape, threads: Threads, damaged: bool
) -> PassSummary:
    rate = decoder.stream.average_rate or decoder.stream.guessed_rate
    return PassSummary(
        sha256=order.sha256,
        size_bytes=order.path.stat().st_size,
        pts=np.asarray(table.pts, np.int64),
        last_ticks=table.last[1],
        time_base=decoder.time_base,
        nominal_rate=float(rate) if rate else 0.0,
        size=shape.displayed,
        rotation=shape.rotation,
        pixel_aspect=Fraction(decoder.stream.sample_aspect_ratio or 1),
        codec=str(decoder.stream.codec_context.name),
        container=str(decoder.container.format.name),
        interlaced=table.interlaced > 0,
        has_audio=decoder.has_audio,
        pictures=decoder.picture_streams,
        sizes=len(table.sizes),
        damaged=damaged,
        incomplete=decoder.packets < int(decoder.stream.frames or 0),
        threads=threads,
    )


def _times(pairs: list[tuple[int | None, int | None]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    known = [[NO_PTS if time is None else time for time in pair] for pair in pairs]
    return np.asarray(known, np.int64).reshape(-1, 2)


def _expected_frames(decoder: Decoder) -> int | None:
    """How many frames the file says it has, as far as it says so."""
    if decoder.stream.frames:
        return int(decoder.stream.frames)
    duration, rate = decoder.stream.duration, decoder.stream.average_rate
    if duration and rate:
        return max(1, round(float(duration * decoder.time_base * rate)))
    length = decoder.container.duration
    return max(1, round(float(length * rate / 1_000_000))) if length and rate else None


def _no_frames(decoder: Decoder) -> PolypTraceError:
    if decoder.errors or decoder.packets:
        return PolypTraceError(
            "video-undecodable",
            "Not one frame of this video can be decoded.",
            "Check that it plays elsewhere; if it does, export it as H.264 in an MP4 file.",
        )
    return PolypTraceError(
        "video-no-frames",
        "The video holds no frame.",
        "Copy it again from where it was recorded; the recording may have been stopped at once.",
    )
