"""Pictures of clips for lists: small, without what a processor writes into the corners, made once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.errors import PolypTraceError
from core.importing import import_videos
from core.matching import pictures
from core.matching.footage import frame_index
from core.matching.pictures import LONGEST_PX, clip_pictures
from core.paths import DataDir
from core.phantom.writer import VideoWriter

from .conftest import Filed

NAME_AT = slice(4, 20)


def _scope_film(path: Path) -> Path:
    """A round picture in a black frame of 960 × 720, with white letters in a corner."""
    rng = np.random.default_rng(5)
    yy, xx = np.mgrid[:720, :960]
    round_ = ((xx - 520) ** 2 + (yy - 360) ** 2 < 330**2)[..., None]
    with VideoWriter(path, 960, 720, 10, 20) as writer:
        for number in range(12):
            wall = np.stack([150 + 40 * np.sin((xx + 3 * number) / 20), 90 + yy / 20, 80 + xx / 20], axis=-1)
            picture = np.where(round_, wall + rng.normal(0, 3, wall.shape), 0)
            picture[NAME_AT, 8:80] = 235
            writer.write(np.clip(picture, 0, 255).astype(np.uint8))
    return path


def test_small_and_without_the_corners(tmp_path: Path) -> None:
    film = _scope_film(tmp_path / "scope.mp4")
    with Catalog.open(DataDir(tmp_path / "data")) as catalog:
        video = import_videos(catalog, [film], "A", dt.date(2025, 1, 1), author="test").videos[0]
        assert video.id is not None
        pts = frame_index(catalog, queries.video(catalog, video.id)).pts
        ends = (int(pts[0]), int(pts[-1]))
        clip = operations.add_clip(catalog, 1, video.id, *ends, author="test").subject
        assert clip is not None
        made = clip_pictures(catalog, clip)
    full, crop = cv2.imread(made.full), cv2.imread(made.path)
    assert full.shape[:2] == (360, LONGEST_PX)
    assert max(crop.shape[:2]) == LONGEST_PX
    assert full[:12, :45].max() < 40  # where the letters were
    assert full[180, 260].max() > 60


def test_a_folder_that_cannot_be_written(filed: Filed, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pictures, "replace_file", full)
    with pytest.raises(PolypTraceError) as refused:
        clip_pictures(filed.catalog, filed.one)
    assert refused.value.code == "picture-not-written"
