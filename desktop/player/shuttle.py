"""Playing: which frame is due when, forwards and backwards at several speeds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from desktop.player.film import Film

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_LEAST_TICK_S = 0.016
"""Frames that would come faster than a screen shows them are left out, evenly."""
_MOST_LAG_S = 0.25
"""So far, in seconds of the clock, the picture may fall behind before the clock waits for it."""


class Pace:
    """The time of the film against the clock.

    Args:
        film: the video.
        number: the frame from which it plays.
        rate: seconds of film a second; backwards is negative.
        now: seconds of a clock.
    """

    def __init__(self, film: Film, number: int, rate: float, now: float) -> None:
        self._film, self.rate = film, rate
        self._from, self._since = number, now
        self.stride = max(1, math.ceil(abs(rate) * film.fps * _LEAST_TICK_S - 1e-9))

    @property
    def step(self) -> int:
        """Frames from one that is shown to the next; backwards is negative."""
        return self.stride if self.rate > 0 else -self.stride

    def due(self, now: float) -> int:
        """The number of the frame that should be shown now."""
        film, at = self._film, self._at(now)
        goal = film.at_seconds(at) if self.rate > 0 else film.from_seconds(at)
        if goal == self.end:
            return goal
        return self._from + (goal - self._from) // self.step * self.step

    def wait(self, number: int, now: float) -> float:
        """Seconds until the frame after this one is due; 0 when it is late."""
        following = self._film.clamp(number + self.step)
        return max(0.0, (self._film.seconds(following) - self._at(now)) / self.rate)

    def shown(self, number: int, now: float) -> None:
        """A frame came. One that came far too late stops the clock meanwhile: frames can't be made up."""
        if abs(self._at(now) - self._film.seconds(number)) > _MOST_LAG_S * abs(self.rate):
            self._from, self._since = number, now

    @property
    def end(self) -> int:
        """The number of the frame at which playing ends."""
        return self._film.last if self.rate > 0 else 0

    def _at(self, now: float) -> float:
        return self._film.seconds(self._from) + self.rate * (now - self._since)


class Shuttle(QObject):
    """Plays: says which frame is due, and waits until it came before the next one.

    ``number`` is the frame that came last, or from which it plays.

    Signals:
        due(int, int): this frame should be shown, and the step by which the next ones follow.
        changed(): it began or ended to play, or plays at another speed.
    """

    due = Signal(int, int)
    changed = Signal()

    def __init__(self, parent: QObject | None = None, now: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(parent)
        self._now = now
        self._pace: Pace | None = None
        self.number = 0
        self._waiting: int | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    @property
    def rate(self) -> float:
        """Seconds of film a second; 0 when it doesn't play."""
        return self._pace.rate if self._pace is not None else 0.0

    def play(self, film: Film, number: int, rate: float) -> None:
        """Plays from the frame that is shown; does nothing where there is nothing more to play."""
        pace = Pace(film, number, rate, self._now())
        if number == pace.end:
            self.stop()
            return
        self._pace, self.number, self._waiting = pace, number, None
        self.changed.emit()
        self._schedule()

    def stop(self) -> None:
        """Stops at the frame that is shown."""
        playing, self._pace, self._waiting = self._pace is not None, None, None
        self._timer.stop()
        if playing:
            self.changed.emit()

    def came(self, number: int) -> None:
        """The frame that was due is shown, or can't be given."""
        if self._pace is None or number != self._waiting:
            return
        self._waiting, self.number = None, number
        if number == self._pace.end:
            self.stop()
        else:
            self._pace.shown(number, self._now())
            self._schedule()

    def _schedule(self) -> None:
        if self._pace is not None:
            self._timer.start(math.ceil(1000 * self._pace.wait(self.number, self._now())))

    def _tick(self) -> None:
        if self._pace is None or self._waiting is not None:
            return
        number = self._pace.due(self._now())
        if number == self.number:
            self._schedule()
        else:
            self._waiting = number
            self.due.emit(number, self._pace.step)


def faster(rate: float, forward: bool, first: float) -> float:
    """The rate after J or L was pressed: the first speed, then twice as fast each time, up to the fastest."""
    if rate == 0 or (rate > 0) != forward:
        return first if forward else -first
    doubled = min(abs(rate) * 2, SPEEDS[-1])
    return doubled if forward else -doubled
