"""Writes: the vectors of clips. The vectors reach the disk first, then their rows are committed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, select

from core.catalog import audit, rows
from core.catalog.changes import CatalogChanges, ids_of
from core.catalog.engine import Catalog
from core.catalog.schema import ClipRow, ModelVersionRow, VectorRow
from core.catalog.values import ClipVector
from core.errors import PolypTraceError
from core.inference.vector_store import VectorStore, checksums

_LENGTH_TOLERANCE = 1e-3
_UPSERT = """
INSERT INTO vectors (model, clip_id, slot, crc32, inputs_hash, sources) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (model, clip_id) DO UPDATE SET slot = excluded.slot, crc32 = excluded.crc32,
    inputs_hash = excluded.inputs_hash, sources = excluded.sources
"""


def put_vectors(
    catalog: Catalog, store: VectorStore, model_id: str, vectors: Sequence[ClipVector], *, author: str
) -> CatalogChanges:
    """Files clips' vectors under a model; an older vector of a clip is replaced.

    A replaced vector goes to another slot, so that the old one stays whole until the new row is committed.
    Clips that were removed in the meantime are left out: ``changes.vectors`` says which were written.

    Args:
        catalog: where to.
        store: the vector files beside it.
        model_id: a registered model.
        vectors: one a clip, (dim,) float32 of length 1.
        author: who does it.

    Raises:
        PolypTraceError: ``model-unknown``; ``vector-shape`` or ``vector-values`` when one isn't a unit vector
            of the model's width; as :meth:`core.inference.vector_store.VectorStore.write`.
    """
    by_clip = {vector.clip_id: vector for vector in vectors}
    label = "index clips"
    with catalog.write() as connection:
        model = rows.model_number(connection, model_id)
        dim = connection.execute(select(ModelVersionRow.dim).where(ModelVersionRow.id == model)).scalar_one()
        data = _matrix(list(by_clip.values()), dim)
        present = _present(connection, by_clip)
        entries = [vector for clip_id, vector in by_clip.items() if clip_id in present]
        if not entries:
            return CatalogChanges(label)
        if len(entries) < len(by_clip):
            data = data[[clip_id in present for clip_id in by_clip]]
        slots = _free_slots(connection, model, len(entries))
        store.write(model_id, slots, data)
        _put_rows(connection, model, entries, slots, data)
        after = {"clips": len(entries)}
        audit.note(connection, author, "index", f"model {model_id}", after=after)
    return CatalogChanges(label, vectors=ids_of(entry.clip_id for entry in entries))


def drop_vectors(
    catalog: Catalog, model_id: str, clip_ids: Iterable[int] | None = None, *, author: str
) -> CatalogChanges:
    """Forgets a model's vectors of some clips, or all; their slots are free.

    Raises:
        PolypTraceError: ``model-unknown``.
    """
    with catalog.write() as connection:
        model = rows.model_number(connection, model_id)
        portions = [None] if clip_ids is None else [*rows.chunks(clip_ids)]
        gone: list[int] = []
        for portion in portions:
            which = delete(VectorRow).where(VectorRow.model == model)
            which = which if portion is None else which.where(VectorRow.clip_id.in_(portion))
            gone += connection.execute(which.returning(VectorRow.clip_id)).scalars()
        if gone:
            audit.note(connection, author, "drop-vectors", f"model {model_id}", after={"clips": len(gone)})
    return CatalogChanges("drop vectors", vectors=ids_of(gone))


def _matrix(vectors: Sequence[ClipVector], dim: int) -> NDArray[np.float32]:
    if any(vector.vector.shape != (dim,) for vector in vectors):
        raise PolypTraceError(
            "vector-shape",
            "A clip's vector doesn't have the width of the model's.",
            "Index with the model that is named.",
        )
    data = np.array([vector.vector for vector in vectors], dtype=np.float32).reshape(-1, dim)
    lengths = np.sqrt(np.einsum("nd,nd->n", data, data))
    if not np.all(np.abs(lengths - 1.0) < _LENGTH_TOLERANCE):  # not-a-number fails this too
        raise PolypTraceError(
            "vector-values",
            "The model gave a vector that isn't of length 1, so nothing was saved.",
            "Check the model with `polyptrace models show`.",
        )
    return data


def _present(connection: Connection, clip_ids: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for portion in rows.chunks(clip_ids):
        here = select(ClipRow.id).where(ClipRow.id.in_(portion), ClipRow.removed.is_(False))
        found.update(connection.execute(here).scalars())
    return found


def _free_slots(connection: Connection, model: int, count: int) -> NDArray[np.int64]:
    """The lowest slots without a row, in rising order. The write lock makes them ours."""
    end, rows_there = connection.execute(
        select(func.coalesce(func.max(VectorRow.slot) + 1, 0), func.count()).where(VectorRow.model == model)
    ).one()
    if end == rows_there:  # no gap: don't read all slots only to append
        return np.arange(end, end + count, dtype=np.int64)
    taken = connection.execute(select(VectorRow.slot).where(VectorRow.model == model)).scalars()
    used = np.fromiter(taken, dtype=np.int64)
    # Among the first used + count slots at least count are free.
    free = np.ones(len(used) + count, dtype=bool)
    free[used[used < len(free)]] = False
    return np.flatnonzero(free)[:count].astype(np.int64)


def _put_rows(
    connection: Connection,
    model: int,
    entries: Sequence[ClipVector],
    slots: NDArray[np.int64],
    data: NDArray[np.float32],
) -> None:
    # By the driver: SQLAlchemy's handling of each row takes longer than writing it.
    sources = (msgspec.json.encode(entry.sources).decode() for entry in entries)
    new = [
        (model, entry.clip_id, slot, crc32, entry.inputs_hash, made_of)
        for entry, slot, crc32, made_of in zip(entries, slots.tolist(), checksums(data), sources, strict=True)
    ]
    connection.exec_driver_sql(_UPSERT, new)
