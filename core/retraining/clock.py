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
        expected: seconds of each stage, in their order; None = nobody knows until it is measured.
        now: seconds that only go up.
    """

    def __init__(
        self, expected: Mapping[str, float | None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._expected, self._now = dict(expected), now
        self._stage, self._began, self._first = "", 0.0, 0
        self._limit: float | None = None

    def limit(self, seconds: float | None) -> None:
        """The present stage ends in so many seconds at the latest; None = nobody knows."""
        self._limit = None if seconds is None else self._now() + max(0.0, seconds)

    def left(self, step: Progress) -> float | None:
        """Seconds until the end of the last stage; None while nobody knows."""
        now = self._now()
        if step.stage != self._stage:
            self._stage, self._began, self._first = step.stage, now, step.done
            self._limit = None
        names = list(self._expected)
        later = names[names.index(step.stage) + 1 :] if step.stage in names else []
        stages = [self._of_stage(step, now), *(self._expected[name] for name in later)]
        known = [seconds for seconds in stages if seconds is not None]
        return sum(known) if len(known) == len(stages) else None

    def telling(self, sink: ProgressSink) -> ProgressSink:
        """A sink that passes progress on with the time left."""

        def tell(step: Progress) -> None:
            left = self.left(step)
            sink(msgspec.structs.replace(step, left_s=None if left is None else round(left, 1)))

        return tell

    def _of_stage(self, step: Progress, now: float) -> float | None:
        spent, done = now - self._began, step.done - self._first
        expected = self._expected.get(step.stage, 0.0)
        left = None if expected is None else max(0.0, expected - spent)
        if step.total and done > 0 and spent > _SURE_S:
            left = spent * (step.total - step.done) / done
        if self._limit is not None:
            limit = max(0.0, self._limit - now)
            left = limit if left is None else min(left, limit)
        return left
