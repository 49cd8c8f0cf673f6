"""Batches: nothing encoded twice, short texts together."""

from __future__ import annotations

import numpy as np

from core.inference.batches import Pair, batched, order, pack

A, B = (np.full((9, 9, 3), shade, np.uint8) for shade in (10, 200))
SHORT, LONG = (2, 7, 3), (2, 8, 9, 10, 3)


def test_a_picture_and_a_text_are_packed_once() -> None:
    pairs = [Pair(A, LONG), Pair(A, SHORT), Pair(B, LONG), Pair(None, LONG), Pair(B, None)]
    pictures, ids, mask, picture_row, text_row = pack(pairs, 8, pad_id=0)
    assert pictures.shape == (2, 8, 8, 3)
    assert pictures.dtype == np.uint8
    assert ids.tolist() == [list(LONG), [*SHORT, 0, 0]]
    assert mask.tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    assert picture_row.tolist() == [0, 0, 1, -1, 1]
    assert text_row.tolist() == [0, 1, 0, 0, -1]


def test_a_batch_without_pictures_or_texts_still_has_one_of_each() -> None:
    pictures, ids, mask, *_ = pack([Pair(None, SHORT)], 8, 5)
    assert pictures.shape == (1, 8, 8, 3)
    pictures, ids, mask, _, text_row = pack([Pair(A, None)], 8, 5)
    assert (ids.tolist(), mask.tolist(), text_row.tolist()) == ([[5]], [[0]], [-1])


def test_the_order_is_a_permutation_that_keeps_equal_texts_together() -> None:
    pairs = [Pair(A, LONG), Pair(None, SHORT), Pair(A, SHORT), Pair(B, None), Pair(B, SHORT), Pair(B, LONG)]
    indices = order(pairs)
    assert sorted(indices) == list(range(6))
    assert indices == [3, 2, 4, 0, 5, 1]
    assert list(batched(indices, 4)) == [[3, 2, 4, 0], [5, 1]]
