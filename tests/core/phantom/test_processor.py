"""From linear light to the screen: exposure, development, blur, mask and burned-in text."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from core.phantom.overlay import Caption, compose, mask, outline, shape_mask
from core.phantom.processor import PROCESSORS, Exposure, Look, Processor, develop, random_look, smear, varied
from core.phantom.seeding import stream

PLAIN = Look(sharpening=0.0, noise=0.0, softness=0.0)


def _scene(level: float = 0.2) -> np.ndarray:
    rng = stream(1, "scene")
    light = level * np.array([1.0, 0.55, 0.42], np.float32) * rng.uniform(0.6, 1.4, (60, 64, 1))
    return np.asarray(light, np.float32)


def test_the_same_stream_develops_the_same_picture() -> None:
    look = PROCESSORS[0].look
    first, second = (develop(_scene(), look, 1.3, stream(2, "noise")) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.dtype == np.uint8
    assert first.shape == (60, 64, 3)


def test_development_does_not_touch_the_scene() -> None:
    scene = _scene()
    before = scene.copy()
    develop(scene, PROCESSORS[1].look, 2.0, stream(2, "noise"))
    assert np.array_equal(scene, before)


@pytest.mark.parametrize("gamma", [0.7, 1.0, 1.4])
@pytest.mark.parametrize("level", [0.03, 0.2, 0.8])
def test_exposure_brings_any_scene_to_the_wanted_level(gamma: float, level: float) -> None:
    look = msgspec.structs.replace(PLAIN, gamma=gamma, exposure=0.45)
    scene = np.full((40, 40, 3), level, np.float32)
    picture = develop(scene, look, Exposure(look).gain(scene), stream(3))
    assert picture.mean() / 255 == pytest.approx(0.45, abs=0.03)


def test_exposure_follows_with_a_lag() -> None:
    exposure = Exposure(PLAIN)
    bright, dark = np.full((40, 40, 3), 0.5, np.float32), np.full((40, 40, 3), 0.1, np.float32)
    start = exposure.gain(bright)
    first, later = exposure.gain(dark), [exposure.gain(dark) for _ in range(40)][-1]
    assert start < first < later
    assert later == pytest.approx(Exposure(PLAIN).gain(dark), rel=0.01)


def test_gamma_darkens_and_saturation_greys() -> None:
    def shown(**changes: float) -> np.ndarray:
        return develop(_scene(), msgspec.structs.replace(PLAIN, **changes), 1.0, stream(4)).astype(float)

    assert shown(gamma=1.4).mean() < shown().mean() < shown(gamma=0.7).mean()
    assert np.ptp(shown(saturation=0.4), axis=2).mean() < np.ptp(shown(), axis=2).mean()


def test_highlights_are_rolled_off_in_order() -> None:
    ramp = np.repeat(np.linspace(0, 6, 64, dtype=np.float32)[None, :, None], 3, axis=2).repeat(8, axis=0)
    row = develop(ramp, PLAIN, 1.0, stream(5))[4, :, 0].astype(int)
    assert np.all(np.diff(row) >= 0)
    assert row[-1] >= 250


def test_motion_smears_along_the_motion_only() -> None:
    light = np.zeros((41, 41, 3), np.float32)
    light[20, 20] = 1.0
    smeared = smear(light, 8.0, 0.0)
    assert (smeared[20, :, 0] > 0).sum() >= 7
    assert (smeared[:, 20, 0] > 0).sum() == 1
    assert smeared.sum() == pytest.approx(light.sum(), rel=1e-4)
    assert smear(light, 0.3, 0.3) is light


def test_looks_differ_so_much_that_colour_alone_cannot_tell_a_lesion() -> None:
    """The same scene moves farther in colour between processors than two colours of lesion lie apart."""
    rng = stream(6, "looks")
    red, pale = _scene(), _scene() * np.array([0.92, 1.25, 1.2], np.float32)

    def colour(scene: np.ndarray, look: Look) -> np.ndarray:
        picture = develop(scene, look, Exposure(look).gain(scene), stream(7)).reshape(-1, 3)
        return picture.mean(0).astype(float)

    looks = [random_look(rng) for _ in range(40)]
    between_looks = np.mean([np.linalg.norm(colour(red, a) - colour(red, b)) for a, b in pairwise(looks)])
    between_lesions = np.mean([np.linalg.norm(colour(red, look) - colour(pale, look)) for look in looks])
    assert between_looks > between_lesions


def test_a_varied_look_stays_near_its_brand() -> None:
    look = PROCESSORS[2].look
    near = varied(look, stream(8))
    assert near != look
    assert near.gamma == pytest.approx(look.gamma, rel=0.3)


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda p: p.brand)
def test_screens_hold_mask_and_text(processor: Processor) -> None:
    x, y, w, h = processor.picture
    assert processor.width % 2 == processor.height % 2 == 0
    picture = np.full((h, w, 3), 180, np.uint8)
    caption = Caption("PH1-001", dt.datetime(2020, 5, 4, 9, 30), "WLI")
    screen = compose(picture, processor, caption)
    assert screen.shape == (processor.height, processor.width, 3)
    inside = np.zeros(screen.shape[:2], bool)
    inside[y : y + h, x : x + w] = mask(processor)
    assert 0.65 < mask(processor).mean() < 0.99
    assert (screen[~inside] > 150).any()  # the text
    assert (screen[~inside] < 10).mean() > 0.9  # on black
    later = compose(
        picture, processor, msgspec.structs.replace(caption, moment=dt.datetime(2020, 5, 4, 9, 31))
    )
    assert not np.array_equal(screen, later)


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda p: p.brand)
def test_outline_is_the_mask_s(processor: Processor) -> None:
    x, y, w, h = processor.picture
    points = outline(processor)
    assert points[:, 0].min() >= x
    assert points[:, 0].max() < x + w
    assert points[:, 1].min() >= y
    assert points[:, 1].max() < y + h
    assert all(mask(processor)[py - y, px - x] for px, py in points)


@pytest.mark.parametrize("shape", ["octagon", "cut", "round"])
def test_scope_masks_cut_the_corners(shape: str) -> None:
    inside = shape_mask(shape, 80, 60)
    assert not inside[0, 0]
    assert not inside[-1, -1]
    assert inside[30, 40]
    with pytest.raises(ValueError, match="read-only"):
        inside[0, 0] = True
