"""In and out marks, and which box belongs to which frame."""

from __future__ import annotations

import pytest

from core.domain import Box, Clip
from core.errors import PolypTraceError
from desktop.player.boxes import Boxes
from desktop.player.marks import Marks


def test_in_never_lies_after_out() -> None:
    assert Marks().with_in(5).with_out(9) == Marks(5, 9)
    assert Marks(5, 9).with_in(10) == Marks(10, None)
    assert Marks(5, 9).with_out(4) == Marks(None, 4)
    assert Marks(5, 9).with_in(9) == Marks(9, 9)


def test_the_playhead_closes_an_open_end() -> None:
    assert Marks(5).closed_at(8).ends() == (5, 8)
    assert Marks(5, 6).closed_at(8).ends() == (5, 6)
    for open_marks in (Marks(5).closed_at(4), Marks(5).closed_at(None), Marks(None, 8).closed_at(9)):
        with pytest.raises(PolypTraceError, match="first and its last"):
            open_marks.ends()


ONE, TWO = Box(1, 1, 10, 10, 100), Box(5, 5, 10, 10, 200)
WHOLE = Box(9, 9, 9, 9)


def test_the_box_of_the_frame_and_the_nearest_one() -> None:
    boxes = Boxes()
    boxes.show(Clip(1, 1, 1, 1, 50, 300, (ONE, TWO)))
    assert boxes.on(100) == ONE
    assert boxes.on(120) is None
    assert boxes.near(140) == ONE
    assert boxes.near(160) == TWO
    assert boxes.near(49) is None
    assert boxes.near(301) is None


def test_what_is_drawn_counts_until_the_clip_is_shown_anew() -> None:
    boxes, drawn = Boxes(), Box(2, 2, 20, 20)
    clip = Clip(1, 1, 1, 1, 50, 300, (ONE, TWO))
    boxes.show(clip)
    boxes.put(150, drawn)
    boxes.put(200, None)
    assert boxes.on(150) == drawn
    assert boxes.on(200) is None
    assert list(boxes.marked) == [100, 150]
    boxes.show(clip)
    assert list(boxes.marked) == [100, 200]


def test_a_box_without_a_time_stands_for_the_whole_clip() -> None:
    boxes = Boxes()
    boxes.show(Clip(1, 1, 1, 1, 50, 300, (WHOLE,)))
    assert boxes.on(60) is None
    assert boxes.near(60) == WHOLE
    boxes.put(70, ONE)
    assert boxes.near(299) == ONE
