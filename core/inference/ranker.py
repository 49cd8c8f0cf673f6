"""Exact nearest neighbours by cosine. Below a million vectors no approximate index is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import PolypTraceError

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

_BLOCK_ROWS = 16_384


def rank(query: Floats, gallery: Floats, top: int) -> tuple[Ints, npt.NDArray[np.float32]]:
    """The ``top`` gallery items with the highest cosine to one query.

    Args:
        query: (d,) L2-normalised vector.
        gallery: (N, d) L2-normalised rows, float32 or float16; may be memory-mapped, it is read once in
            blocks.
        top: how many at most; at least 1.

    Returns:
        Positions (min(top, N),) and their scores, best first; equal scores stand in gallery order.

    Raises:
        PolypTraceError: see :func:`rank_many`.
    """
    if query.ndim != 1:
        raise PolypTraceError(
            "rank-shape", "A single query must be one vector.", "Use rank_many for several."
        )
    places, scores = rank_many(query[None], gallery, top)
    return places[0], scores[0]


def rank_many(queries: Floats, gallery: Floats, top: int) -> tuple[Ints, npt.NDArray[np.float32]]:
    """:func:`rank` for (Q, d) queries at once: positions and scores, both (Q, min(top, N)).

    Raises:
        PolypTraceError: ``top`` is below 1, the widths differ, or a score isn't a number.
    """
    _check(queries, gallery, top)
    wanted = np.ascontiguousarray(queries, dtype=np.float32)
    best = np.empty((len(queries), 0), dtype=np.float32)
    places = np.empty((len(queries), 0), dtype=np.int64)
    for start in range(0, len(gallery), _BLOCK_ROWS):
        block = np.asarray(gallery[start : start + _BLOCK_ROWS], dtype=np.float32)
        scores = wanted @ block.T
        if not np.isfinite(scores).all():
            raise PolypTraceError(
                "rank-not-finite",
                "Some stored vectors hold values that aren't numbers, so nothing was ranked.",
                "Index the clips again.",
            )
        inside = _top_of(scores, top)
        best = np.concatenate([best, np.take_along_axis(scores, inside, axis=1)], axis=1)
        places = np.concatenate([places, inside + start], axis=1)
        # Both halves stand best first with ties in gallery order, and the kept half comes earlier in the
        # gallery, so a stable selection keeps the order.
        keep = _top_of(best, top)
        best, places = np.take_along_axis(best, keep, axis=1), np.take_along_axis(places, keep, axis=1)
    return places, best


def _top_of(scores: npt.NDArray[np.float32], top: int) -> Ints:
    """Columns of the ``top`` highest scores of each row, best first, ties by column."""
    if scores.shape[1] <= top:
        return np.argsort(-scores, axis=1, kind="stable").astype(np.int64)
    return np.stack([_top_of_row(row, top) for row in scores])


def _top_of_row(row: npt.NDArray[np.float32], top: int) -> Ints:
    # A partition alone may drop the earlier one of equal scores at the border: take all that reach the
    # border.
    border = np.partition(row, len(row) - top)[len(row) - top]
    candidates = np.flatnonzero(row >= border)
    order = np.argsort(-row[candidates], kind="stable")[:top]
    return candidates[order].astype(np.int64)


def _check(queries: Floats, gallery: Floats, top: int) -> None:
    if top < 1:
        raise PolypTraceError(
            "rank-top", "A ranking needs at least one place.", "Ask for a top of 1 or more."
        )
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise PolypTraceError(
            "rank-shape",
            "The query and the stored vectors have different sizes, so they come from different models.",
            "Index the clips for the active model.",
        )
