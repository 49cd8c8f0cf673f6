"""Kills the program for real, at many points, and reports what was left. Run as a process of its own.

A child is forked for each point. It writes a fixed story of operations into a catalogue and sends itself
SIGKILL before or after its n-th call into SQLite or the operating system's files; or the parent kills it
after a random time, wherever it is then. What it finished it has told through a pipe. Then the catalogue is
opened as on the next day.

Usage: nursery.py FOLDER POINTS SEED TIMED → one JSON document on stdout.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.catalog.values import ClipVector, NewLegacyFinding, NewLegacyReport
from core.domain import Box, Verdict, Video
from core.inference.vector_store import VectorStore
from core.paths import DataDir
from core.text.legacy.read_field import ReadField

A = "killed"
DIM, MODEL = 16, "m1"
VIDEO = Video(0, "ab" * 32, "/videos/one.mp4", 1000, 40.0, 560, 480, "h264", (1, 25))
REPORT = NewLegacyReport(
    "P-1",
    dt.date(2019, 1, 1),
    "A 5 mm polyp.",
    (NewLegacyFinding("A 5 mm polyp.", {"size_mm": ReadField(5, 0.9, "5 mm")}),),
)
Step = Callable[[Catalog], object]
TOUCHES = frozenset(
    [
        "connect",
        "execute",
        "executemany",
        "commit",
        "rollback",
        "open",
        "write",
        "flush",
        "fsync",
        "replace",
        "truncate",
        "mkdir",
        "close",
    ]
)
"""Calls that may change a file; between two of them nothing on the disk can differ."""


def vector(clip: int, inputs_hash: str) -> ClipVector:
    """A vector that its inputs determine, so that a wrong one is known by sight."""
    seed = int.from_bytes(hashlib.sha256(f"{clip} {inputs_hash}".encode()).digest()[:8], "big")
    raw = np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    return ClipVector(clip, raw / np.linalg.norm(raw), inputs_hash)


def _index(clips: list[int], inputs_hash: str) -> Step:
    rows = [vector(clip, inputs_hash) for clip in clips]
    return lambda c: operations.put_vectors(c, VectorStore(c.data_dir.vectors), MODEL, rows, author=A)


def _import(year: int) -> Step:
    day = dt.date(year, 1, 1)
    return lambda c: operations.import_video(c, VIDEO, patient_code="P-1", exam_date=day, author=A)


def _clip(exam: int, start: int) -> Step:
    boxes = [Box(1, 2, 30, 40, start)]
    return lambda c: operations.add_clip(c, exam, 1, start, start + 9, boxes=boxes, author=A)


OF_THE_MOMENT = ("at", "added_at", "created_at", "updated_at", "row_hash", "previous_hash")
STORY: list[Step] = [
    _import(2020),
    _import(2021),
    _clip(1, 0),
    _clip(1, 100),
    _clip(2, 200),
    lambda c: operations.register_model(c, MODEL, folder="/m", kind="dmcl", dim=DIM, activate=True, author=A),
    _index([1, 2], "first"),
    lambda c: operations.describe(c, 1, {"size_mm": 8}, author=A),
    lambda c: operations.describe(c, 1, {"size_mm": 9, "paris": "Is"}, author=A),
    lambda c: operations.give_verdict(c, Verdict.SAME, clip_id=3, with_clip_id=1, author=A),
    _index([1, 2, 3], "second"),
    lambda c: operations.undo(c, author=A),
    lambda c: operations.give_verdict(c, Verdict.REJECT, clip_id=3, with_lesion_id=2, author=A),
    lambda c: operations.undo(c, author=A),
    lambda c: operations.redo(c, author=A),
    lambda c: operations.mark_boxes(c, 1, put=[Box(5, 6, 7, 8, 3)], author=A),
    lambda c: operations.remove_clip(c, 2, author=A),
    _index([1, 3], "third"),
    lambda c: operations.undo(c, author=A),
    lambda c: operations.add_legacy_reports(c, [REPORT], author=A),
    lambda c: operations.accept_legacy_findings(c, {1: None}, author=A),
    lambda c: operations.undo(c, author=A),
]


def dump(catalog: Catalog) -> str:
    """All rows but for the times of their writing, and what hangs on those, as a hash."""
    with catalog.read() as connection:
        query = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'sqlite_sequence' ORDER BY name"
        )
        tables = connection.exec_driver_sql(query).scalars().all()
        rows: list[Any] = []
        for table in tables:
            names = [row[1] for row in connection.exec_driver_sql(f'PRAGMA table_info("{table}")')]
            kept = [name for name in names if name not in OF_THE_MOMENT]
            columns = ", ".join(f'"{name}"' for name in kept)
            found = connection.exec_driver_sql(f'SELECT {columns} FROM "{table}"')
            rows += [table, *sorted(map(repr, found))]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


class Killer:
    """Ends the process at its n-th call into SQLite or the file system (two points a call)."""

    def __init__(self, point: int | None) -> None:
        self.point = point
        self.seen: list[str] = []

    def __call__(self, _: Any, event: str, called: Any) -> None:
        if event not in ("c_call", "c_return", "c_exception"):
            return
        owner = getattr(called, "__self__", None)
        place = getattr(owner, "__name__", type(owner).__module__)
        if called.__name__ not in TOUCHES:
            return
        to_database = isinstance(owner, sqlite3.Connection | sqlite3.Cursor) or place == "_sqlite3"
        if to_database or place in ("posix", "_io"):
            if len(self.seen) == self.point:
                os.kill(os.getpid(), signal.SIGKILL)
            self.seen.append("database" if to_database and called.__name__ != "commit" else called.__name__)


def child(folder: Path, killer: Killer, told: int) -> None:
    """Tells the story; each finished operation is one byte in the pipe."""
    sys.setprofile(killer)
    catalog = Catalog.open(DataDir(folder))
    for step in STORY:
        step(catalog)
        sys.setprofile(None)
        os.write(told, b".")
        sys.setprofile(killer)
    sys.setprofile(None)
    catalog.close()


def run(folder: Path, point: int | None, after_s: float | None) -> tuple[int, bool]:
    """Runs a child to its end. Returns how many operations it told of, and whether it was killed."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(read)
            child(folder, Killer(point), write)
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(read, "rb") as pipe:
        finished = len(pipe.read())
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status)
    if not killed and os.WEXITSTATUS(status):
        raise RuntimeError("the child failed by itself")
    return finished, killed


