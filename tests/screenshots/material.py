"""What the pictures need beside the demo: an awkward catalogue, films to import, a folder without one."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.demo import demo_exams
from core.domain import Box
from core.importing import import_videos
from core.matching.footage import frame_index
from core.paths import DataDir
from core.phantom.truth import ExamTruth
from core.video.index import save_index

AUTHOR = "pictures"
PATIENT, STRANGE = "PT-017", "PT-018"
"""Pseudonyms: one with two exams whose files can be moved away, one with videos that are hard to show."""
SPOILT = 60
"""This frame of the damaged video isn't given."""
_LONG, _DOUBLED = 360, (1280, 1024)


class Material:
    """Lies in one folder; :func:`make` fills it, once for all scales."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.awkward = root / "hospital"
        """The data folder of an awkward catalogue."""
        self.nothing = root / "holiday"
        """A folder whose catalogue file is none."""
        self.films = root / "films"
        self.follow_up = self.films / "follow-up.mp4"
        self.to_import = self.films / "recording of today.mp4"
        self.refused = (self.films / "notes.mp4", self.films / "broken.mp4")

    @contextmanager
    def without_follow_up(self) -> Iterator[None]:
        """The film of the follow-up exam isn't where it was."""
        away = self.follow_up.rename(self.films / "moved.mp4")
        try:
            yield
        finally:
            away.replace(self.follow_up)

    @contextmanager
    def another_follow_up(self) -> Iterator[None]:
        """Another film stands in its place."""
        with self.without_follow_up():
            shutil.copyfile(self.to_import, self.follow_up)
            yield


def make(root: Path) -> Material:
    """Makes the films and the catalogues."""
    made = Material(root)
    made.films.mkdir(parents=True)
    folder, exams = demo_exams()
    first, _, third = exams[:3]
    long = _long_film(folder / first.video, made.films / "long recording.mp4")
    made.to_import.write_bytes(long.read_bytes() + b"\0\0\0\x08free")  # another content, the same frames
    made.refused[0].write_text("These are notes on an exam and no video.\n" * 20)
    made.refused[1].write_bytes((folder / first.video).read_bytes()[:200_000])
    made.nothing.mkdir()
    (made.nothing / "catalogue.sqlite").write_text("This is no catalogue. " * 200)
    with Catalog.open(DataDir(made.awkward)) as catalog:
        baseline = _copy(folder / first.video, made.films / "baseline.mp4")
        _file(catalog, baseline, PATIENT, dt.date(2023, 5, 11), first)
        exam, video = _file(
            catalog, _copy(folder / third.video, made.follow_up), PATIENT, dt.date(2026, 2, 3), third
        )
        _unseen_clip(catalog, exam, video, third)
        damaged = _copy(folder / exams[3].video, made.films / "damaged tape.mp4")
        for film in (long, damaged):
            _, video = _file(catalog, film, STRANGE, dt.date(2026, 3, 2))
        _spoil(catalog, video)
    return made


def _copy(source: Path, target: Path) -> Path:
    return Path(shutil.copyfile(source, target))


def _file(
    catalog: Catalog, path: Path, code: str, day: dt.date, truth: ExamTruth | None = None
) -> tuple[int, int]:
    """Imports a film, with described clips where the truth names some; gives exam and video."""
    summary = import_videos(catalog, [path], code, day, author=AUTHOR)
    exam, video = summary.exam, summary.videos[0].id
    if exam is None or video is None:
        raise SystemExit(f"{path.name} wasn't imported: {summary.videos[0].reason}")
    for clip in truth.clips if truth is not None else ():
        boxes = [Box(*frame.box, pts=frame.pts) for frame in clip.frames]
        ends = (clip.pts_in, clip.pts_out)
        done = operations.add_clip(catalog, exam, video, *ends, boxes=boxes, author=AUTHOR)
        (finding,) = done.created.findings
        operations.describe(catalog, finding, clip.description, author=AUTHOR)
    return exam, video


def _unseen_clip(catalog: Catalog, exam: int, video: int, truth: ExamTruth) -> None:
    """A described clip that no model has seen: once its file is lost, it can't be matched."""
    index = frame_index(catalog, queries.video(catalog, video))
    ends = (int(index.pts[20]), int(index.pts[60]))
    (finding,) = operations.add_clip(catalog, exam, video, *ends, author=AUTHOR).created.findings
    operations.describe(catalog, finding, truth.clips[0].description, author=AUTHOR)


def _spoil(catalog: Catalog, video: int) -> None:
    """The index says that a frame looks different from what the file gives now."""
    index: Any = frame_index(catalog, queries.video(catalog, video))
    prints = index.fingerprints.copy()
    prints[SPOILT] ^= 0xFFFF
    save_index(catalog.data_dir.frame_indexes, replace(index, fingerprints=prints))


def _long_film(source: Path, target: Path) -> Path:
    """The same frames enlarged, again and again, with one key frame only: a jump to its end takes a while."""
    with av.open(str(source)) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    with av.open(str(target), "w") as out:
        stream: Any = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = *_DOUBLED, "yuv420p"
        stream.codec_context.gop_size = _LONG
        there_and_back = [*frames, *reversed(frames)]
        for number in range(_LONG):
            large: Any = cv2.resize(there_and_back[number % len(there_and_back)], _DOUBLED)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(large, format="rgb24")))
        out.mux(stream.encode())
    return target
