"""Burned-in text on drawn frames whose text is known, on the phantom's screens, and on real videos."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.phantom import overlay
from core.phantom.processor import PROCESSORS
from core.phantom.writer import VideoWriter
from core.video.burned_text import TextFinder
from core.video.importing import read_video

from .lettering import (
    COMPLEX,
    DUPLEX,
    HEIGHT,
    ROUND,
    WIDTH,
    Line,
    Mucosa,
    draw,
    find,
    painted,
    recall_and_precision,
)

SHARED = Path(os.environ.get("POLYPTRACE_SHARED") or Path(__file__).parents[4] / "shared") / "data/video"


def clock(number: int) -> str:
    return f"12:{30 + number // 60:02d}:{number % 60:02d}"


def counter(number: int) -> str:
    return f"#{number:04d}"


BESIDE = (
    Line("ID PX-0417", (6, 28), 0.4),
    Line("03/05/2024", (6, 60), 0.6, DUPLEX),
    Line(clock, (6, 90), 0.5),
    Line("AURELIAN", (6, 470), 0.7, COMPLEX, 2),
    Line("R", (20, 140), 0.8),
)
ON_PICTURE = (
    Line("PX-0417 M 57", (300, 60), 0.5),
    Line(clock, (450, 400), 0.6, DUPLEX),
    Line("NBI+ x1.5", (260, 380), 0.7, COMPLEX),
)
CASES: dict[str, tuple[Line, ...]] = {
    "beside": BESIDE,
    "on the picture": ON_PICTURE,
    "across the border": (Line("03/05/2024 PX-0417", (90, 60), 0.6), Line(clock, (100, 430), 0.5)),
    "black": (Line("PATIENT X", (300, 140), 0.6, thickness=2, colour=(15, 15, 15)),),
    "yellow and green": (
        Line("BRIGHTWATER C7", (300, 80), 0.5, colour=(240, 220, 40)),
        Line("x 2.0", (500, 300), 0.5, colour=(60, 240, 60)),
    ),
    "see-through": (
        Line("PX-0417 M 57", (300, 60), 0.6, DUPLEX, colour=(255, 255, 255), alpha=0.55),
        Line("OPTICS", (420, 400), 0.9, DUPLEX, 2, (255, 255, 255), 0.5),
    ),
    "a counter alone": (Line(counter, (300, 80), 0.6),),
    "a quarter of the time": (Line("FREEZE NBI", (300, 80), 0.6, DUPLEX, frames=(5, 15)),),
}


@pytest.mark.parametrize("outline", [ROUND, None], ids=["round", "full"])
@pytest.mark.parametrize("name", CASES)
def test_text_is_found_where_it_stands(name: str, outline: np.ndarray | None) -> None:
    lines = [line for line in CASES[name] if outline is not None or line.words != "R"]
    boxes, _ = find(draw(1, lines, outline=outline))
    recall, precision = recall_and_precision(boxes, [line.box() for line in lines])
    print(f"{name}: recall {recall:.2f}, precision {precision:.2f}")
    assert recall > 0.8
    assert precision > 0.9


@pytest.mark.parametrize("outline", [ROUND, None], ids=["round", "full"])
@pytest.mark.parametrize("still", [False, True], ids=["moving", "still"])
@pytest.mark.parametrize("seed", [0, 4])
def test_nothing_is_found_where_nothing_is_written(
    seed: int, still: bool, outline: np.ndarray | None
) -> None:
    """Highlights, vessels, the dark lumen that hardly moves and the region's border are no text."""
    assert find(draw(seed, (), outline=outline, still=still))[0] == ()


def test_where_nothing_moves_only_text_beside_the_picture_is_told() -> None:
    boxes, region = find(draw(2, (*BESIDE, *ON_PICTURE), still=True))
    assert recall_and_precision(boxes, [line.box() for line in BESIDE])[0] > 0.85
    assert recall_and_precision(boxes, [line.box() for line in ON_PICTURE])[0] == 0
    assert region.found


