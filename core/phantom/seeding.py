"""One way to make random streams: the same seed and names give the same numbers on every machine."""

from __future__ import annotations

import zlib

import numpy as np

Rng = np.random.Generator


def stream(seed: int, *names: int | str) -> Rng:
    """A random stream of its own for what ``names`` describe, e.g. ``stream(7, "patient", 3, "exam", 1)``.

    Streams of other names are independent, so that adding a draw in one place leaves all others as they were.
    """
    words = [zlib.crc32(name.encode()) if isinstance(name, str) else name & 0xFFFFFFFF for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed & 0xFFFFFFFF, *words]))


def pick(rng: Rng, weights: dict[str, float]) -> str:
    """One key of ``weights``, drawn in proportion to its weight (they need not add up to 1)."""
    names = list(weights)
    share = np.array([weights[name] for name in names], dtype=float)
    return names[int(rng.choice(len(names), p=share / share.sum()))]


def draw_seed(rng: Rng) -> int:
    """A seed for something that is built elsewhere (a colon, a lesion's surface), 31 bits."""
    return int(rng.integers(2**31))
