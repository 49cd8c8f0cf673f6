"""Times and numbers of a video's frames as the window uses them, against the index they come from."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.video.scan import scan
from core.video.times import frame_at_seconds, frame_shown_at, parse_time
from desktop.player.film import BINS, Film, clock


def uneven(count: int) -> list[int]:
    rng, times = random.Random(5), [0]
    while len(times) < count:
        times.append(times[-1] + rng.choice([17, 40, 41, 250]))
    return times


@pytest.fixture
def vfr(make_video: Callable[..., Any]) -> Any:
    return make_video("uneven", frames=90, pts=uneven(90))


def test_times_and_stamps_are_those_of_the_index(vfr: Any) -> None:
    film = Film(vfr.index)
    assert film.count == 90
    for number in range(film.count):
        assert film.seconds(number) == vfr.index.seconds(number)
        assert film.pts(number) == vfr.index.pts_of(number)
        assert film.number_at(film.pts(number) or 0) == number
        assert film.at_seconds(film.seconds(number)) == number
        assert film.from_seconds(film.seconds(number)) == number


def test_a_second_back_is_as_far_as_a_second_on(video: Any) -> None:
    film = Film(video.index)
    for number in range(25, film.count):
        assert film.at_seconds(film.seconds(number) - 1.0) == number - 25
        assert film.from_seconds(film.seconds(number) - 1.0) == number - 25
        assert film.at_seconds(film.seconds(number - 25) + 1.0) == number


def test_between_two_frames_the_earlier_is_shown(vfr: Any) -> None:
    film, rng = Film(vfr.index), random.Random(1)
    for _ in range(200):
        pts = rng.randrange(int(vfr.index.pts[-1]))
        assert film.number_at(pts) == frame_shown_at(pts, vfr.index)
        assert film.first_from(pts) in (film.number_at(pts), film.number_at(pts) + 1)
        assert (film.pts(film.first_from(pts)) or 0) >= pts


def test_beyond_the_ends_lie_the_first_and_the_last_frame(video: Any) -> None:
    film = Film(video.index)
    assert film.at_seconds(-1.0) == film.from_seconds(-1.0) == film.number_at(-9999) == 0
    assert film.at_seconds(1e9) == film.from_seconds(1e9) == film.number_at(10**12) == 119
    assert film.first_from(10**12) == 119


def test_frames_are_counted_where_times_are_missing(video: Any, tmp_path: Path) -> None:
    bare = tmp_path / "bare.h264"
    with av.open(str(video.path)) as src, av.open(str(bare), "w", format="h264") as out:
        inner = src.streams.video[0]
        outer = out.add_stream_from_template(inner)
        for packet in src.demux(inner):
            if packet.dts is not None:
                packet.stream = outer
                out.mux(packet)
    index = scan(bare, "0" * 64, survey=False).index
    film = Film(index)
    assert not film.has_stamps
    assert film.pts(3) is None
    assert film.count == 120
    assert film.seconds(50) == pytest.approx(50 / film.fps)
    assert film.at_seconds(film.seconds(50)) == 50


def test_frames_are_counted_where_times_start_over(video: Any, tmp_path: Path) -> None:
    joined = tmp_path / "joined.ts"
    parts = []
    for name in ("a.ts", "b.ts"):
        with av.open(str(video.path)) as src, av.open(str(tmp_path / name), "w") as out:
            inner = src.streams.video[0]
            outer = out.add_stream_from_template(inner)
            for packet in src.demux(inner):
                if packet.dts is not None:
                    packet.stream = outer
                    out.mux(packet)
        parts.append((tmp_path / name).read_bytes())
    joined.write_bytes(b"".join(parts))
    film = Film(scan(joined, "0" * 64, survey=False).index)
    times = [film.seconds(number) for number in range(film.count)]
    assert film.has_stamps
    assert film.count > 200
    assert times == sorted(times)
    assert times[-1] <= film.length


def test_the_quality_lane_follows_what_was_measured(video: Any) -> None:
    film, index = Film(video.index), video.index
    assert len(film.quality) == min(BINS, len(index.sampled))
    assert sum(film.quality) / len(film.quality) == pytest.approx(float(index.quality[:, 4].mean()), abs=0.02)
    assert film.score_at(film.seconds(int(index.sampled[7]))) == pytest.approx(
        float(index.quality[7, 4]), abs=0.3
    )


@given(st.floats(0, 90_000, allow_nan=False))
def test_a_time_is_written_with_thousandths(seconds: float) -> None:
    *hours, minutes, rest = clock(seconds).split(":")
    value = (int(hours[0]) if hours else 0) * 3600 + int(minutes) * 60 + float(rest)
    assert value == pytest.approx(seconds, abs=0.0005001)
    assert len(minutes) == 2
    assert len(rest) == 6


def test_the_command_line_reads_the_time_that_is_shown(vfr: Any) -> None:
    film = Film(vfr.index)
    for number in range(1, film.count):
        assert parse_time(clock(film.seconds(number)), vfr.index) == number
        assert frame_at_seconds(film.seconds(number), vfr.index) == number
