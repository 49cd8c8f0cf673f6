"""The one resize."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.inference.preprocess import to_square

SIDE = st.integers(1, 90)


@settings(max_examples=60, deadline=None)
@given(height=SIDE, width=SIDE, size=st.integers(1, 70), seed=st.integers(0, 99))
def test_any_crop_becomes_a_square_within_its_own_range(
    height: int, width: int, size: int, seed: int
) -> None:
    crop = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    kept = crop.copy()
    square = to_square(crop, size)
    assert square.shape == (size, size, 3)
    assert square.dtype == np.uint8
    assert crop.min() <= square.min()
    assert square.max() <= crop.max()
    assert np.array_equal(crop, kept)


def test_the_right_size_is_left_alone() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    assert np.array_equal(to_square(crop, 32), crop)


def test_shrinking_averages_every_pixel() -> None:
    crop = np.random.default_rng(1).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    blocks = crop.reshape(16, 4, 16, 6, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(to_square(crop, 16) - blocks).max() <= 0.51


def test_a_side_that_shrinks_does_not_alias_while_the_other_grows() -> None:
    stripes = np.zeros((10, 200, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.abs(to_square(stripes, 50).astype(int) - 100).max() <= 1


def test_views_that_are_not_contiguous_are_read_right() -> None:
    crop = np.random.default_rng(2).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    assert np.array_equal(to_square(crop[:, ::-1, ::-1], 24), to_square(crop[:, ::-1, ::-1].copy(), 24))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="to_square needs"):
        to_square(wrong, 8)
