"""Turns what a decode pass counted into facts about the video and sentences for the user."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from core.domain import PixelBox, ScopeRegion
from core.video.decoding import Threads, decoder_version
from core.video.index import NO_PTS, VideoFacts

_FALLBACK_RATE = 25.0
_IN_BODY_COLUMN = 3

Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class PassSummary:
    """The counts of one decode pass; ``last_ticks`` is how long the last frame is shown, 0 if unknown."""

    sha256: str
    size_bytes: int
    pts: Ints
    last_ticks: int
    time_base: Fraction
    nominal_rate: float
    size: tuple[int, int]
    rotation: int
    pixel_aspect: Fraction
    codec: str
    container: str
    interlaced: bool
    has_audio: bool
    pictures: int
    sizes: int
    damaged: bool
    incomplete: bool
    threads: Threads


@dataclass(frozen=True)
class _Timing:
    duration_s: float
    fps: float
    constant: bool


def make_facts(
    summary: PassSummary,
    region: ScopeRegion,
    text_boxes: tuple[PixelBox, ...],
    thumbnails: tuple[int, ...],
    quality: np.ndarray[Any, np.dtype[np.float32]],
) -> VideoFacts:
    """The facts of a video; ``quality`` (S, 5) as in :class:`core.video.index.FrameIndex`."""
    timing = _timing(summary)
    width, height = summary.size
    aspect = _upright_aspect(summary)
    return VideoFacts(
        sha256=summary.sha256,
        size_bytes=summary.size_bytes,
        frames=len(summary.pts),
        duration_s=timing.duration_s,
        width=width,
        height=height,
        codec=summary.codec,
        container=summary.container,
        time_base=summary.time_base.as_integer_ratio(),
        fps=timing.fps,
        constant_rate=timing.constant,
        interlaced=summary.interlaced,
        has_audio=summary.has_audio,
        rotation=summary.rotation,
        pixel_aspect=aspect,
        region=region,
        text_boxes=text_boxes,
        thumbnails=thumbnails,
        warnings=tuple(_warnings(summary, quality)),
        threads=summary.threads,
        decoder=decoder_version(),
    )


def _timing(summary: PassSummary) -> _Timing:
    rate = summary.nominal_rate or _FALLBACK_RATE
    count = len(summary.pts)
    if (summary.pts == NO_PTS).any():
        return _Timing(count / rate, rate, constant=True)
    times = np.sort(summary.pts)
    gaps = np.diff(times)
    usual = int(np.median(gaps)) if len(gaps) else round(1 / (rate * float(summary.time_base)))
    span = int(times[-1] - times[0])
    ticks = span + max(1, summary.last_ticks or usual)
    fps = float((count - 1) / (span * summary.time_base)) if span else rate
    # Containers round to their ticks, so gaps of a constant rate may differ by one.
    constant = bool(len(gaps) == 0 or int(gaps.max()) - int(gaps.min()) <= 1)
    return _Timing(float(ticks * summary.time_base), fps, constant)


def _upright_aspect(summary: PassSummary) -> tuple[int, int]:
    width, height = summary.pixel_aspect.as_integer_ratio()
    if width <= 0 or height <= 0:
        return 1, 1
    return (height, width) if summary.rotation % 180 else (width, height)


def _warnings(summary: PassSummary, quality: np.ndarray[Any, np.dtype[np.float32]]) -> list[str]:
    times = summary.pts
    untimed = bool((times == NO_PTS).any())
    found = [
        (
            summary.damaged or summary.incomplete,
            "The file is damaged or incomplete: frames are missing or spoilt in places.",
        ),
        (
            untimed,
            "The video carries no time stamps: its times are counted, and clips can't be marked in it.",
        ),
        (
            not untimed and len(np.unique(times)) < len(times),
            "Some time stamps occur more than once; frames that share one are told apart by their number.",
        ),
        (summary.interlaced, "The video is interlaced; its frames are shown as recorded, with combing."),
        (
            summary.pixel_aspect not in (0, 1),
            "The video's pixels are not square; frames are given as recorded, not stretched.",
        ),
        (
            summary.pictures > 1,
            "The file holds more than one picture stream; only the first is read.",
        ),
        (summary.sizes > 1, "The size of the picture changes within the video."),
        (_foreign(quality), "Most of the video doesn't look like the inside of a body."),
    ]
    return [sentence for true, sentence in found if true]


def _foreign(quality: np.ndarray[Any, np.dtype[np.float32]]) -> bool:
    return len(quality) > 0 and float(np.median(quality[:, _IN_BODY_COLUMN])) < 0.2
