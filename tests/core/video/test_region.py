"""The scope region on drawn endoscopy frames whose outline is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.video.region import RegionFinder, region_mask, whole_frame

WIDTH, HEIGHT = 640, 480
SMALL = (256, 192)

OUTLINES = {
    "circle": cv2.ellipse2Poly((360, 240), (225, 225), 0, 0, 360, 4),
    "cut circle": np.clip(cv2.ellipse2Poly((340, 240), (280, 280), 0, 0, 360, 4), (0, 20), (639, 459)),
    "octagon": np.array(
        [(270, 20), (530, 20), (620, 110), (620, 370), (530, 460), (270, 460), (180, 370), (180, 110)]
    ),
    "rectangle": np.array([(160, 30), (600, 30), (600, 450), (160, 450)]),
}


def mucosa(number: int, still: bool = False) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8: a wall with folds around a dark lumen that stays dark and moves a little."""
    shift = 0 if still else number * 9
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    away = np.hypot(rows - 240 - shift % 20, columns - 350)
    light = np.clip((away - 40) / 90, 0.06, 1.0) * (0.8 + 0.2 * np.sin((away + shift) / 11))
    return (light[..., None] * np.array([205, 120, 90])).astype(np.uint8)


def framed(outline: np.ndarray, number: int, text: bool = False, still: bool = False) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(mask, [outline.astype(np.int32)], 1)
    rng = np.random.default_rng(number)
    picture = np.where(mask[..., None] > 0, mucosa(number, still), 8).astype(np.int16)
    picture = np.clip(picture + rng.normal(0, 1.5, picture.shape), 0, 255).astype(np.uint8)
    if text:
        for line, words in enumerate(
            ("01/02 10:22", "Sex: Age:", f"00:{number:02d}:13", "D.O.B.", "Cm: 5/8")
        ):
            at = (6, 60 + 24 * line)
            cv2.putText(picture, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (235, 235, 235), 2)
        cv2.rectangle(picture, (10, 420), (120, 432), (0, 0, 190), -1)
    return picture


def found(frames: list[np.ndarray]) -> RegionFinder:
    finder = RegionFinder()
    for frame in frames:
        finder.add(cv2.resize(frame, SMALL, interpolation=cv2.INTER_AREA))
    return finder


def overlap(outline: np.ndarray, finder: RegionFinder) -> float:
    """Intersection over union of the drawn and the found region."""
    truth = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(truth, [outline.astype(np.int32)], 1)
    mask = region_mask(finder.region(WIDTH, HEIGHT), WIDTH, HEIGHT)
    return float((mask & (truth > 0)).sum() / (mask | (truth > 0)).sum())


@pytest.mark.parametrize("text", [False, True], ids=["plain", "with text"])
@pytest.mark.parametrize("name", OUTLINES)
def test_the_outline_is_found(name: str, text: bool) -> None:
    outline = OUTLINES[name]
    finder = found([framed(outline, number, text) for number in range(20)])
    region = finder.region(WIDTH, HEIGHT)
    assert region.found
    assert overlap(outline, finder) > 0.96
    x, y, w, h = cv2.boundingRect(outline.astype(np.int32))
    assert np.abs(np.array(region.box) - (x, y, w, h)).max() <= 8


def test_a_still_video_still_has_its_region() -> None:
    finder = found([framed(OUTLINES["octagon"], 3, text=True, still=True)] * 5)
    assert overlap(OUTLINES["octagon"], finder) > 0.95


def test_one_burnt_out_flash_and_a_dark_start_do_not_spoil_it() -> None:
    frames = [np.full((HEIGHT, WIDTH, 3), 5, np.uint8)] * 6
    frames += [framed(OUTLINES["circle"], number, text=True) for number in range(25)]
    frames += [np.full((HEIGHT, WIDTH, 3), 255, np.uint8)]
    assert overlap(OUTLINES["circle"], found(frames)) > 0.94


def test_a_full_picture_has_no_border() -> None:
    region = found([mucosa(number) + 20 for number in range(10)]).region(WIDTH, HEIGHT)
    assert region == whole_frame(WIDTH, HEIGHT)
    assert region_mask(region, WIDTH, HEIGHT).all()


@pytest.mark.parametrize("frames", [[], [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 4], ids=["none", "black"])
def test_nothing_to_tell_gives_the_whole_frame(frames: list[np.ndarray]) -> None:
    assert not found(frames).region(WIDTH, HEIGHT).found


def test_without_frames_there_is_no_mask() -> None:
    with pytest.raises(ValueError, match="no frame"):
        RegionFinder().small_mask()
