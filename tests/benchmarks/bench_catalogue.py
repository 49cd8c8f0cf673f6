"""The catalogue: filing vectors, opening, scanning; and a match from question to answer on the demo."""

from __future__ import annotations

import datetime as dt
import json
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from demo_folder import fill
from numpy.typing import NDArray
from sqlalchemy import JSON, Engine, LargeBinary, create_engine, event, insert, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from table import Figure, Goal, Row
from timing import ROOT, Size, middle, paired, percentile, ratio, seconds

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.catalog.schema import ClipRow, FindingRow
from core.catalog.values import ClipVector
from core.domain import Video
from core.inference.vector_store import VectorStore
from core.jobs.host import JobDone, JobFailed, WorkerHost
from core.matching.gallery import gallery_of
from core.matching.keeping import keep_vectors
from core.paths import DataDir

MODEL, DIM, WHO = "bench", 768, "bench"
SOURCES: dict[str, Any] = {"source": "lesion box", "pts": [512 * k for k in range(8)]}
"""As :func:`core.matching.indexing.embed_each` files them."""


class _Base(DeclarativeBase):
    pass


class Blob(_Base):
    """The naive way: the vector in the row."""

    __tablename__ = "blobs"
    clip_id: Mapped[int] = mapped_column(primary_key=True)
    slot: Mapped[int]
    crc32: Mapped[int]
    inputs_hash: Mapped[str]
    sources: Mapped[dict[str, Any]] = mapped_column(JSON)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


