"""Which tracklets are only measured on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from core.data.tracklets.values import Tracklet

_LEAST = 20
"""With fewer tracklets all are learnt from."""
_LEAST_FILMS = 5


def hold_out(tracklets: Sequence[Tracklet], share: float, seed: int) -> tuple[list[Tracklet], list[Tracklet]]:
    """Tracklets to learn from and tracklets to measure on, each in their order.

    Whole films are held back where there are enough: neighbouring frames are all too alike.

    Args:
        tracklets: all of them; with fewer than 20 none is held back.
        share: of the tracklets, 0…0.5.
        seed: of the choice.
    """
    wanted = round(share * len(tracklets))
    if len(tracklets) < _LEAST or wanted < 2:
        return list(tracklets), []
    films = [tracklet.film for tracklet in tracklets]
    groups = films if len(set(films)) >= _LEAST_FILMS else [str(number) for number in range(len(films))]
    sizes = Counter(groups)
    held: set[str] = set()
    count, order = 0, list(sizes)
    for at in np.random.default_rng([seed, 6]).permutation(len(order)):
        if count >= wanted:
            break
        held.add(order[at])
        count += sizes[order[at]]
    train = [one for one, group in zip(tracklets, groups, strict=True) if group not in held]
    return train, [one for one, group in zip(tracklets, groups, strict=True) if group in held]
