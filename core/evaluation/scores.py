"""Cosines of queries and gallery in bounded memory, with true ties as ties.

A matrix product may give two equal gallery rows scores that differ in their last bit, because the rows at
the end of a block are summed in another order. Ties must stand in gallery order, so such rows get one score.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import PolypTraceError

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

_BLOCK_BYTES = 64 * 2**20
_DECIMALS = 12
"""Double precision is rounded to this: far above its error, far below any difference that means something."""


def score_blocks(query: Floats, gallery: Floats) -> Iterator[tuple[int, Floats]]:
    """Scores in blocks of queries, so that memory stays bounded.

    Args:
        query: (Q, d) vectors with L2-normalised rows.
        gallery: (N, d) vectors with L2-normalised rows.

    Yields:
        The first query of the block, and its (block, N) scores; equal gallery rows have equal scores. In
        double precision parallel rows of different rounding are equal, too.
    """
    rows = max(1, _BLOCK_BYTES // max(1, gallery.shape[0] * gallery.dtype.itemsize))
    copies, originals = _copies(gallery)
    for start in range(0, len(query), rows):
        scores = query[start : start + rows] @ gallery.T
        if len(copies):
            scores[:, copies] = scores[:, originals]
        yield start, np.round(scores, _DECIMALS) if scores.dtype == np.float64 else scores


def check_finite(*arrays: Floats) -> None:
    """Refuses vectors or scores that can't be ranked: nothing stands before a NaN, so it would be first.

    Raises:
        PolypTraceError: ``evaluation-not-finite``.
    """
    if not all(np.isfinite(array).all() for array in arrays):
        raise PolypTraceError(
            "evaluation-not-finite",
            "Some vectors hold values that aren't numbers, so they can't be ranked.",
            "Check the model or the file that the vectors come from.",
        )


def _copies(gallery: Floats) -> tuple[Ints, Ints]:
    """Places of rows that stood in the gallery before, and the places where each stood first."""
    if not gallery.size:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    # Rows that differ in the first column need no further look.
    _, number, times = np.unique(gallery[:, 0], return_inverse=True, return_counts=True)
    first: dict[bytes, int] = {}
    found: list[tuple[int, int]] = []
    for place in np.flatnonzero(times[number] > 1).tolist():
        original = first.setdefault((gallery[place] + 0).tobytes(), place)  # + 0 makes -0.0 a 0.0
        if original != place:
            found.append((place, original))
    pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