def _vectors(count: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(9).standard_normal((count, DIM), dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _with_clips(folder: Path, count: int) -> Catalog:
    """A catalogue of one exam with so many clips."""
    catalog = Catalog.open(DataDir(folder))
    video = Video(0, "ab" * 32, "/videos/one.mp4", 10**6, 40.0, 560, 480, "h264", (1, 25))
    done = operations.import_video(
        catalog, video, patient_code="B", exam_date=dt.date(2024, 1, 1), author=WHO
    )
    with catalog.write() as connection:
        exam = done.exams[0]
        numbers = range(1, count + 1)
        connection.execute(insert(FindingRow), [{"exam_id": exam, "lesion_no": k} for k in numbers])
        common = {"exam_id": exam, "video_id": done.subject, "boxes": []}
        clips = [common | {"finding_id": k, "pts_in": k, "pts_out": k + 9} for k in numbers]
        connection.execute(insert(ClipRow), clips)
    operations.register_model(catalog, MODEL, folder="/m", kind="dmcl", dim=DIM, activate=True, author=WHO)
    return catalog


def _naive_file(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")

    def settings(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    event.listen(engine, "connect", settings)
    _Base.metadata.create_all(engine)
    return engine


class _Both:
    """The same rows and vectors, filed in portions by us and by the naive way."""

    def __init__(self, folder: Path, count: int, portions: int) -> None:
        self.folder, self.each = folder, count // portions
        self.vectors = _vectors(count)
        self.catalog, self.engine = _with_clips(folder / "ours", count), _naive_file(folder / "naive.sqlite")
        self.store = VectorStore(self.catalog.data_dir.vectors)
        self.at = [0, 0, 0]

    def _portion(self, which: int) -> range:
        start = self.at[which]
        self.at[which] += self.each
        return range(start, start + self.each)

    def put(self) -> None:
        """By our operation."""
        made = [ClipVector(k + 1, self.vectors[k], f"{k:064x}", SOURCES) for k in self._portion(0)]
        operations.put_vectors(self.catalog, self.store, MODEL, made, author=WHO)

    def add_all(self) -> None:
        """By the ORM, vectors in the rows."""
        common = {"crc32": 1, "sources": SOURCES}
        with Session(self.engine) as session:
            session.add_all(
                Blob(
                    clip_id=k + 1, slot=k, inputs_hash=f"{k:064x}", vector=self.vectors[k].tobytes(), **common
                )
                for k in self._portion(1)
            )
            session.commit()

    def write(self) -> None:
        """The vectors' bytes alone, until they have reached the disk."""
        rows = self.vectors[list(self._portion(2))]
        with (self.folder / "bytes").open("ab") as file:
            file.write(rows.tobytes())
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Lets go of the files."""
        self.catalog.close()
        self.engine.dispose()


def catalogue(size: Size) -> list[Row]:
    """Rows with vectors: written, then found again."""
    portions = size.of(5, 3)
    with tempfile.TemporaryDirectory() as name:
        both = _Both(Path(name), size.of(20_000, 600), portions)
        try:
            ours, peer, least = paired(both.put, both.add_all, both.write, rounds=portions - 1)
            return [_filed(both, ours, peer, least), _opened(both, size), _scanned(both, size)]
        finally:
            both.close()


def _filed(both: _Both, ours: list[float], peer: list[float], least: list[float]) -> Row:
    indexed = queries.indexed_clips(both.catalog, both.store, MODEL)
    ids, stored = indexed.vectors()
    return Row(
        name="catalogue",
        work=f"filing clips' vectors of {DIM} numbers, {both.each:,} at once, a row",
        ours=Figure(1000 * middle(ours, both.each), "µs", "operations.put_vectors, one transaction"),
        peer=Figure(1000 * middle(peer, both.each), "µs", "ORM add_all, vectors as blobs"),
        limit=Figure(1000 * middle(least, both.each), "µs", "writing the vectors' bytes and syncing"),
        goals=(Goal("ORM / ours", ratio(peer, ours), 8, least=True),),
        checks={"all vectors read back equal": np.array_equal(stored, both.vectors[ids - 1])},
    )


def _opened(both: _Both, size: Size) -> Row:
    def blobs() -> NDArray[np.float32]:
        with both.engine.connect() as connection:
            found = connection.execute(select(Blob.clip_id, Blob.vector).order_by(Blob.clip_id)).all()
        return np.stack([np.frombuffer(row.vector, np.float32) for row in found])

    count = len(both.vectors)
    folder = both.catalog.data_dir
    ours, peer, least = paired(
        lambda: queries.indexed_clips(both.catalog, both.store, MODEL),
        blobs,
        lambda: both.store.matrix(MODEL, DIM),
        rounds=size.rounds,
    )
    opening = [seconds(lambda: Catalog.open(folder).close()) for _ in range(size.rounds)]
    return Row(
        name="catalogue-open",
        work=f"the {count:,} vectors ready to rank",
        ours=Figure(middle(ours), "ms", "queries.indexed_clips: rows read, every vector checked"),
        peer=Figure(middle(peer), "ms", "loading blobs"),
        limit=Figure(middle(least), "ms", "the memory map alone"),
        goals=(Goal("blobs / ours", ratio(peer, ours), 1, least=True),),
        checks={"same vectors": np.array_equal(blobs(), _ranked_vectors(both))},
        note=f"opening the catalogue itself takes {middle(opening):.1f} ms",
    )


def _ranked_vectors(both: _Both) -> NDArray[np.float32]:
    return np.asarray(queries.indexed_clips(both.catalog, both.store, MODEL).vectors()[1])


def _scanned(both: _Both, size: Size) -> Row:
    asked = "SELECT count(*), sum(slot), max(inputs_hash) FROM"

    def ours() -> Any:
        with both.catalog.read() as connection:
            return tuple(connection.execute(text(f"{asked} vectors")).one())

    def peer() -> Any:
        with both.engine.connect() as connection:
            return tuple(connection.execute(text(f"{asked} blobs")).one())

    mine, theirs = paired(ours, peer, rounds=3 * size.rounds, warm=2)
    values = [seconds(lambda: queries.vector_rows(both.catalog, MODEL)) for _ in range(size.of(5, 1))]
    return Row(
        name="catalogue-scan",
        work=f"a scan over {len(both.vectors):,} rows' metadata",
        ours=Figure(middle(mine), "ms", "SQL over our table"),
        peer=Figure(middle(theirs), "ms", "the same SQL, blobs in the rows"),
        goals=(Goal("blobs / ours", ratio(theirs, mine), 10, least=True),),
        checks={"same answer": ours()[0] == peer()[0] and ours()[2] == peer()[2]},
        note=f"as values of Python (queries.vector_rows) the rows take {median(values) * 1000:.0f} ms",
    )


class _Worker:
    """The inference worker, asked one thing after another."""

    def __init__(self, folder: Path) -> None:
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._common = {"data_dir": str(folder), "model": None, "device": "auto"}
        self.host = WorkerHost([sys.executable, "-m", "core.jobs.inference_worker"], "inference", self._hear)

    def _hear(self, event: Any) -> None:
        if isinstance(event, JobDone | JobFailed):
            self._ended.put(event)

    def __call__(self, name: str, **params: Any) -> Any:
        self.host.submit(name, self._common | params)
        ended = self._ended.get(timeout=300)
        if isinstance(ended, JobFailed):
            raise ended.error
        return ended.value


def match(size: Size) -> list[Row]:
    """The demo's follow-up clips against the whole catalogue, as the window asks: worker, writer, worker."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Catalog.open(DataDir(folder)) as catalog:
            asked = fill(catalog, patients=size.of(99, 1))
            worker = _Worker(folder)
            try:
                return [_matched(catalog, worker, asked, size)]
            finally:
                worker.host.close()


def _matched(catalog: Catalog, worker: _Worker, asked: list[int], size: Size) -> Row:
    def ask(clip: int) -> Any:
        clips = [one.id for one in gallery_of(catalog, clip, True).clips]
        made = worker("embed", clips=clips)
        keep_vectors(catalog, made)
        return worker("match", clip=clip, everywhere=True, top=20, failed=made["failed"])

    model: str = worker("open")["model"]
    first = seconds(lambda: ask(asked[0]))
    warm = [seconds(lambda clip=clip: ask(clip)) for clip in asked * size.of(5, 1)]  # type: ignore[misc]
    fresh: list[float] = []
    for clip in asked[: size.of(8, 1)]:
        operations.drop_vectors(catalog, model, [clip], author=WHO)
        fresh.append(seconds(lambda clip=clip: ask(clip)))  # type: ignore[misc]
    document, alone = _by_command(catalog.data_dir.root, asked[0])
    mine = [one["clip"] for one in ask(asked[0])["catalogue"]]
    theirs = [one["clip"] for one in document["catalogue"]]
    return Row(
        name="match",
        work=f"a match over the demo's {catalog.counts()['clips']} clips, worker warm, 95th percentile",
        ours=Figure(
            percentile(warm),
            "ms",
            f"median {middle(warm):.0f} ms; a clip not embedded yet {middle(fresh):.0f}",
        ),
        peer=Figure(alone * 1000, "ms", "polyptrace match in a fresh process"),
        checks={"same ranking as the command's": mine[: len(theirs)] == theirs[: len(mine)]},
        note=f"the first match, which embeds all clips: {first:.1f} s",
    )


def _by_command(folder: Path, clip: int) -> tuple[Any, float]:
    command = [sys.executable, "-m", "core", "match", str(clip), "--scope", "catalogue", "--json"]
    begin = time.perf_counter()
    done = subprocess.run(
        [*command, "--data-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return json.loads(done.stdout), time.perf_counter() - begin


BENCHES: dict[str, Callable[[Size], list[Row]]] = {"catalogue": catalogue, "match": match}
