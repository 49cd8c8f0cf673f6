"""Exact nearest neighbours and retrieval metrics."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import numpy as np
from numpy.typing import NDArray
from table import Figure, Goal, Row
from timing import Size, middle, paired, ratio, read_once, seconds

from core.evaluation.metrics import retrieval_figures
from core.inference.ranker import rank, rank_many

Vectors = NDArray[np.float32]
TOP = 10


def _unit(rows: Vectors) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def topk(size: Size) -> list[Row]:
    """One query and 64 queries against 100 000 vectors of 768 numbers."""
    rng = np.random.default_rng(1)
    gallery = _unit(rng.standard_normal((size.of(100_000, 4_000), 768), dtype=np.float32))
    queries = _unit(rng.standard_normal((64, 768), dtype=np.float32))
    return [_single(gallery, queries[0], size), _batch(gallery, queries, size)]


def _naive(gallery: Vectors, query: Vectors) -> NDArray[np.int64]:
    return np.argsort(-np.dot(gallery, query))[:TOP]


def _recall(found: NDArray[np.int64], gallery: Vectors, queries: Vectors) -> float:
    """Share of the true nearest, by double precision, that were found."""
    truth = [np.argsort(-(gallery.astype(np.float64) @ q.astype(np.float64)))[:TOP] for q in queries[:8]]
    return float(np.mean([len(set(a) & set(b)) / TOP for a, b in zip(truth, found, strict=False)]))


def _single(gallery: Vectors, query: Vectors, size: Size) -> Row:
    ours, peer, once = paired(
        lambda: rank(query, gallery, TOP),
        lambda: _naive(gallery, query),
        read_once(gallery),
        rounds=3 * size.rounds,
        warm=2,
    )
    found = rank(query, gallery, TOP)[0][None]
    return Row(
        name="topk",
        work=f"exact top {TOP} of {len(gallery):,} × {gallery.shape[1]} float32",
        ours=Figure(middle(ours), "ms", "core.inference.ranker.rank"),
        peer=Figure(middle(peer), "ms", "np.dot + argsort; faiss: not installed"),
        limit=Figure(middle(once), "ms", "reading the array once, all cores"),
        goals=(
            Goal("ours / reading once", ratio(ours, once), 1.15),
            Goal("peer / ours", ratio(peer, ours), 1.0, least=True),
        ),
        checks={"recall is 1": _recall(found, gallery, query[None]) == 1.0},
    )


def _batch(gallery: Vectors, queries: Vectors, size: Size) -> Row:
    out = np.empty((len(queries), len(gallery)), np.float32)
    ours, peer, product = paired(
        lambda: rank_many(queries, gallery, TOP),
        lambda: [_naive(gallery, query) for query in queries],
        lambda: np.matmul(queries, gallery.T, out=out),
        rounds=size.of(3, 1),
    )
    found = rank_many(queries, gallery, TOP)[0]
    return Row(
        name="topk-64",
        work=f"the same for {len(queries)} queries at once",
        ours=Figure(middle(ours), "ms", "core.inference.ranker.rank_many"),
        peer=Figure(middle(peer), "ms", "np.dot + argsort, query by query"),
        limit=Figure(middle(product), "ms", "the matrix product alone"),
        goals=(Goal("ours / matrix product", ratio(ours, product), 2.0),),
        checks={"recall is 1": _recall(found, gallery, queries) == 1.0},
    )


def metrics(size: Size) -> list[Row]:
    """mAP and CMC of 1 000 queries against 20 000 pictures, 20 of each identity."""
    rng = np.random.default_rng(2)
    count, items = size.of(1000, 60), size.of(20_000, 900)
    identities = items // 20
    centres = rng.standard_normal((identities, 768), dtype=np.float32)
    of_gallery, of_query = rng.integers(0, identities, items), rng.integers(0, identities, count)

    def drawn(labels: NDArray[np.int64]) -> Vectors:
        return _unit(centres[labels] + 4 * rng.standard_normal((len(labels), 768), dtype=np.float32))

    gallery, query = drawn(of_gallery), drawn(of_query)
    ours, product = paired(
        lambda: retrieval_figures(query, gallery, of_query, of_gallery),
        lambda: query @ gallery.T,
        rounds=size.of(5, 2),
    )
    some = min(50, count)
    naive = [
        seconds(lambda: _loop(query[:some], gallery, of_query, of_gallery)) for _ in range(size.of(3, 1))
    ]
    scaled = median(naive) * count / some
    found = retrieval_figures(query[:some], gallery, of_query[:some], of_gallery)
    mean, first = _loop(query[:some], gallery, of_query, of_gallery)
    return [
        Row(
            name="metrics",
            work=f"mAP and CMC, {count:,} × {items:,}, 768 numbers",
            ours=Figure(middle(ours), "ms", "core.evaluation.metrics"),
            peer=Figure(
                scaled * 1000, "ms", f"plain loop, {some} queries scaled; fast-reid's: not installed"
            ),
            limit=Figure(middle(product), "ms", "the matrix product alone"),
            goals=(
                Goal("loop / ours", scaled * 1000 / middle(ours), 1.5, least=True),
                Goal("ours / matrix product", ratio(ours, product), 2.0),
            ),
            checks={
                "mAP as the loop's to 1e-6": abs((found.mean_average_precision or 0) - mean) < 1e-6,
                "rank 1 as the loop's": abs((found.rank1 or 0) - first) < 1e-6,
            },
            note="the goal of 1.5 is for fast-reid's Cython code, which isn't installed; printed is the loop",
        )
    ]


def _loop(
    query: Vectors, gallery: Vectors, ours: NDArray[np.int64], theirs: NDArray[np.int64]
) -> tuple[float, float]:
    """mAP and rank 1 as one would write them down."""
    precisions, firsts = [], []
    for number, vector in enumerate(query):
        order = np.argsort(-(gallery @ vector), kind="stable")
        right = theirs[order] == ours[number]
        if not right.any():
            continue
        hits, total = 0, 0.0
        for place, is_right in enumerate(right, start=1):
            if is_right:
                hits += 1
                total += hits / place
        precisions.append(total / hits)
        firsts.append(float(right[0]))
    return float(np.mean(precisions)), float(np.mean(firsts))


BENCHES: dict[str, Callable[[Size], list[Row]]] = {"topk": topk, "metrics": metrics}
