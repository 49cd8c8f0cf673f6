"""Exact ranking against a full stable sort, with ties, blocks and memory-mapped files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PolypTraceError
from core.inference import ranker
from core.inference.ranker import rank, rank_many


def unit(rows: int, width: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def by_sorting(query: np.ndarray, gallery: np.ndarray, top: int) -> np.ndarray:
    return np.argsort(-(gallery @ query), kind="stable")[:top]


@pytest.mark.parametrize("top", [1, 7, 100, 5000])
@pytest.mark.parametrize("block", [1, 64, 999, 1000, 16_384])
def test_same_as_a_full_sort(monkeypatch: pytest.MonkeyPatch, top: int, block: int) -> None:
    monkeypatch.setattr(ranker, "_BLOCK_ROWS", block)
    if block == 1:
        top = min(top, 7)  # a thousand blocks of one row: only the merging matters here
    gallery, query = unit(1000, 16, 0), unit(1, 16, 1)[0]
    places, scores = rank(query, gallery, top)
    assert places.tolist() == by_sorting(query, gallery, top).tolist()
    np.testing.assert_allclose(scores, (gallery @ query)[places], atol=1e-6)
    assert len(places) == min(top, 1000)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=50), st.integers(1, 60), st.integers(1, 60))
def test_ties_stand_in_gallery_order(levels: list[int], top: int, block: int) -> None:
    gallery = np.array(levels, dtype=np.float32)[:, None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranker, "_BLOCK_ROWS", block)
        places, _ = rank(np.ones(1, dtype=np.float32), gallery, top)
    assert places.tolist() == by_sorting(np.ones(1), gallery, top).tolist()


@pytest.mark.parametrize("top", [1, 3, 10])
def test_copies_of_one_vector_stand_in_gallery_order(top: int) -> None:
    """A matrix product alone may score them apart in the last bit, by where in the block they stand."""
    gallery = unit(1003, 128, 6)
    copies = [2, 500, 998, 1000, 1002]
    queries = unit(40, 128, 7) * 0.1 + gallery[2]
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    gallery[copies] = gallery[2]
    places, scores = rank_many(queries.astype(np.float32), gallery, top)
    assert (places[:, :5] == copies[:top]).all()
    assert (scores[:, :5] == scores[:, :1]).all()


def test_memory_mapped_half_precision(tmp_path: Path) -> None:
    gallery, query = unit(300, 8, 2), unit(1, 8, 3)[0]
    stored = np.memmap(tmp_path / "vectors.f16", dtype=np.float16, mode="w+", shape=gallery.shape)
    stored[:] = gallery
    stored.flush()
    opened = np.memmap(tmp_path / "vectors.f16", dtype=np.float16, mode="r", shape=gallery.shape)
    places, scores = rank(query, opened, 5)
    assert places.tolist() == by_sorting(query, gallery.astype(np.float16).astype(np.float32), 5).tolist()
    assert scores.dtype == np.float32


def test_many_is_one_by_one() -> None:
    gallery, queries = unit(200, 8, 4), unit(5, 8, 5)
    places, scores = rank_many(queries, gallery, 9)
    for at, query in enumerate(queries):
        alone = rank(query, gallery, 9)
        assert places[at].tolist() == alone[0].tolist()
        np.testing.assert_allclose(scores[at], alone[1], atol=1e-6)


def test_an_empty_gallery_ranks_nothing() -> None:
    places, scores = rank(np.ones(4, dtype=np.float32), np.empty((0, 4), dtype=np.float32), 3)
    assert places.shape == scores.shape == (0,)


@pytest.mark.parametrize(
    ("query", "gallery", "top", "code"),
    [
        (np.ones(3), np.ones((2, 4)), 1, "rank-shape"),
        (np.ones((1, 4)), np.ones((2, 4)), 1, "rank-shape"),
        (np.ones(4), np.ones((2, 4)), 0, "rank-top"),
        (np.ones(4), np.full((2, 4), np.nan), 1, "rank-not-finite"),
    ],
)
def test_refused_in_words(query: np.ndarray, gallery: np.ndarray, top: int, code: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        rank(query, gallery, top)
    assert caught.value.code == code
