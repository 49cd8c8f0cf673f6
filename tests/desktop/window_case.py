"""A catalogue of one patient with two exams, for tests that drive the real window with its real workers."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PySide6.QtWidgets import QTableView

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.importing import import_videos
from core.matching.footage import frame_index
from core.paths import DataDir
from desktop.main_window import MainWindow
from desktop.session import Selection
from desktop.views.matches.view import MatchesView

LONG_MS = 60_000
FORM = {"state": "polyp", "segment": "sigmoid", "size_mm": 8, "paris": "Is", "imaging": "white light"}


def draw_video(path: Path, seed: int) -> Path:
    """A second of moving texture with a spot."""
    from core.phantom.writer import VideoWriter

    rng = np.random.default_rng(seed)
    wall = cv2.resize(rng.integers(90, 200, (12, 40)).astype(np.float32), (320, 120))
    with VideoWriter(path, 160, 120, 25, 20) as writer:
        for number in range(25):
            part = wall[:, number * 2 : number * 2 + 160]
            picture = np.stack([part, part * 0.55, part * 0.5], axis=-1).astype(np.uint8)
            writer.write(cv2.circle(np.ascontiguousarray(picture), (60 + number, 60), 18, (200, 60, 70), -1))
    return path


class Case:
    """One patient, two exams with a described clip each, and the window on them."""

    def __init__(self, root: Path, films: list[Path]) -> None:
        self.folder = DataDir(root / "data")
        self.clips: list[int] = []
        self.exams: list[int] = []
        self.videos: list[int] = []
        with Catalog.open(self.folder) as catalog:
            for film, day in zip(films[:2], (dt.date(2024, 1, 2), dt.date(2025, 3, 4)), strict=True):
                summary = import_videos(catalog, [film], "P-1", day, author="t")
                video = queries.video(catalog, summary.videos[0].id or 0)
                index = frame_index(catalog, video)
                ends = (int(index.pts[2]), int(index.pts[20]))
                assert summary.exam is not None
                done = operations.add_clip(catalog, summary.exam, video.id, *ends, author="t")
                (finding,) = done.created.findings
                operations.describe(catalog, finding, FORM, author="t")
                self.clips.append(done.subject or 0)
                self.exams.append(summary.exam)
                self.videos.append(video.id)

    @property
    def follow_up(self) -> Selection:
        return Selection(1, self.exams[1], self.videos[1], self.clips[1])

    def ask(self, question: Any) -> Any:
        with Catalog.open(self.folder) as catalog:
            return question(catalog)


def workers() -> list[tuple[int, str]]:
    """Our worker processes that are children of this one: number and module."""
    if not sys.platform.startswith("linux"):
        return []
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        module = next((word.decode() for word in words if word.startswith(b"core.jobs.")), "")
        if module and parent == os.getpid():
            found.append((int(folder.name), module))
    return found


def choose(qtbot: Any, window: MainWindow, selection: Selection) -> None:
    window.library.show_selection(selection)
    qtbot.waitUntil(
        lambda: window.desk.facts.clip is not None and window.desk.facts.clip.id == selection.clip,
        timeout=LONG_MS,
    )


def match(qtbot: Any, window: MainWindow) -> Any:
    with qtbot.waitSignal(window.matching.ranked, timeout=LONG_MS) as told:
        window.actions_by_id["match"].trigger()
    return told.args[0]


def result(**changes: Any) -> Any:
    """A ranking of two clips, one of them rejected, as the worker tells it."""
    from core.matching.values import match_from

    one = {
        "clip": 3, "finding": 3, "lesion": 1, "patient": "P-1", "exam": 1, "exam_date": "2024-01-02",
        "report": "A polyp.", "place": "sigmoid, 8 mm, Paris Is", "score": 0.9, "probability": 0.6,
        "band": "strong", "rejected": False, "source": "lesion box", "reason": None, "linked": False,
        "removed": True,
    }  # fmt: skip
    two = one | {"clip": 4, "finding": 4, "lesion": 2, "score": 0.2, "probability": None, "rejected": True}
    evidence = {"source": "lesion box", "crops": 6, "pts": [1], "text": "polyp"}
    document = {
        "query": 9,
        "query_info": {
            "clip": 9, "finding": 9, "patient": "P-1", "exam": 2, "exam_date": "2025-01-02", "report": "",
            "place": "", "evidence": evidence,
        },
        "model": "m", "dim": 4, "device": "cpu", "device_reason": "none else",
        "patient": [one, two], "warnings": [], "notice": "",
        "no_match": {"score": 0.9, "threshold": 0.5, "is_no_match": False, "queries": 60,
                     "reason": "The best score is above.", "learnt_on": "x"},
    } | changes  # fmt: skip
    return match_from(document)


def tables(view: MatchesView) -> tuple[QTableView, QTableView]:
    """The patient's ranking and the whole catalogue's."""
    named = {one.accessibleName(): one for one in view.findChildren(QTableView)}
    return named["The patient's earlier findings"], named["All clips outside this exam"]
