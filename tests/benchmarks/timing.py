"""Fair timing: ours, peer, ours, peer …, the median of several, and what the machine can do at most."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
STORY = ROOT / "tests" / "story"
for folder in (str(ROOT), str(STORY)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

Work = Callable[[], Any]


class Size(NamedTuple):
    """How much is measured: ``quick`` is a smoke run in seconds whose times mean nothing."""

    quick: bool

    def of(self, whole: int, quick: int) -> int:
        """A count for the whole run and one for the smoke run."""
        return quick if self.quick else whole

    @property
    def rounds(self) -> int:
        """How often each side is timed."""
        return 2 if self.quick else 7


def seconds(work: Work) -> float:
    """How long one call takes, by the clock."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def paired(*works: Work, rounds: int, warm: int = 1) -> list[list[float]]:
    """Times the works in turn, round by round, after some rounds that don't count: seconds[work][round]."""
    for _ in range(warm):
        for work in works:
            work()
    times: list[list[float]] = [[] for _ in works]
    for number in range(rounds):
        # Every second round runs backwards, so that none always follows the same neighbour.
        order = range(len(works)) if number % 2 == 0 else reversed(range(len(works)))
        for at in order:
            times[at].append(seconds(works[at]))
    return times


def middle(times: list[float], per: float = 1.0) -> float:
    """The median in milliseconds, divided by ``per``."""
    return median(times) * 1000 / per


def ratio(above: list[float], below: list[float]) -> float:
    """The median of the rounds' own ratios: what slows a whole round down doesn't count."""
    return median(a / b for a, b in zip(above, below, strict=True))


def percentile(times: list[float], share: float = 95) -> float:
    """A percentile of times, in milliseconds."""
    return float(np.percentile(np.asarray(times), share)) * 1000


def sgemm(side: int) -> tuple[Work, int]:
    """A square matrix product in single precision, by torch where that is loaded, and its operations.

    It is timed in turn with what it limits, so that both have the same machine.
    """
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((side, side), dtype=np.float32) for _ in range(2))
    if "torch" in sys.modules:
        import torch

        x, y = torch.from_numpy(a), torch.from_numpy(b)
        return lambda: torch.mm(x, y), 2 * side**3
    return lambda: a @ b, 2 * side**3


def read_once(array: np.ndarray[Any, Any]) -> Work:
    """A pass over an array that does nothing but read it, on all cores: the memory's limit."""
    flat = array.reshape(-1).view(np.int64)
    parts = np.array_split(flat, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(len(parts))
    return lambda: list(pool.map(np.bitwise_or.reduce, parts))
