"""Times as people type them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import PolypTraceError
from core.video.index import FrameIndex
from core.video.scan import scan
from core.video.times import frame_at_seconds, parse_time


@pytest.fixture(scope="module")
def index(films: Callable[[str], Path]) -> FrameIndex:
    """120 frames at 25 a second, 512 ticks apart."""
    return scan(films("h264-cfr-mp4"), "0" * 64, survey=False).index


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("0s", 0),
        ("512", 1),
        ("1023", 1),
        ("1.2", 30),
        ("1.2s", 30),
        (" 3s ", 75),
        ("0:01.2", 30),
        ("00:00:03", 75),
        ("1.239", 30),
        ("1.24", 31),
        ("4.76", 119),
    ],
)
def test_a_time_names_the_frame_that_is_shown_then(index: FrameIndex, text: str, number: int) -> None:
    assert parse_time(text, index) == number


@pytest.mark.parametrize("text", ["soon", "", "1:75", "1,5", "-2s", "1e3", "nan"])
def test_what_is_no_time_is_refused(index: FrameIndex, text: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        parse_time(text, index)
    assert caught.value.code == "time-unreadable"


@pytest.mark.parametrize("text", ["999999999", "-512", "4.9", "1:00:00"])
def test_what_lies_outside_is_refused(index: FrameIndex, text: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        parse_time(text, index)
    assert caught.value.code == "time-out-of-range"


def test_printed_seconds_lead_back_to_their_frame(films: Callable[[str], Path]) -> None:
    for name in ("h264-cfr-mp4", "h264-vfr-mkv", "edit-list-cut", "wrapped-ts", "h264-elementary"):
        index = scan(films(name), "0" * 64, survey=False).index
        for number in range(len(index)):
            assert frame_at_seconds(float(f"{index.seconds(number):.3f}"), index) == number
            pts = index.pts_of(number)
            if pts is not None and pts != 0:
                assert parse_time(str(pts), index) == number
