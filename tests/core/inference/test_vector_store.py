"""Vectors in memory-mapped files: whole or absent, whoever replaces, kills or damages what."""

from __future__ import annotations

import datetime as dt
import errno
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.catalog.values import ClipVector
from core.domain import Video
from core.errors import PolypTraceError
from core.inference.vector_store import FILE, VectorStore
from core.paths import DataDir

A, MODEL, DIM = "tester", "m1", 8

_WRITER = """
import sys
import numpy as np
from pathlib import Path
from core.catalog import operations
from core.catalog.engine import Catalog
from core.catalog.values import ClipVector
from core.inference.vector_store import VectorStore
from core.paths import DataDir
root, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
with Catalog.open(DataDir(root), busy_timeout_s=60) as catalog:
    for clip in range(first, first + count):
        vector = np.zeros(8, dtype=np.float32)
        vector[clip % 8] = 1
        rows = [ClipVector(clip, vector, "w")]
        operations.put_vectors(catalog, VectorStore(catalog.data_dir.vectors), "m1", rows, author="w")
"""


def unit(seed: int, dim: int = DIM) -> np.ndarray[Any, np.dtype[np.float32]]:
    raw = np.random.default_rng(seed).standard_normal(dim)
    return (raw / np.linalg.norm(raw)).astype(np.float32)