def test_a_few_frames_and_none_tell_nothing() -> None:
    assert find(draw(1, ON_PICTURE, frames=4))[0] == ()
    _, region = find(draw(1, (), frames=1))
    assert TextFinder().boxes(region) == ()


def test_text_of_any_period_counts_and_memory_does_not_grow() -> None:
    """Written after the first 64 frames, and gone again before the last."""
    late = Line("FROZEN 12", (300, 80), 0.6, DUPLEX, frames=(70, 110))
    boxes, _ = find(draw(3, (late, *BESIDE), frames=150))
    assert recall_and_precision(boxes, [line.box() for line in (late, *BESIDE)])[0] > 0.85


def test_later_frames_are_looked_at_more_seldom() -> None:
    finder = TextFinder()
    wanted = [finder.wants() for _ in range(1024)]
    assert (sum(wanted[:128]), sum(wanted[128:])) == (64, 112)


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: one.brand)
def test_the_phantoms_screens(processor: object) -> None:
    """Every brand's layout, with a running clock; the lettering's pixels are known exactly."""
    brand = next(one for one in PROCESSORS if one is processor)
    size, area = (brand.width, brand.height), brand.picture[2:]
    mucosa, start = Mucosa(5), dt.datetime(2024, 5, 3, 12, 30, 41)
    frames, ink = [], np.zeros(size[::-1], bool)
    black = np.zeros((area[1], area[0], 3), np.uint8)
    for number in range(40):
        caption = overlay.Caption("PX-0417", start + dt.timedelta(seconds=number // 5), "WLI")
        frames.append(overlay.compose(mucosa.frame(number, False, *area), brand, caption))
        ink |= overlay.compose(black, brand, caption).max(axis=2) > 90
    boxes, _ = find(frames)
    covered = painted(boxes, size=size)
    recall = (covered & ink).sum() / ink.sum()
    near = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((13, 13), np.uint8))
    near = cv2.dilate(near, np.ones((13, 13), np.uint8)) > 0
    precision = (covered & near).sum() / covered.sum()
    print(f"{brand.brand}: recall {recall:.3f}, precision {precision:.3f}")
    assert recall > 0.97
    assert precision > 0.9


def test_the_import_pass_finds_it_in_a_video_in_full_size(tmp_path: Path) -> None:
    """1280 × 960 is looked at in 640 × 480; the boxes are of the frames as they are displayed."""
    path = tmp_path / "lettered.mp4"
    with VideoWriter(path, 2 * WIDTH, 2 * HEIGHT, 25, 23) as writer:
        for frame in draw(1, (*BESIDE, *ON_PICTURE), frames=60):
            writer.write(cv2.resize(frame, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    scan = read_video(path, tmp_path / "data")
    truth = [(2 * x, 2 * y, 2 * w, 2 * h) for x, y, w, h in (line.box() for line in (*BESIDE, *ON_PICTURE))]
    size = (2 * WIDTH, 2 * HEIGHT)
    recall, precision = recall_and_precision(scan.facts.text_boxes, truth, size)
    assert recall > 0.8
    assert precision > 0.8  # a pixel of the small size is two here
    assert scan.video(1).text_boxes == scan.facts.text_boxes
    assert read_video(path, tmp_path / "data").facts.text_boxes == scan.facts.text_boxes


@pytest.mark.shared
def test_real_videos(tmp_path: Path) -> None:
    """One has no text; over the other a caption stands for a part of the time, seen in the pictures."""
    if not SHARED.is_dir():
        pytest.skip("no shared data")
    assert read_video(SHARED / "colonoscopy_560x480.mp4", tmp_path).facts.text_boxes == ()
    ((x, y, w, h),) = read_video(SHARED / "colonoscopy_boxes_480x360.mp4", tmp_path).facts.text_boxes
    assert abs(x - 61) < 12
    assert abs(y - 12) < 8
    assert abs(w - 359) < 24
    assert abs(h - 26) < 10
