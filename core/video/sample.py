"""Which frames stand for a clip: good ones, spread in time, near the marked boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.errors import PolypTraceError
from core.video.index import FrameIndex, VideoScan

_NEAR_S = 0.6
"""A frame this long after a marked one counts for it by 1/e: the lesion is likely still in its box."""
_NEAR_BONUS = 3.0
_LEAST_SCORE = 0.02
"""Even the worst frame is better than none."""

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


def pick_frames(
    source: FrameIndex | VideoScan, pts_in: int, pts_out: int, k: int, near: Sequence[int] = ()
) -> list[int]:
    """Picks up to ``k`` frames of a clip, in time order; the same answer for the same question.

    Marked frames come first, the best of them where there are more than ``k``. Then, one by one, the frame
    with the highest quality × distance in time to those already chosen, weighed up near a marked frame.

    Args:
        source: the video.
        pts_in: first pts of the clip, in ticks.
        pts_out: last pts of the clip, included.
        k: how many frames, at least 1.
        near: pts of frames on which the lesion was marked; those outside the clip don't count.

    Returns:
        pts of frames within the clip, rising, each once; fewer than ``k`` where the clip has fewer.

    Raises:
        PolypTraceError: ``time-no-stamps`` or ``clip-empty``.
    """
    index = source.index if isinstance(source, VideoScan) else source
    inside = _inside(index, pts_in, pts_out)
    marked = _marked(index, inside, near)
    candidates = np.union1d(_candidates(index, inside, k), marked)
    times = index.pts[candidates].astype(np.float64) * _tick(index)
    scores = np.maximum(frame_scores(index)[candidates], _LEAST_SCORE)
    first = np.flatnonzero(np.isin(candidates, marked))
    chosen = [int(at) for at in first[np.argsort(-scores[first], kind="stable")][:k]]
    weights = scores * _nearness(times, times[first])
    pool = set(range(len(candidates))) - set(chosen)
    reach = max(float(times[-1] - times[0]) / (2 * k), _tick(index))
    while pool and len(chosen) < k:
        gains = weights * _apart(times, times[chosen], reach)
        best = max(sorted(pool), key=lambda at: float(gains[at]))
        chosen.append(best)
        pool.remove(best)
    return sorted(int(index.pts[candidates[at]]) for at in chosen)


def frame_scores(index: FrameIndex) -> Floats:
    """(N,) quality score of every frame in 0…1: measured, or of the measured frame nearest in number."""
    if not len(index.sampled):
        return np.zeros(len(index))
    numbers = np.arange(len(index))
    after = np.clip(np.searchsorted(index.sampled, numbers), 0, len(index.sampled) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.where(
        np.abs(index.sampled[before] - numbers) <= np.abs(index.sampled[after] - numbers), before, after
    )
    return np.asarray(index.quality[nearer, 4], np.float64)


def _inside(index: FrameIndex, pts_in: int, pts_out: int) -> Ints:
    if not index.has_times:
        raise PolypTraceError(
            "time-no-stamps",
            "This video carries no time stamps, so clips can't be marked in it.",
            "Convert it to an MP4 file, then import that.",
        )
    order = index.order
    left = int(np.searchsorted(index.display_times, pts_in, side="left"))
    right = int(np.searchsorted(index.display_times, pts_out, side="right"))
    found = order[left:right]
    # Of several frames with one pts only the first can be asked for by it.
    unique = np.unique(index.pts[found], return_index=True)[1]
    if not len(unique):
        raise PolypTraceError(
            "clip-empty",
            "No frame of the video lies in the clip.",
            "Check the clip's first and last time.",
        )
    return np.asarray(np.sort(found[unique]), np.int64)


def _candidates(index: FrameIndex, inside: Ints, k: int) -> Ints:
    measured = np.intersect1d(inside, index.sampled)
    return measured if len(measured) >= k else inside


def _marked(index: FrameIndex, inside: Ints, near: Sequence[int]) -> Ints:
    """The frames of the clip that are shown at the marked times."""
    times = np.sort(index.pts[inside])
    by_time = inside[np.argsort(index.pts[inside], kind="stable")]
    wanted = [time for time in near if times[0] <= time <= times[-1]]
    return np.unique(by_time[np.searchsorted(times, wanted, side="right") - 1]) if wanted else inside[:0]


def _nearness(times: Floats, marked: Floats) -> Floats:
    if not len(marked):
        return np.ones(len(times))
    distance = np.abs(times[:, None] - marked[None, :]).min(axis=1)
    return np.asarray(1.0 + _NEAR_BONUS * np.exp(-distance / _NEAR_S), np.float64)


def _apart(times: Floats, chosen: Floats, reach: float) -> Floats:
    """0 on a chosen frame, near 1 from ``reach`` seconds away."""
    if not len(chosen):
        return np.ones(len(times))
    distance = np.abs(times[:, None] - chosen[None, :]).min(axis=1)
    return np.asarray(1.0 - np.exp(-((distance / reach) ** 2)), np.float64)


def _tick(index: FrameIndex) -> float:
    ticks, per = index.facts.time_base
    return ticks / per
