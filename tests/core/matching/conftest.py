"""A small catalogue with drawn exams: patient A with two lesions and a follow-up of the first, and B."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.domain import Box
from core.importing import import_videos
from core.inference.embedder import Embedder
from core.matching.footage import frame_index
from core.paths import DataDir
from core.phantom.writer import VideoWriter

WIDTH, HEIGHT, FRAMES, FPS = 192, 144, 30, 10
BOX = Box(60, 40, 48, 48)


class Filed(NamedTuple):
    """Clip ids: patient A's lesions one and two, the follow-up of lesion one, patient B's lesion."""

    catalog: Catalog
    one: int
    two: int
    query: int
    other: int


def draw_exam(path: Path, seed: int, gain: float = 1.0) -> Path:
    """A video of three seconds: mucosa-coloured noise with a striped disc, both fixed by ``seed``."""
    rng = np.random.default_rng(seed)
    wall = cv2.resize(
        rng.integers(90, 190, (9, 12)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    yy, xx = np.mgrid[:HEIGHT, :WIDTH]
    stripes = np.sin(xx * (0.2 + 0.1 * (seed % 5)) + yy * 0.15 * (seed % 3)) * 50 + 120
    disc = (xx - 84) ** 2 + (yy - 64) ** 2 < 22**2
    grey = np.where(disc, stripes, wall)
    picture = np.stack([grey * 1.2, grey * 0.6, grey * 0.5], axis=-1) * gain
    with VideoWriter(path, WIDTH, HEIGHT, FPS, 20) as writer:
        for _ in range(FRAMES):
            noisy = picture + rng.normal(0, 2, picture.shape)
            writer.write(np.clip(noisy, 0, 255).astype(np.uint8))
    return path


def file_clip(catalog: Catalog, path: Path, patient: str, day: str, values: dict[str, object] | None) -> int:
    """Imports a drawn exam, marks all of it as one clip with a box on three frames, and describes it."""
    date = dt.date.fromisoformat(day)
    summary = import_videos(catalog, [path], patient, date, author="test")
    video = summary.videos[0]
    assert video.id is not None, video.reason
    assert summary.exam is not None
    index = frame_index(catalog, queries.video(catalog, video.id))
    pts = [int(index.pts[k]) for k in (5, 12, 20)]
    boxes = [Box(BOX.x, BOX.y, BOX.w, BOX.h, at) for at in pts]
    ends = (int(index.pts[2]), int(index.pts[27]))
    clip = operations.add_clip(catalog, summary.exam, video.id, *ends, boxes=boxes, author="test").subject
    assert clip is not None
    if values is not None:
        operations.describe(catalog, queries.clip(catalog, clip).finding_id, values, author="test")
    return clip


def lose_video(catalog: Catalog, clip_id: int) -> None:
    """The video of a clip was last seen where no file lies any more."""
    clip = queries.clip(catalog, clip_id)
    exam = queries.exam(catalog, clip.exam_id)
    gone = msgspec.structs.replace(queries.video(catalog, clip.video_id), path="/gone.mp4")
    code = queries.patient(catalog, exam.patient_id).code
    operations.import_video(catalog, gone, patient_code=code, exam_date=exam.date, author="test")


SIGMOID = {"state": "polyp", "segment": "sigmoid", "size_mm": 8, "paris": "Is", "imaging": "white light"}
CAECUM = {"state": "LST", "segment": "caecum", "size_mm": 25, "paris": "IIa", "imaging": "white light"}


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Four drawn exams."""
    folder = tmp_path_factory.mktemp("films")
    return {
        "one": draw_exam(folder / "one.mp4", 1),
        "two": draw_exam(folder / "two.mp4", 2),
        "query": draw_exam(folder / "query.mp4", 1, gain=0.9),
        "other": draw_exam(folder / "other.mp4", 3),
    }


@pytest.fixture
def filed(tmp_path: Path, films: dict[str, Path]) -> Iterator[Filed]:
    """The catalogue, all clips described."""
    with Catalog.open(DataDir(tmp_path / "data")) as catalog:
        yield Filed(
            catalog,
            file_clip(catalog, films["one"], "A", "2025-01-10", SIGMOID),
            file_clip(catalog, films["two"], "A", "2025-01-10", CAECUM),
            file_clip(catalog, films["query"], "A", "2026-02-11", SIGMOID | {"size_mm": 9}),
            file_clip(catalog, films["other"], "B", "2025-05-05", CAECUM),
        )


@pytest.fixture(scope="session")
def embedder(small_bundle: Path) -> Embedder:
    """An untrained network: what is tested here is what is fed to it and what is done with its answer."""
    return Embedder.open(small_bundle, "cpu", threads=1)
