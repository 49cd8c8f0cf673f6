"""The real media worker on a small video: read, attach, picture."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.domain import Box
from core.errors import PolypTraceError
from core.importing import attach_video
from core.jobs.host import JobCancelled, JobDone, JobFailed, JobProgress, WorkerHost
from core.paths import DataDir

from ..matching.conftest import Filed, lose_video
from .conftest import Ear, Hosting

COMMAND = [sys.executable, "-m", "core.jobs.media_worker"]


@pytest.fixture
def media(hosting: Hosting) -> tuple[WorkerHost, Ear]:
    return hosting(COMMAND, "media")


def _ask(media: tuple[WorkerHost, Ear], name: str, data_dir: Path, **params: Any) -> Any:
    host, ear = media
    ended = ear.end_of(host.submit(name, {"data_dir": str(data_dir)} | params))
    return ended.value if isinstance(ended, JobDone) else ended


def test_a_video_is_read_there_and_attached_here(
    media: tuple[WorkerHost, Ear], films: dict[str, Path], tmp_path: Path
) -> None:
    day = dt.date(2025, 3, 4)
    first = _ask(media, "read", tmp_path, path=str(films["one"]))
    assert (first["path"], first["known"], first["frames"]) == (str(films["one"]), False, 30)
    assert {event.progress.stage for event in media[1].of(JobProgress)} > {"checking the file"}
    assert _ask(media, "read", tmp_path, path=str(films["one"]))["known"] is True
    assert not DataDir(tmp_path).catalogue.exists()
    assert _ask(media, "identify", tmp_path, path=str(films["one"]))["sha256"] == first["sha256"]
    with Catalog.open(DataDir(tmp_path)) as catalog:
        done, changes = attach_video(catalog, films["one"], first["sha256"], "A", day, "test")
        assert (done.status, done.id, done.frames) == ("imported", changes.subject, 30)
        assert (changes.created.videos, len(changes.created.exams)) == ((done.id,), 1)
        again, changes = attach_video(catalog, films["one"], first["sha256"], "A", day, "test")
        assert (again.status, again.id, changes.nothing) == ("known", done.id, False)
        elsewhere, _ = attach_video(catalog, films["one"], first["sha256"], "B", day, "test")
        assert "another patient" in elsewhere.warnings[-1]
        for path, sha256, code in (
            (films["two"], "0" * 64, "video-not-read"),
            (Path("a\udcff.mp4"), first["sha256"], "video-name"),
        ):
            with pytest.raises(PolypTraceError) as refused:
                attach_video(catalog, path, sha256, "A", day, "test")
            assert refused.value.code == code


def test_what_is_no_video_is_refused_in_words(media: tuple[WorkerHost, Ear], tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    for name in ("a.mp4", "gone.mp4"):
        ended = _ask(media, "read", tmp_path / "data", path=str(tmp_path / name))
        assert isinstance(ended, JobFailed)
        assert ended.error.code.startswith("video-")
        assert ended.error.hint


def test_reading_can_be_cancelled(
    media: tuple[WorkerHost, Ear], films: dict[str, Path], tmp_path: Path
) -> None:
    long = tmp_path / "long.mp4"
    long.write_bytes(films["one"].read_bytes())
    os.truncate(long, 4 << 30)  # hashing it takes seconds; on the disk it takes no room
    host, ear = media
    number = host.submit("read", {"data_dir": str(tmp_path / "data"), "path": str(long)})
    ear.wait(JobProgress, number)
    host.cancel(number)
    assert isinstance(ear.end_of(number), JobCancelled)
    assert not list((tmp_path / "data").rglob("*.npz"))


def test_a_clips_pictures_are_made_once_a_state(media: tuple[WorkerHost, Ear], filed: Filed) -> None:
    root = filed.catalog.data_dir.root
    before = len(queries.audit_events(filed.catalog))
    made = _ask(media, "crop", root, clip=filed.one)
    crop, full = (cv2.imread(made[name]) for name in ("path", "full"))
    assert full.shape == (144, 192, 3)
    assert crop.shape[0] == crop.shape[1] == pytest.approx(48 * 1.3, abs=2)
    top, left = 64 - crop.shape[0] // 2, 84 - crop.shape[1] // 2  # the box's middle
    part = full[top : top + crop.shape[0], left : left + crop.shape[1]]
    assert np.abs(part.astype(int) - crop.astype(int)).mean() < 12
    stamp = Path(made["path"]).stat().st_mtime_ns
    assert _ask(media, "crop", root, clip=filed.one) == made
    assert Path(made["path"]).stat().st_mtime_ns == stamp
    box = queries.clip(filed.catalog, filed.one).boxes[0]
    operations.mark_boxes(filed.catalog, filed.one, put=[Box(0, 0, 20, 20, box.pts)], author="test")
    moved = _ask(media, "crop", root, clip=filed.one)
    assert moved["path"] != made["path"]
    assert Path(moved["path"]).is_file()
    lose_video(filed.catalog, filed.one)
    assert _ask(media, "crop", root, clip=filed.one) == moved  # from the cache
    lose_video(filed.catalog, filed.two)
    ended = _ask(media, "crop", root, clip=filed.two)
    assert isinstance(ended, JobFailed)
    assert ended.error.message.endswith(".")
    assert isinstance(_ask(media, "crop", root / "none", clip=1), JobFailed)
    author = {event.actor for event in queries.audit_events(filed.catalog)}
    assert author == {"test"}
    assert before
