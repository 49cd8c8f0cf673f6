"""Times as people type them, and the frame that is shown at a time."""

from __future__ import annotations

import re

import numpy as np

from core.errors import PolypTraceError
from core.video.index import FrameIndex

_PTS = re.compile(r"[+-]?\d+")
_SECONDS = re.compile(r"(\d+\.?\d*|\.\d+)\s*s?")
_CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d*)?)")
_ROUNDING_S = 0.0005
"""A time printed with three decimals still means the frame that it was printed for."""


def parse_time(text: str, index: FrameIndex) -> int:
    """The number of the frame shown at a time.

    A bare integer is a pts in ticks of the video; ``1.2``, ``3s``, ``mm:ss.s`` and ``h:mm:ss.s`` are seconds
    from the first frame; ``0`` is the first frame both ways.

    Raises:
        PolypTraceError: ``time-unreadable``, ``time-out-of-range`` or ``time-no-stamps``.
    """
    text = text.strip()
    if text == "0":
        return 0
    if _PTS.fullmatch(text):
        return frame_shown_at(int(text), index)
    return frame_at_seconds(_seconds(text), index)


def frame_shown_at(pts: int, index: FrameIndex) -> int:
    """The number of the frame shown at a pts in ticks, which needn't be exactly a frame's own.

    Raises:
        PolypTraceError: ``time-out-of-range`` or ``time-no-stamps``.
    """
    if not index.has_times:
        raise PolypTraceError(
            "time-no-stamps",
            "This video carries no time stamps.",
            "Name frames by their number, or times in seconds such as 1.5s.",
        )
    times = index.display_times
    if not int(times[0]) <= pts < int(times[-1]) + _last_frame_ticks(index):
        raise PolypTraceError(
            "time-out-of-range",
            f"The time stamp {pts} lies outside the video, which runs from {times[0]} to {times[-1]}.",
            "Take a time stamp in this range, or a time in seconds such as 1.5s.",
        )
    at = int(np.searchsorted(times, pts, side="right")) - 1
    if int(times[at]) == pts:
        return index.number_of(pts)
    return int(index.order[at])


def frame_at_seconds(seconds: float, index: FrameIndex) -> int:
    """The number of the frame shown ``seconds`` after the first.

    Raises:
        PolypTraceError: ``time-out-of-range``.
    """
    length = index.facts.duration_s
    if not 0 <= seconds < max(length, _ROUNDING_S) + _ROUNDING_S:
        raise PolypTraceError(
            "time-out-of-range",
            f"{seconds:g} s lies outside the video, which lasts {length:.3f} s.",
            "Take a time within the video.",
        )
    if not index.has_times:
        return min(int((seconds + _ROUNDING_S) * index.facts.fps), len(index) - 1)
    ticks, per = index.facts.time_base
    gap = max(1, _shortest_gap(index))
    # Half a millisecond for rounding, but never so much that it reaches into the next frame but one.
    slack = min(_ROUNDING_S * per / ticks, gap / 4)
    # int(): a float sum keeps ticks exact up to 2**53
    target = index.start + int(seconds * per / ticks + slack + 1e-6)
    last = int(index.display_times[-1])
    first = int(index.display_times[0])
    return frame_shown_at(max(first, min(target, last)), index)


def _seconds(text: str) -> float:
    plain = _SECONDS.fullmatch(text)
    if plain:
        return float(plain[1])
    clock = _CLOCK.fullmatch(text)
    if clock:
        return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
    raise PolypTraceError(
        "time-unreadable",
        f"“{text}” is not a time.",
        "Write seconds (1.2 or 3s), minutes and seconds (1:02.5), or a time stamp as a whole number.",
    )


def _shortest_gap(index: FrameIndex) -> int:
    gaps = np.diff(index.display_times)
    gaps = gaps[gaps > 0]
    return int(gaps.min()) if len(gaps) else 1


def _last_frame_ticks(index: FrameIndex) -> int:
    ticks, per = index.facts.time_base
    end = index.start + round(index.facts.duration_s * per / ticks)
    return max(1, end - int(index.display_times[-1]))
