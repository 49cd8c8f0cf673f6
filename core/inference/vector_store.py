"""Vectors in memory-mapped files, one folder a model version. Torch-free.

The store knows slots, not clips: which slot belongs to which clip is a row of the catalogue, written only
after the slot has reached the disk. A slot without a row is free, whatever it holds. So a row and its vector
are both there or both absent, wherever the program is killed. The catalogue's write lock keeps writers apart.

File: a header of 4096 bytes (magic, width, model id), then rows of ``dim`` little-endian float32.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import zlib
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.errors import PolypTraceError

Matrix = NDArray[np.float32]
Ints = NDArray[np.int64]

FILE = "vectors.f32"
_HEADER = 4096
_MAGIC = b"PTVECT1\n"
_FLOAT = np.dtype("<f4")


class _Head(msgspec.Struct, frozen=True):
    model_id: str
    dim: int


class VectorStore:
    """The folder of all vector files. Making one creates nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, model_id: str) -> Path:
        """Where a model's vectors lie: a readable name, and a hash that keeps any two ids apart."""
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", model_id).strip("-").lower()[:60]
        return self.root / f"{plain or 'model'}-{hashlib.sha256(model_id.encode()).hexdigest()[:12]}"

    def matrix(self, model_id: str, dim: int) -> Matrix:
        """All slots of a model as one read-only (slots, dim) float32 memory map; (0, dim) without any.

        Free slots are part of it: ask the catalogue which slots count. Later appends need a new map.

        Raises:
            PolypTraceError: ``vectors-foreign``, ``vectors-unreachable``.
        """
        path = self.folder(model_id) / FILE
        try:
            with path.open("rb") as file:
                _check_head(file, model_id, dim)
                slots = max(0, (os.fstat(file.fileno()).st_size - _HEADER) // (dim * _FLOAT.itemsize))
                if slots == 0:
                    return np.empty((0, dim), dtype=np.float32)
                return np.memmap(file, dtype=_FLOAT, mode="r", offset=_HEADER, shape=(slots, dim))
        except FileNotFoundError:
            return np.empty((0, dim), dtype=np.float32)
        except OSError as error:
            raise _in_words(error) from error

    def write(self, model_id: str, slots: Ints, vectors: Matrix) -> None:
        """Writes rows into slots, appended or replaced, and returns when they have reached the disk.

        Args:
            model_id: the model version.
            slots: (n,) different slot numbers from 0; a gap behind the end of the file stays a hole.
            vectors: (n, dim) float32.

        Raises:
            PolypTraceError: ``vectors-foreign``, ``vectors-unreachable``, ``disk-full``.
        """
        if len(slots) == 0:
            return
        dim = vectors.shape[1]
        places, data = slots, np.ascontiguousarray(vectors, dtype=_FLOAT)
        if np.any(np.diff(slots) < 0):
            order = np.argsort(slots, kind="stable")
            places, data = slots[order], data[order]
        try:
            path = self._prepared(model_id, dim)
            with path.open("r+b") as file:
                _check_head(file, model_id, dim)
                for start, end in _runs(places):
                    file.seek(_HEADER + int(places[start]) * dim * _FLOAT.itemsize)
                    file.write(data[start:end].data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _in_words(error) from error

    def _prepared(self, model_id: str, dim: int) -> Path:
        """The model's file, made whole or not at all when it isn't there."""
        path = self.folder(model_id) / FILE
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        head = _MAGIC + msgspec.json.encode(_Head(model_id, dim))
        with part.open("wb") as file:
            file.write(head.ljust(_HEADER, b"\n"))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        for folder in (path.parent, self.root, self.root.parent):
            _sync_folder(folder)
        return path


def checksums(vectors: Matrix, rows: Ints | None = None) -> list[int]:
    """CRC-32 of the stored bytes of each row of an (N, dim) matrix, or of the chosen rows in their order."""
    data = np.ascontiguousarray(vectors, dtype=_FLOAT)
    if not data.size:
        return []
    # Without an array object a row: making those takes as long as the checksum.
    octets, width = data.data.cast("B"), data.shape[1] * _FLOAT.itemsize
    starts = range(0, len(octets), width) if rows is None else (rows * width).tolist()
    return [zlib.crc32(octets[start : start + width]) for start in starts]


def _check_head(file: BinaryIO, model_id: str, dim: int) -> None:
    start = file.read(_HEADER)
    try:
        whole = len(start) == _HEADER and start.startswith(_MAGIC)
        head = msgspec.json.decode(start[len(_MAGIC) :].rstrip(b"\n"), type=_Head) if whole else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        head = None
    if head != _Head(model_id, dim):
        raise PolypTraceError(
            "vectors-foreign",
            "The file of the stored vectors isn't one of this model.",
            "It was left as it is: move it out of “vectors” in the data folder and index again.",
        )


def _runs(places: Ints) -> list[tuple[int, int]]:
    """Stretches of neighbouring slots as (start, end) positions: each is one write."""
    cuts = np.flatnonzero(np.diff(places) != 1) + 1
    edges = [0, *cuts.tolist(), len(places)]
    return list(pairwise(edges))


def _sync_folder(folder: Path) -> None:
    """Makes a new name survive a power cut, where the system can (Windows syncs names by itself)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _in_words(error: OSError) -> PolypTraceError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return PolypTraceError(
            "disk-full",
            "The disk is full, so the vectors couldn't be saved.",
            "Free some space and index again; nothing was changed.",
        )
    return PolypTraceError(
        "vectors-unreachable",
        "The file of the stored vectors can't be opened, read or written.",
        "Check that the data folder is connected and that you may write in it.",
    )
