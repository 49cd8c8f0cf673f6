"""Learning-rate schedule: warm-up, then a cosine down to zero, by steps or by the clock."""

from __future__ import annotations

import math


def run_share(step: int, steps: int, elapsed: float = 0.0, max_seconds: float | None = None) -> float:
    """How much of the run is over, 0…1: by steps, or by time where that is further on."""
    by_time = elapsed / max_seconds if max_seconds else 0.0
    return min(1.0, max(step / steps, by_time))


def rate_factor(share: float, warmup: float) -> float:
    """Factor on the highest learning rate at ``share`` of the run, 0…1.

    Never 0 in the warm-up, so that the first step already learns.
    """
    if share < warmup:
        return max(share / warmup, 0.01)
    return 0.5 * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup)))
