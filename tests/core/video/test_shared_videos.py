"""Real files: they import and every frame asked for is exact, or they are refused in words."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest

from core.video.importing import read_video
from core.video.reader import VideoReader
from core.video.region import region_mask
from core.video.sample import pick_frames

SHARED = Path(os.environ.get("POLYPTRACE_SHARED") or Path(__file__).parents[4] / "shared") / "data"
NAMES = (
    "video/colonoscopy_560x480.mp4",
    "video/colonoscopy_boxes_480x360.mp4",
    "odd_inputs/capsule_336x336.mp4",
    "odd_inputs/laparoscopy_with_audio.mp4",
    "odd_inputs/retroflexion_animated.gif",
    "odd_inputs/slideshow_of_stills.mp4",
)
FRAMES = (181, 253, 167, 250, 82, 900)


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.is_file():
        pytest.skip("no shared data")
    return path


@pytest.mark.shared
@pytest.mark.parametrize(("name", "frames"), list(zip(NAMES, FRAMES, strict=True)))
def test_real_file_imports_and_its_frames_are_exact(name: str, frames: int, tmp_path: Path) -> None:
    path = shared(name)
    scan = read_video(path, tmp_path)
    assert scan.facts.frames == frames
    wanted = sorted(int(number) for number in np.random.default_rng(4).integers(0, frames, 6))
    truth = {}
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in wanted:
                truth[number] = frame.to_ndarray(format="rgb24")
    with VideoReader.open(path, scan.index) as reader:
        for number in reversed(wanted):
            assert np.array_equal(reader.frame_at(number), truth[number])
    assert read_video(path, tmp_path).known


@pytest.mark.shared
def test_the_octagon_of_the_real_videos_is_found(tmp_path: Path) -> None:
    whole = read_video(shared(NAMES[0]), tmp_path).facts.region
    assert whole.found
    mask = region_mask(whole, 560, 480)
    assert not mask[8, 8]
    assert not mask[471, 551]
    assert 0.85 < mask.mean() < 0.97
    framed = read_video(shared(NAMES[1]), tmp_path).facts.region
    x, y, w, h = framed.box
    assert abs(x - 31) <= 6
    assert abs(y - 12) <= 6
    assert abs(x + w - 452) <= 6
    assert abs(y + h - 350) <= 6


@pytest.mark.shared
def test_combed_and_burnt_out_frames_of_the_real_video_are_not_picked(tmp_path: Path) -> None:
    scan = read_video(shared(NAMES[0]), tmp_path)
    score = dict(zip(scan.index.sampled.tolist(), scan.index.quality[:, 4].tolist(), strict=True))
    assert max(score[24], score[54], score[60]) < 0.2  # combed: seen in the pictures
    assert min(score[42], score[78], score[132], score[138]) > 0.6  # calm
    picked = pick_frames(scan, 0, int(scan.index.pts.max()), 8)
    assert all(score[scan.index.number_of(pts)] > 0.5 for pts in picked)
