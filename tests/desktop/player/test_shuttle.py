"""Playing against a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from desktop.player.film import Film
from desktop.player.shuttle import Pace, Shuttle, faster


@pytest.fixture
def film(video: Any) -> Film:
    return Film(video.index)


def shown(pace: Pace, first: int, seconds: float, every: float = 0.005) -> list[int]:
    """What a screen shows that always gets its frame at once."""
    seen = [first]
    for turn in range(round(seconds / every) + 1):
        number = pace.due(turn * every + 1e-9)
        if number != seen[-1]:
            seen.append(number)
    return seen


@pytest.mark.parametrize(
    ("rate", "first", "expected"),
    [
        (1.0, 10, list(range(10, 36))),
        (-1.0, 60, list(range(60, 34, -1))),
        (2.0, 10, list(range(10, 61))),
        (0.25, 10, list(range(10, 17))),
        (4.0, 0, list(range(0, 101, 2))),
        (-8.0, 119, [*range(119, -1, -4), 0]),
        (8.0, 100, [100, 104, 108, 112, 116, 119]),
    ],
)
def test_one_second_at_each_speed(film: Film, rate: float, first: int, expected: list[int]) -> None:
    seen = shown(Pace(film, first, rate, 0.0), first, 1.0)
    assert seen == list(dict.fromkeys(expected))


def test_uneven_frames_stand_as_long_as_their_times_say(make_video: Callable[..., Any]) -> None:
    gaps = [40, 40, 500, 20, 300, 40, 40]
    times = [sum(gaps[:k]) for k in range(len(gaps) + 1)]
    film = Film(make_video("gaps", frames=len(times), pts=times).index)
    pace = Pace(film, 0, 1.0, 0.0)
    assert [pace.due(t / 1000 + 1e-6) for t in times] == list(range(8))
    assert pace.due(0.5) == 2
    assert pace.wait(2, 0.1) == pytest.approx(0.48)


def test_a_slow_picture_drops_frames_and_far_too_slow_ones_stop_the_clock(film: Film) -> None:
    pace = Pace(film, 0, 1.0, 0.0)
    assert pace.due(0.2) == 5  # four frames left out
    pace.shown(5, 0.24)
    assert pace.due(0.40) == 10  # the clock went on
    pace.shown(10, 2.0)
    assert pace.due(2.04 + 1e-6) == 11  # it waited 1.6 s


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_next_frame_is_not_asked_for_before_the_last_came(film: Film, qtbot: QtBot) -> None:
    clock, asked = Clock(), []
    shuttle = Shuttle(now=clock)
    shuttle.due.connect(lambda number, _step: asked.append(number))
    shuttle.play(film, 0, 1.0)
    clock.now = 0.05
    qtbot.waitUntil(lambda: asked == [1])
    clock.now = 0.2
    qtbot.wait(60)
    assert asked == [1]
    shuttle.came(7)
    qtbot.wait(30)
    assert asked == [1]
    shuttle.came(1)
    qtbot.waitUntil(lambda: asked == [1, 5])
    shuttle.stop()
    shuttle.came(5)
    qtbot.wait(60)
    assert asked == [1, 5]


def test_it_ends_at_the_last_frame_and_says_so(film: Film, qtbot: QtBot) -> None:
    clock, shuttle, changes = Clock(), Shuttle(), []
    shuttle = Shuttle(now=clock)
    shuttle.changed.connect(lambda: changes.append(shuttle.rate))
    shuttle.due.connect(lambda number, _step: shuttle.came(number))
    shuttle.play(film, 110, 1.0)
    clock.now = 5.0
    qtbot.waitUntil(lambda: shuttle.rate == 0)
    assert changes == [1.0, 0]
    shuttle.play(film, 119, 1.0)
    assert shuttle.rate == 0


def test_j_and_l() -> None:
    rates = [0.0]
    for forward in (True, True, True, True, True, False, False, True):
        rates.append(faster(rates[-1], forward, 1.0))
    assert rates == [0, 1, 2, 4, 8, 8, -1, -2, 1]
    assert faster(0, False, 0.5) == -0.5
