"""Quality measures: each falls with its own fault, and only with that."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from core.domain import FrameQuality
from core.video.quality import QualityMeter, combing, small_size

SIZE = (192, 256)


def wall(seed: int = 0) -> np.ndarray:
    """(192, 256, 3) uint8 in the colours of mucosa, with fine and coarse structure."""
    rng = np.random.default_rng(seed)
    # Mucosa has structure of every size, the larger the stronger, as natural pictures have.
    layers = [
        cv2.GaussianBlur(rng.normal(0, 40 * sigma**1.5, SIZE).astype(np.float32), (0, 0), sigma)
        for sigma in (0.6, 1.2, 2.4, 5.0, 10.0)
    ]
    light = np.clip(0.75 + sum(layers) / 500, 0.15, 1.1)
    return np.clip(light[..., None] * np.array([200.0, 120.0, 90.0]), 0, 255).astype(np.uint8)


def measure(small: np.ndarray, combed: float = 0.0) -> FrameQuality:
    return QualityMeter(np.ones(small.shape[:2], bool)).measure(small, combed)


def test_a_good_frame_is_good_by_every_measure() -> None:
    quality = measure(wall())
    assert min(quality.sharpness, quality.glare, quality.brightness, quality.in_body) > 0.6
    assert quality.score == pytest.approx(
        quality.sharpness * quality.glare * quality.brightness * quality.in_body
    )


def test_sharpness_falls_steadily_with_defocus() -> None:
    sharpness = [measure(wall()).sharpness]
    sharpness += [measure(cv2.GaussianBlur(wall(), (0, 0), sigma)).sharpness for sigma in (1, 2, 4)]
    assert all(sharper > softer + 0.05 for sharper, softer in pairwise(sharpness))
    assert sharpness[-1] < 0.25


@pytest.mark.parametrize("kernel", [(15, 1), (1, 15)], ids=["sideways", "up and down"])
def test_motion_blur_in_one_direction_is_enough(kernel: tuple[int, int]) -> None:
    assert measure(cv2.blur(wall(), kernel)).sharpness < 0.3


def test_sharp_highlights_do_not_make_a_blurred_frame_sharp() -> None:
    blurred = cv2.GaussianBlur(wall(), (0, 0), 4)
    spotted = blurred.copy()
    for x, y in np.random.default_rng(2).integers(10, 180, (25, 2)):
        cv2.circle(spotted, (int(x), int(y)), 2, (255, 255, 255), -1)
    assert measure(spotted).sharpness < measure(blurred).sharpness + 0.1


def test_a_few_highlights_are_normal_and_a_burnt_out_wall_is_not() -> None:
    few, burnt = wall(), wall()
    cv2.circle(few, (60, 60), 6, (255, 255, 255), -1)
    burnt[:, 150:] = (255, 252, 170)
    assert measure(few).glare > 0.95
    assert measure(burnt).glare < 0.2


def test_darkness() -> None:
    bright = measure(wall()).brightness
    dim = measure((wall() * 0.4).astype(np.uint8)).brightness
    dark = measure((wall() * 0.08).astype(np.uint8)).brightness
    assert bright > dim > dark
    assert dark == 0.0


@pytest.mark.parametrize(
    "colour", [(150, 150, 150), (90, 120, 170), (80, 150, 110), (235, 235, 235)], ids=str
)
def test_a_room_is_not_the_inside_of_a_body(colour: tuple[int, int, int]) -> None:
    room = np.clip(wall().astype(float) / (200, 120, 90) * colour, 0, 255).astype(np.uint8)
    assert measure(room).in_body < 0.1
    assert measure(room).score < 0.1


@pytest.mark.parametrize(
    "colour", [(190, 60, 50), (150, 140, 60), (130, 125, 95)], ids=["blood", "stool", "NBI"]
)
def test_blood_stool_and_brown_narrow_band_are(colour: tuple[int, int, int]) -> None:
    seen = np.clip(wall().astype(float) / (200, 120, 90) * colour, 0, 255).astype(np.uint8)
    assert measure(seen).in_body > 0.8


def test_the_black_frame_does_not_count() -> None:
    mask = np.zeros(SIZE, bool)
    mask[20:170, 40:220] = True
    framed = np.where(mask[..., None], wall(), 0).astype(np.uint8)
    inside, whole = QualityMeter(mask).measure(framed), measure(wall())
    assert inside.brightness == pytest.approx(whole.brightness, abs=0.1)
    assert inside.sharpness == pytest.approx(whole.sharpness, abs=0.1)


def test_black_and_nothing_score_zero() -> None:
    assert measure(np.zeros((*SIZE, 3), np.uint8)).score == 0.0
    nothing = QualityMeter(np.zeros(SIZE, bool)).measure(wall())
    assert nothing.score == 0.0


def test_combing_shows_only_where_two_fields_differ() -> None:
    level = cv2.cvtColor(cv2.resize(wall(), (640, 480)), cv2.COLOR_RGB2GRAY)
    woven = level.copy()
    woven[1::2] = np.roll(level, 14, axis=1)[1::2]
    assert combing(level) < 0.1
    assert combing(woven) > 0.7
    assert combing(np.full((480, 640), 90, np.uint8)) == 0.0
    assert combing(level[:2]) == 0.0
    assert measure(wall(), combed=1.0).sharpness == 0.0


@pytest.mark.parametrize("size", [(1920, 1080), (560, 480), (300, 1200), (100, 60)])
def test_small_frames_keep_the_shape_and_are_never_larger(size: tuple[int, int]) -> None:
    width, height = small_size(*size)
    assert max(width, height) <= min(256, max(size))
    assert width / height == pytest.approx(size[0] / size[1], rel=0.02)