def entry(clip: int, seed: int, inputs_hash: str = "h", **sources: Any) -> ClipVector:
    return ClipVector(clip, unit(seed), inputs_hash, sources)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Clips 1 to 12 and a registered model."""
    with Catalog.open(DataDir(tmp_path / "data")) as opened:
        video = Video(0, "cd" * 32, "/videos/one.mp4", 1000, 40.0, 560, 480, "h264", (1, 25))
        day = dt.date(2024, 1, 1)
        done = operations.import_video(opened, video, patient_code="P-1", exam_date=day, author=A)
        for at in range(12):
            operations.add_clip(opened, done.exams[0], 1, at * 10, at * 10 + 5, author=A)
        operations.register_model(opened, MODEL, folder="/m", kind="dmcl", dim=DIM, author=A)
        yield opened


@pytest.fixture
def store(catalog: Catalog) -> VectorStore:
    return VectorStore(catalog.data_dir.vectors)


def put(catalog: Catalog, store: VectorStore, *entries: ClipVector) -> tuple[int, ...]:
    return operations.put_vectors(catalog, store, MODEL, entries, author=A).vectors


def read(catalog: Catalog, store: VectorStore) -> dict[int, Any]:
    ids, vectors = queries.indexed_clips(catalog, store, MODEL).vectors()
    return dict(zip(ids.tolist(), vectors, strict=True))


def test_slots_are_written_replaced_and_read_as_one_map(store: VectorStore) -> None:
    assert store.matrix(MODEL, 4).shape == (0, 4)
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    store.write(MODEL, np.array([2, 0, 1]), rows)
    found = store.matrix(MODEL, 4)
    assert isinstance(found, np.memmap)
    assert (found.shape, found.dtype, found.flags.writeable) == ((3, 4), np.dtype(np.float32), False)
    assert np.array_equal(found, rows[[1, 2, 0]])
    store.write(MODEL, np.array([1]), np.full((1, 4), 7, dtype=np.float32))
    store.write(MODEL, np.array([5]), np.full((1, 4), 9, dtype=np.float32))
    found = store.matrix(MODEL, 4)
    assert np.array_equal(found[[0, 1, 2, 5]], [rows[1], np.full(4, 7), rows[0], np.full(4, 9)])
    assert not found[3:5].any()
    other = VectorStore(store.root)
    assert np.array_equal(other.matrix(MODEL, 4), found)


def test_every_model_id_has_a_folder_of_its_own(store: VectorStore) -> None:
    ids = ["m1", "M1", "../m1", "a/b", "a b", "ä", "", ".", "x" * 300, "con"]
    assert len({store.folder(name) for name in ids}) == len(ids)
    for name in ids:
        assert store.folder(name).parent == store.root
        store.write(name, np.array([0]), np.full((1, 2), len(name), dtype=np.float32))
    assert [int(store.matrix(name, 2)[0, 0]) for name in ids] == [len(name) for name in ids]


@pytest.mark.parametrize("content", [b"", b"PTVECT1\n", b"PTVECT1\n" + b"{" * 5000, b"\x00" * 9000])
def test_a_foreign_file_is_refused_and_left_alone(store: VectorStore, content: bytes) -> None:
    path = store.folder(MODEL) / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    for attempt in (
        lambda: store.matrix(MODEL, 4),
        lambda: store.write(MODEL, np.array([0]), np.zeros((1, 4), dtype=np.float32)),
    ):
        with pytest.raises(PolypTraceError) as caught:
            attempt()
        assert caught.value.code == "vectors-foreign"
    assert path.read_bytes() == content


def test_another_width_is_refused(store: VectorStore) -> None:
    store.write(MODEL, np.array([0]), np.zeros((1, 4), dtype=np.float32))
    with pytest.raises(PolypTraceError, match="isn't one of this model"):
        store.matrix(MODEL, 5)


def test_a_torn_end_is_no_slot(store: VectorStore) -> None:
    store.write(MODEL, np.array([0, 1]), np.ones((2, 4), dtype=np.float32))
    with (store.folder(MODEL) / FILE).open("ab") as file:
        file.write(b"\x01" * 7)
    assert len(store.matrix(MODEL, 4)) == 2
    store.write(MODEL, np.array([2]), np.full((1, 4), 3, dtype=np.float32))
    assert store.matrix(MODEL, 4)[2].tolist() == [3] * 4


def test_what_was_put_is_read_with_its_sources(catalog: Catalog, store: VectorStore) -> None:
    made_of = {"source": "box", "pts": [1, 2], "quality": [0.5, 0.25]}
    assert put(catalog, store, entry(3, 3, "hash", **made_of), entry(1, 1)) == (1, 3)
    found = read(catalog, store)
    assert sorted(found) == [1, 3]
    assert np.array_equal(found[3], unit(3))
    row = queries.vector_rows(catalog, MODEL)[3]
    assert (row.inputs_hash, row.sources, row.crc32) == ("hash", made_of, zlib.crc32(unit(3).tobytes()))
    some_ids, some = queries.indexed_clips(catalog, store, MODEL, [99, 3, 2, 3]).vectors()
    assert (some_ids.tolist(), some.shape) == ([3], (1, DIM))
    assert queries.indexed_clips(catalog, store, MODEL, []).vectors()[1].shape == (0, DIM)


def test_replacing_writes_beside_and_frees_the_old_slot(catalog: Catalog, store: VectorStore) -> None:
    put(catalog, store, entry(1, 1), entry(2, 2))
    old = queries.vector_rows(catalog, MODEL)[1].slot
    before = queries.indexed_clips(catalog, store, MODEL)
    put(catalog, store, entry(1, 11, "new"))
    assert queries.vector_rows(catalog, MODEL)[1].slot == 2
    assert np.array_equal(before.matrix[old], unit(1)), "whoever read before still reads the old vector"
    assert np.array_equal(read(catalog, store)[1], unit(11))
    put(catalog, store, entry(3, 3), entry(4, 4))
    assert queries.vector_rows(catalog, MODEL)[3].slot == old
    slots = [row.slot for row in queries.vector_rows(catalog, MODEL).values()]
    assert sorted(slots) == [0, 1, 2, 3]
    assert all(
        np.array_equal(found, unit(11 if clip == 1 else clip)) for clip, found in read(catalog, store).items()
    )


def test_what_is_stale_or_missing_is_listed(catalog: Catalog, store: VectorStore) -> None:
    put(catalog, store, entry(1, 1, "a"), entry(2, 2, "a"), entry(3, 3, "a"))
    hashes = {1: "a", 2: "b", 3: "a", 4: "a"}
    assert queries.clips_to_index(catalog, store, MODEL, hashes) == [2, 4]
    operations.drop_vectors(catalog, MODEL, [3], author=A)
    assert queries.clips_to_index(catalog, store, MODEL, hashes) == [2, 3, 4]
    path = store.folder(MODEL) / FILE
    spoilt = bytearray(path.read_bytes())
    spoilt[4096 + 5] ^= 1  # a bit of the first slot
    path.write_bytes(bytes(spoilt))
    assert queries.clips_to_index(catalog, store, MODEL, hashes) == [1, 2, 3, 4]
    assert sorted(read(catalog, store)) == [2]
    path.unlink()
    assert read(catalog, store) == {}
    assert queries.clips_to_index(catalog, store, MODEL, {2: "a"}) == [2]
    put(catalog, store, entry(2, 2, "a"))
    assert sorted(read(catalog, store)) == [2]


def test_removed_clips_have_no_vector_until_they_come_back(catalog: Catalog, store: VectorStore) -> None:
    put(catalog, store, entry(1, 1), entry(2, 2))
    operations.remove_clip(catalog, 1, author=A)
    assert sorted(read(catalog, store)) == [2]
    assert put(catalog, store, entry(1, 5), entry(99, 5), entry(3, 3)) == (3,)
    operations.undo(catalog, author=A)
    assert np.array_equal(read(catalog, store)[1], unit(1))


def test_models_don_t_share_vectors(catalog: Catalog, store: VectorStore) -> None:
    operations.register_model(catalog, "other", folder="/o", kind="dmcl", dim=2, author=A)
    put(catalog, store, entry(1, 1))
    rows = [ClipVector(1, unit(5, 2), "h")]
    operations.put_vectors(catalog, store, "other", rows, author=A)
    assert queries.indexed_clips(catalog, store, "other").vectors()[1].shape == (1, 2)
    operations.drop_vectors(catalog, "other", author=A)
    assert sorted(read(catalog, store)) == [1]


@pytest.mark.parametrize(
    ("vector", "code"),
    [
        (unit(1, DIM + 1), "vector-shape"),
        (unit(1)[None], "vector-shape"),
        (unit(1) * 2, "vector-values"),
        (unit(1) * np.float32("nan"), "vector-values"),
    ],
)
def test_what_is_no_unit_vector_of_the_model_is_refused(
    catalog: Catalog, store: VectorStore, vector: Any, code: str
) -> None:
    with pytest.raises(PolypTraceError) as caught:
        put(catalog, store, entry(1, 1), ClipVector(2, vector, "h"))
    assert caught.value.code == code
    assert read(catalog, store) == {}
    with pytest.raises(PolypTraceError) as caught:
        operations.put_vectors(catalog, store, "nobody", [entry(1, 1)], author=A)
    assert caught.value.code == "model-unknown"


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "disk-full"), (errno.EIO, "vectors-unreachable")]
)
def test_a_disk_that_fails_is_told_and_nothing_is_lost(
    catalog: Catalog, store: VectorStore, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    put(catalog, store, entry(1, 1))

    def failing(_: int) -> None:
        raise OSError(number, "the disk says no")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(PolypTraceError) as caught:
        put(catalog, store, entry(1, 9), entry(2, 2))
    assert caught.value.code == code
    monkeypatch.undo()
    assert {clip: found.tolist() for clip, found in read(catalog, store).items()} == {1: unit(1).tolist()}
    put(catalog, store, entry(2, 2))
    assert sorted(read(catalog, store)) == [1, 2]


def test_the_vector_is_on_the_disk_before_its_row_is_committed(
    catalog: Catalog, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("sync"), real(handle))[1])
    write = VectorStore.write

    def seen(self: VectorStore, *arguments: Any) -> None:
        write(self, *arguments)
        with Catalog.open(catalog.data_dir) as other:
            order.append(f"rows {len(queries.vector_rows(other, MODEL))}")

    monkeypatch.setattr(VectorStore, "write", seen)
    put(catalog, store, entry(1, 1))
    assert order[-2:] == ["sync", "rows 0"]
    assert sorted(read(catalog, store)) == [1]


def test_two_processes_share_one_file(catalog: Catalog, store: VectorStore) -> None:
    command = [sys.executable, "-c", _WRITER, str(catalog.data_dir.root)]
    running = [subprocess.Popen([*command, str(first), "6"], stderr=subprocess.PIPE) for first in (1, 7)]
    errors = [process.communicate(timeout=120)[1].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    found = read(catalog, store)
    assert {clip: int(np.argmax(vector)) for clip, vector in found.items()} == {
        clip: clip % 8 for clip in range(1, 13)
    }
    assert len(queries.indexed_clips(catalog, store, MODEL).matrix) == 12


def test_the_store_needs_no_torch() -> None:
    code = (
        "import sys, core.inference.vector_store, core.catalog.operations, core.catalog.queries; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'torchvision', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
