"""Equal vectors have equal scores, whatever the matrix product makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation import scores
from core.evaluation.metrics import all_hit_ranks
from core.evaluation.scores import score_blocks


def unit(rows: int, width: int, dtype: type, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, width))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("queries", [1, 17, 100])
def test_copies_have_one_score(dtype: type, queries: int) -> None:
    gallery = unit(1003, 128, dtype)
    copies = [3, 500, 998, 1000, 1002]
    gallery[copies] = gallery[0]
    query = unit(queries, 128, dtype, seed=1)
    block = np.concatenate([part for _, part in score_blocks(query, gallery)])
    assert (block[:, copies] == block[:, :1]).all()
    np.testing.assert_allclose(block, query @ gallery.T, atol=1e-6)
    ranks = all_hit_ranks(
        query, gallery, ["x"] * queries, ["x" if at in (0, 1002) else "y" for at in range(1003)]
    )
    # Between the first copy and the last one stand the four others, and nothing else.
    assert [own[1] - own[0] for own in ranks] == [5] * queries


def test_parallel_rows_are_equal_in_double_precision() -> None:
    gallery = np.array([[3.0, 4.0], [0.3, 0.4], [30.0, 40.0], [6.0, 8.0], [0.0, -0.0]])
    gallery /= np.maximum(np.linalg.norm(gallery, axis=1, keepdims=True), 1e-9)
    [(_, block)] = list(score_blocks(np.array([[0.1, 0.99]]), gallery))
    assert len(set(block[0, :4].tolist())) == 1


def test_blocks_cover_every_query_once(monkeypatch: pytest.MonkeyPatch) -> None:
    query, gallery = unit(7, 4, np.float32), unit(5, 4, np.float32, seed=1)
    monkeypatch.setattr(scores, "_BLOCK_BYTES", 5 * 4 * 3)
    parts = list(score_blocks(query, gallery))
    assert [(start, len(block)) for start, block in parts] == [(0, 3), (3, 3), (6, 1)]
    np.testing.assert_allclose(np.concatenate([block for _, block in parts]), query @ gallery.T, atol=1e-6)


def test_an_empty_gallery() -> None:
    [(_, block)] = list(score_blocks(np.ones((2, 3), dtype=np.float32), np.empty((0, 3), dtype=np.float32)))
    assert block.shape == (2, 0)
