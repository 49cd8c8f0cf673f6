"""A catalogue with confirmed links: three patients with two lesions each, seen in two exams."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import msgspec
import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.domain import Box, Verdict
from core.importing import import_videos
from core.matching import model_choice
from core.matching.footage import frame_index
from core.paths import DataDir

from ..matching.conftest import CAECUM, SIGMOID
from ..matching.conftest import films as films

DAYS = (dt.date(2024, 1, 5), dt.date(2025, 2, 6))
LOOKS = ((SIGMOID, Box(60, 40, 48, 48)), (CAECUM, Box(20, 80, 40, 40)))
EXAMS = {"A": ("one", "two"), "B": ("query", "other"), "C": ("one", "other")}


class Linked(msgspec.Struct):
    """``clips[patient][lesion][exam]`` are ids; ``alone`` is an earlier clip of A that nobody has judged."""

    data: DataDir
    clips: dict[str, list[list[int]]]
    alone: int
    active: str

    def open(self) -> Catalog:
        return Catalog.open(self.data)


def file_linked(root: Path, films: dict[str, Path], bundle: Path) -> Linked:
    """Files the exams, links what belongs together, and puts a small network to use."""
    data = DataDir(root)
    clips: dict[str, list[list[int]]] = {}
    with Catalog.open(data) as catalog:
        for patient, names in EXAMS.items():
            clips[patient] = [[], []]
            for day, name in zip(DAYS, names, strict=True):
                for lesion, (values, box) in enumerate(LOOKS):
                    clips[patient][lesion].append(_clip(catalog, films[name], patient, day, values, box))
            for first, second in clips[patient]:
                operations.give_verdict(
                    catalog, Verdict.SAME, clip_id=second, with_clip_id=first, author="anna"
                )
        alone = _clip(catalog, films["one"], "A", DAYS[0], SIGMOID, Box(100, 20, 40, 40))
        shutil.copytree(bundle, data.models / "small")
        active = model_choice.find_bundle(data, str(data.models / "small")).manifest.model_id
    model_choice.promote(data, active, active, author="anna")
    return Linked(data, clips, alone, active)


def _clip(
    catalog: Catalog, film: Path, patient: str, day: dt.date, values: dict[str, object], box: Box
) -> int:
    summary = import_videos(catalog, [film], patient, day, author="anna")
    assert summary.exam is not None
    video = queries.video(catalog, summary.videos[0].id or 0)
    index = frame_index(catalog, video)
    boxes = [Box(box.x, box.y, box.w, box.h, int(index.pts[at])) for at in (5, 20)]
    ends = (int(index.pts[2]), int(index.pts[25]))
    done = operations.add_clip(catalog, summary.exam, video.id, *ends, boxes=boxes, author="anna")
    (finding,) = done.created.findings
    operations.describe(catalog, finding, values, author="anna")
    return done.subject or 0


@pytest.fixture(scope="session")
def linked_once(
    tmp_path_factory: pytest.TempPathFactory, films: dict[str, Path], small_bundle: Path
) -> Linked:
    """Filed once; to be copied."""
    return file_linked(tmp_path_factory.mktemp("linked") / "data", films, small_bundle)


@pytest.fixture
def linked(tmp_path: Path, linked_once: Linked) -> Linked:
    """A copy that may be changed."""
    shutil.copytree(linked_once.data.root, tmp_path / "data")
    return msgspec.structs.replace(linked_once, data=DataDir(tmp_path / "data"))


def tiny(steps: int = 3, *changes: str) -> tuple[str, None, tuple[str, ...]]:
    """The preset ``quick`` with so few steps that it takes a second or two."""
    small = (f"steps={steps}", "max_seconds=none", "identities=2", "pictures=2")
    return "quick", None, (*small, *changes)
