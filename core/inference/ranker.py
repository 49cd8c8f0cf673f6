"""Exact nearest neighbours by cosine. Below a million vectors no approximate index is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import PolypTraceError

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

Vectors = npt.NDArray[np.float32]

_BLOCK_ROWS = 65_536
"""At 16 384 one query against 100 000 vectors took twice as long (``tests/benchmarks``, row topk)."""
_SIEVE_ERROR = np.float32(1e-5)
"""Well above what single precision can be wrong by in a cosine."""
_DECIMALS = 12


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
    best = np.empty((len(queries), 0), dtype=np.float64)
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
        tops = [_top_of(query, block, row, top) for query, row in zip(wanted, scores, strict=True)]
        best = np.concatenate([best, [values for _, values in tops]], axis=1)
        places = np.concatenate([places, [inside + start for inside, _ in tops]], axis=1)
        # Both halves stand best first with ties in gallery order, and the kept half comes earlier in the
        # gallery, so a stable sort keeps the order.
        keep = np.argsort(-best, axis=1, kind="stable")[:, :top]
        best, places = np.take_along_axis(best, keep, axis=1), np.take_along_axis(places, keep, axis=1)
    return places, best.astype(np.float32)


def _top_of(
    query: Vectors, block: Vectors, scores: Vectors, top: int
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Rows of the block with the ``top`` highest scores, best first, ties by row; and their exact scores.

    The matrix product is only a sieve: it may give two equal rows scores that differ in the last bit, since
    rows at a block's end are summed in another order. What comes near the border is scored again, every row
    the same way and in double precision.
    """
    candidates = np.arange(len(scores))
    if len(scores) > top:
        border = np.partition(scores, len(scores) - top)[len(scores) - top]
        candidates = np.flatnonzero(scores >= border - _SIEVE_ERROR)
    exact = np.einsum("nd,d->n", block[candidates].astype(np.float64), query.astype(np.float64))
    order = np.argsort(-np.round(exact, _DECIMALS), kind="stable")[:top]
    return candidates[order].astype(np.int64), np.round(exact[order], _DECIMALS)


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
