"""Augmentation: the ranges hold, nothing leaves the picture's format, and it is fast enough to keep up."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.augment import NONE, PAPER, Augmentation, augment, geometry


def disc(side: int = 160) -> np.ndarray:
    """A reddish disc on a paler ground."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    inside = np.hypot(x, y) < side / 4
    return np.where(inside[..., None], (170, 60, 50), (200, 130, 110)).astype(np.uint8)


def only(**changes: object) -> Augmentation:
    return msgspec.structs.replace(NONE, **changes)


def test_no_augmentation_only_resizes() -> None:
    crop = disc(128)
    np.testing.assert_array_equal(augment(crop, 128, NONE, np.random.default_rng(0)), crop)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([32, 64, 128]))
def test_the_result_is_a_picture_and_repeats_with_its_seed(seed: int, size: int) -> None:
    crop = np.random.default_rng(seed).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    first, again = (augment(crop, size, Augmentation(), np.random.default_rng(seed)) for _ in range(2))
    assert first.shape == (size, size, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_geometry_stays_in_its_ranges(seed: int) -> None:
    chosen = Augmentation()
    matrix = geometry(160, 128, chosen, np.random.default_rng(seed))
    zooms = np.linalg.svd(matrix[:, :2], compute_uv=False) * 160 / 128
    slack = np.exp(chosen.stretch / 2)
    assert chosen.zoom[0] / slack <= zooms.min() + 1e-9
    assert zooms.max() <= chosen.zoom[1] * slack + 1e-9
    centre = matrix @ [79.5, 79.5, 1]
    assert np.abs(centre - 63.5).max() <= chosen.shift * 128 + 1e-9


def test_quarter_turns_are_quarter_turns_and_all_of_them_come() -> None:
    angles = set()
    for seed in range(40):
        matrix = geometry(100, 100, only(rotation="quarter"), np.random.default_rng(seed))
        angles.add(round(float(np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0])))) % 360)
    assert angles == {0, 90, 180, 270}


def test_any_angle_covers_the_circle_and_flips_come_half_the_time() -> None:
    matrices = [
        geometry(100, 100, only(rotation="any", flip=True), np.random.default_rng(s)) for s in range(400)
    ]
    mirrored = np.mean([np.linalg.det(m[:, :2]) < 0 for m in matrices])
    assert 0.4 < mirrored < 0.6
    angles = [np.arctan2(m[1, 1], m[0, 1]) for m in matrices]
    assert np.histogram(angles, 8, (-np.pi, np.pi))[0].min() > 25


def test_the_papers_setting_neither_turns_nor_recolours() -> None:
    crop = disc()
    for seed in range(20):
        out = augment(crop, 128, PAPER, np.random.default_rng(seed))
        assert set(map(tuple, out[::127, ::127].reshape(-1, 3))) == {(200, 130, 110)}
        matrix = geometry(160, 128, PAPER, np.random.default_rng(seed))
        assert matrix[0, 1] == matrix[1, 0] == 0


def test_photometric_ranges() -> None:
    grey = np.full((64, 64, 3), 128, np.uint8)
    gains = []
    for seed in range(200):
        changed = augment(
            grey, 64, only(photometric_p=1.0, saturation=(1, 1), hue_deg=0), np.random.default_rng(seed)
        )
        gains.append(changed[0, 0] / 128)
    lowest, highest = 0.5 ** (1.5 - 1) * 0.7, 0.5 ** (0.65 - 1) * 1.35
    assert lowest - 0.03 <= np.min(gains) < lowest + 0.15
    assert highest - 0.35 < np.max(gains) <= highest + 0.03


def test_hue_and_saturation_keep_the_luma() -> None:
    colour = np.full((64, 64, 3), (150, 90, 80), np.uint8)
    luma = np.array([0.299, 0.587, 0.114])
    settings_ = only(photometric_p=1.0, gain=(1, 1), gamma=(1, 1))
    spreads = []
    for seed in range(50):
        out = augment(colour, 64, settings_, np.random.default_rng(seed))[0, 0].astype(float)
        assert abs(out @ luma - np.array([150, 90, 80]) @ luma) < 2
        spreads.append(np.ptp(out))
    assert min(spreads) < 0.75 * 70 < 1.2 * 70 < max(spreads)


@pytest.mark.parametrize("what", ["blur", "noise", "jpeg"])
def test_each_degradation_happens_as_often_as_asked(what: str) -> None:
    crop = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    changed = [
        not np.array_equal(augment(crop, 64, only(**{f"{what}_p": 0.3}), np.random.default_rng(s)), crop)
        for s in range(300)
    ]
    assert 0.22 < np.mean(changed) < 0.38


def test_a_batch_of_64_is_made_in_time() -> None:
    """The limit is generous; the aim is 0.3 s on an idle core."""
    crop, rng = disc(), np.random.default_rng(0)
    augment(crop, 128, Augmentation(), rng)
    began = time.process_time()
    for _ in range(64):
        augment(crop, 128, Augmentation(), rng)
    assert time.process_time() - began < 1.5
