"""How much time is left, over several stages of which only the present one can be measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from core.progress import Progress, ProgressSink

_SURE_S = 3.0
"""So long a stage is only expected; then its own pace counts."""


class Clock:
    """Adds the time left to progress.

    Args:
        expected: seconds of each stage, in their order.
        now: seconds that only go up.
    """

    def __init__(self, expected: Mapping[str, float], now: Callable[[], float] = time.monotonic) -> None:
        self._expected, self._now = dict(expected), now
        self._stage, self._began, self._first = "", 0.0, 0
        self._limit: float | None = None

    def limit(self, seconds: float | None) -> None:
        """The present stage ends in so many seconds at the latest; None = nobody knows."""
        self._limit = None if seconds is None else self._now() + max(0.0, seconds)

    def left(self, step: Progress) -> float:
        """Seconds until the end of the last stage."""
        now = self._now()
        if step.stage != self._stage:
            self._stage, self._began, self._first = step.stage, now, step.done
            self._limit = None
        names = list(self._expected)
        later = names[names.index(step.stage) + 1 :] if step.stage in names else []
        return self._of_stage(step, now) + sum(self._expected[name] for name in later)

    def telling(self, sink: ProgressSink) -> ProgressSink:
        """A sink that passes progress on with the time left."""
        return lambda step: sink(msgspec.structs.replace(step, left_s=round(self.left(step), 1)))

    def _of_stage(self, step: Progress, now: float) -> float:
        spent, done = now - self._began, step.done - self._first
        left = max(0.0, self._expected.get(step.stage, 0.0) - spent)
        if step.total and done > 0 and spent > _SURE_S:
            left = spent * (step.total - step.done) / done
        if self._limit is not None:
            left = min(left, max(0.0, self._limit - now))
        return left
