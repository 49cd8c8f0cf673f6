"""Videos drawn on the fly: one of 1080p, and the small awkward ones of the video tests."""

from __future__ import annotations

import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from timing import ROOT

Picture = NDArray[np.uint8]
WIDTH, HEIGHT, RATE, GOP = 1920, 1080, 25, 50
AWKWARD = ("h264-cfr-mp4", "h264-vfr-mp4", "edit-list-cut", "mpeg4-avi", "h264-ts")
"""Constant and variable rate, a cut by edit list, MPEG-4 in AVI with B-frames, a transport stream."""


@lru_cache
def video_tests() -> ModuleType:
    """The makers of ``tests/core/video``: each of their frames carries its number in its pixels."""
    path = ROOT / "tests" / "core" / "video" / "conftest.py"
    spec = importlib.util.spec_from_file_location("video_films", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def number_in(rgb: Picture) -> int | None:
    """The number drawn in a frame; None where it can't be read."""
    found: int | None = video_tests().read_counter(rgb)
    return found


def large_film(path: Path, frames: int) -> Path:
    """H.264 in 1920 × 1080, 25 a second, a key frame every two seconds, B-frames between."""
    with av.open(str(path), "w") as out:
        options = {"preset": "superfast", "bf": "3", "sc_threshold": "0"}
        stream: Any = out.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = GOP
        wall = _wall()
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(_draw(wall, number), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def _wall() -> Picture:
    """Something like mucosa that the camera glides over: soft, pink, with fine grain."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(60, 220, (40, 64, 3)).astype(np.uint8)
    soft = cv2.resize(coarse, (WIDTH + 640, HEIGHT + 320), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = rng.normal(0, 4, soft.shape[:2]).astype(np.int16)[..., None]
    tint = np.array([1.0, 0.6, 0.55])
    return np.clip((soft + grain) * tint, 0, 255).astype(np.uint8)


def _draw(wall: Picture, number: int) -> Picture:
    tests = video_tests()
    # There and back again at an even pace: no two neighbours are alike.
    left, top = abs(7 * number % 1200 - 600), abs(3 * number % 500 - 250)
    picture = np.ascontiguousarray(wall[top : top + HEIGHT, left : left + WIDTH])
    bars = tests.draw(number, 176, 40)
    picture[:40, :176] = bars
    return picture