def faults(folder: Path, finished: int, states: list[str], to_the_end: bool) -> list[str]:
    """What is wrong with a catalogue after a kill; ``to_the_end`` tells the rest to see that it works."""
    found: list[str] = []
    with Catalog.open(DataDir(folder)) as catalog:
        found += catalog.problems()
        state = dump(catalog)
        if state not in states[finished : finished + 2]:
            found.append("neither the state before the interrupted operation nor the one after it")
        found += vector_faults(catalog)
        if queries.broken_audit_event(catalog) is not None:
            found.append("the audit log's chain is broken")
        if not to_the_end:
            return found
        here = finished + 1 if state != states[finished] else finished
        for step in STORY[here:]:
            step(catalog)
        if dump(catalog) != states[-1]:
            found.append("the rest of the story ends elsewhere")
        found += vector_faults(catalog)
    return found


def vector_faults(catalog: Catalog) -> list[str]:
    """Rows without their whole and right vector."""
    if not queries.model_versions(catalog):
        return []
    stored = queries.vector_rows(catalog, MODEL)
    indexed = queries.indexed_clips(catalog, VectorStore(catalog.data_dir.vectors), MODEL)
    ids, vectors = indexed.vectors()
    if set(ids.tolist()) != set(stored):
        return ["a row without its vector"]
    wrong = [
        clip
        for clip, one in zip(ids.tolist(), vectors, strict=True)
        if not np.array_equal(one, vector(clip, stored[clip].inputs_hash).vector)
    ]
    return [f"the vector of clip {clip} is another one" for clip in wrong]


def choose(seen: list[str], points: int, chance: random.Random) -> list[int]:
    """Every point with 0; else all around writes of files, half as many commits, some of the rest."""
    if not points:
        return list(range(len(seen)))
    sharp = [at for at, name in enumerate(seen) if name in ("write", "fsync", "replace")]
    commits = [at for at, name in enumerate(seen) if name == "commit"]
    rest = sorted({*range(len(seen))} - {*sharp, *commits})
    some = chance.sample(commits, len(sharp) // 2) + chance.sample(rest, max(0, points - len(sharp) * 3 // 2))
    return sorted([*sharp, *some])


def whole_story(folder: Path, told: Callable[[Catalog], None], killer: Killer | None = None) -> None:
    """Tells the story without a kill; ``told`` sees the catalogue before it and after each operation."""
    sys.setprofile(killer)
    with Catalog.open(DataDir(folder)) as catalog:
        told(catalog)
        for step in STORY:
            step(catalog)
            told(catalog)
    sys.setprofile(None)


def main(root: Path, points: int, seed: int, timed: int) -> dict[str, Any]:
    """``points`` kills at seeded calls (0: at every one), ``timed`` kills at seeded times."""
    chance = random.Random(seed)
    empty = root / "empty"
    Catalog.open(DataDir(empty)).close()
    states: list[str] = []
    for name in ("whole", "count"):
        shutil.copytree(empty, root / name)
    whole_story(root / "whole", lambda catalog: states.append(dump(catalog)))
    begin, counter = time.monotonic(), Killer(None)
    whole_story(root / "count", lambda _: None, counter)
    lasts = time.monotonic() - begin
    plan: list[tuple[int | None, float | None]] = [
        (point, None) for point in choose(counter.seen, points, chance)
    ]
    plan += [(None, chance.uniform(0, 0.8 * lasts)) for _ in range(timed)]
    report: dict[str, Any] = {"calls": len(counter.seen), "kills": 0, "reached": [], "faults": []}
    for at, (point, after_s) in enumerate(plan):
        folder = root / f"run-{at}"
        shutil.copytree(empty, folder)
        finished, killed = run(folder, point, after_s)
        report["kills"] += killed
        report["reached"].append(finished)
        found = faults(folder, finished, states, to_the_end=at % 4 == 0 or not points)
        report["faults"] += [[point, after_s, finished, fault] for fault in found]
        shutil.rmtree(folder)
    return report


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
