"""Which frames stand for a clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PolypTraceError
from core.video.facts import PassSummary, make_facts
from core.video.index import NO_PTS, FrameIndex
from core.video.region import whole_frame
from core.video.sample import frame_scores, pick_frames
from core.video.scan import scan
from core.video.times import frame_shown_at


@pytest.fixture(scope="module")
def blank(films: Callable[[str], Path]) -> FrameIndex:
    """The index of a real file; the tests put their own times and scores into it."""
    return scan(films("mpeg4-avi"), "0" * 64).index


def with_scores(blank: FrameIndex, scores: list[float], pts: list[int] | None = None) -> FrameIndex:
    count = len(scores)
    quality = np.zeros((count, 5), np.float32)
    quality[:, 4] = scores
    times = np.asarray(pts if pts is not None else range(0, count * 40, 40), np.int64)
    facts = msgspec.structs.replace(
        blank.facts, frames=count, time_base=(1, 1000), duration_s=count * 0.04, fps=25.0
    )
    return FrameIndex(
        facts,
        times,
        np.ones(count, bool),
        np.arange(count).astype(np.uint64),
        np.zeros((0, 2), np.int64),
        np.arange(count, dtype=np.int64),
        quality,
    )


def test_equal_frames_are_spread_over_the_clip(blank: FrameIndex) -> None:
    picked = pick_frames(with_scores(blank, [0.8] * 100), 0, 3960, 5)
    assert len(picked) == 5
    assert np.diff(picked).min() > 400


def test_bad_frames_are_passed_over(blank: FrameIndex) -> None:
    scores = [0.05] * 100
    good = [3, 22, 40, 61, 80, 97]
    for number in good:
        scores[number] = 0.9
    assert pick_frames(with_scores(blank, scores), 0, 3960, 6) == [40 * number for number in good]


def test_marked_frames_come_first_and_draw_others_near(blank: FrameIndex) -> None:
    index = with_scores(blank, [0.8] * 200)
    picked = pick_frames(index, 0, 7960, 6, near=[4000, 99_999])
    assert 4000 in picked
    plain = pick_frames(index, 0, 7960, 6)
    assert np.abs(np.array(picked) - 4000).mean() < np.abs(np.array(plain) - 4000).mean()
    marked = [400, 800, 1200, 1600]
    assert pick_frames(index, 0, 7960, 2, near=marked)[0] in marked
    assert pick_frames(index, 0, 7960, 4, near=marked) == marked


def test_short_clips_give_what_they_have(blank: FrameIndex) -> None:
    index = with_scores(blank, [0.5] * 50)
    assert pick_frames(index, 400, 480, 8) == [400, 440, 480]
    assert pick_frames(index, 400, 400, 8) == [400]
    with pytest.raises(PolypTraceError) as caught:
        pick_frames(index, 401, 420, 3)
    assert caught.value.code == "clip-empty"


def test_frames_that_were_not_measured_fill_a_short_clip(films: Callable[[str], Path]) -> None:
    index = scan(films("h264-cfr-mp4"), "0" * 64).index
    assert len(index.sampled) == 60
    six = [int(pts) for pts in index.pts[10:16]]
    assert pick_frames(index, six[0], six[-1], 6) == six
    assert frame_scores(index)[10] == pytest.approx(float(index.quality[5, 4]))


def test_without_time_stamps_there_are_no_clips(blank: FrameIndex) -> None:
    index = with_scores(blank, [0.5] * 3, pts=[NO_PTS, NO_PTS, NO_PTS])
    with pytest.raises(PolypTraceError) as caught:
        pick_frames(index, 0, 100, 3)
    assert caught.value.code == "time-no-stamps"


@settings(max_examples=80, deadline=None)
@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=40),
    gaps=st.lists(st.integers(0, 90), min_size=40, max_size=40),
    k=st.integers(1, 12),
    near=st.lists(st.integers(-50, 2000), max_size=4),
    data=st.data(),
)
def test_picks_are_frames_of_the_clip_each_once_and_always_the_same(
    blank: FrameIndex, scores: list[float], gaps: list[int], k: int, near: list[int], data: st.DataObject
) -> None:
    pts = np.cumsum(gaps[: len(scores)]).tolist()
    index = with_scores(blank, scores, pts)
    first = data.draw(st.sampled_from(pts))
    last = data.draw(st.sampled_from([time for time in pts if time >= first]))
    picked = pick_frames(index, first, last, k, near)
    inside = {time for time in pts if first <= time <= last}
    assert picked == sorted(set(picked))
    assert set(picked) <= inside
    assert len(picked) == min(k, len(inside))
    assert picked == pick_frames(index, first, last, k, near)


@settings(max_examples=60, deadline=None)
@given(gaps=st.lists(st.integers(1, 90), min_size=2, max_size=40), data=st.data())
def test_the_frame_shown_at_a_time_is_the_last_that_began(
    blank: FrameIndex, gaps: list[int], data: st.DataObject
) -> None:
    pts = np.cumsum(gaps).tolist()
    index = with_scores(blank, [0.5] * len(pts), pts)
    time = data.draw(st.integers(pts[0], pts[-1]))
    assert frame_shown_at(time, index) == sum(start <= time for start in pts) - 1


def test_facts_follow_from_the_time_stamps() -> None:
    from fractions import Fraction

    def facts(pts: list[int], last: int = 0) -> tuple[float, float, bool]:
        summary = PassSummary(
            "0" * 64, 1, np.asarray(pts, np.int64), last, Fraction(1, 1000), 25.0, (8, 8), 0, Fraction(1),
            "h264", "mp4", False, False, 1, 1, False, False, "frame",
        )  # fmt: skip
        made = make_facts(summary, whole_frame(8, 8), (), (), np.zeros((0, 5), np.float32))
        return made.duration_s, made.fps, made.constant_rate

    assert facts([0, 40, 80, 120]) == (0.16, 25.0, True)
    assert facts([0, 33, 67, 100]) == (0.133, 30.0, True)
    assert facts([0, 40, 240], last=100) == (0.34, pytest.approx(2 / 0.24), False)
    assert facts([NO_PTS] * 50) == (2.0, 25.0, True)
    assert facts([77]) == (0.04, 25.0, True)
