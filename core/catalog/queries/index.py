"""Reads: which clips have a vector, where it lies, and which need one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from core.catalog import rows
from core.catalog.engine import Catalog
from core.catalog.schema import ClipRow, ModelVersionRow, VectorRow
from core.catalog.values import IndexedClips, StoredVector
from core.inference.vector_store import VectorStore, checksums


def vector_rows(catalog: Catalog, model_id: str) -> dict[int, StoredVector]:
    """The rows of a model's vectors by clip, present clips only. The vectors themselves aren't looked at.

    Raises:
        PolypTraceError: ``model-unknown``.
    """
    columns = (VectorRow.clip_id, VectorRow.slot, VectorRow.crc32, VectorRow.inputs_hash, VectorRow.sources)
    with catalog.read() as connection:
        found = connection.execute(_rows(connection, model_id, *columns))
        return {row.clip_id: StoredVector(*row) for row in found}


def indexed_clips(
    catalog: Catalog, store: VectorStore, model_id: str, clip_ids: Collection[int] | None = None
) -> IndexedClips:
    """The present clips with a whole vector, and all the model's vectors as one memory map.

    A row whose slot is missing or holds other bytes (a restored or damaged file) counts as absent. Ask anew
    for each ranking: a later indexing may give slots of replaced vectors to other clips.

    Args:
        catalog: where the rows are.
        store: where the vectors are.
        model_id: a registered model.
        clip_ids: those in question; None = all. The vectors of others aren't read.

    Raises:
        PolypTraceError: ``model-unknown``, or as :meth:`core.inference.vector_store.VectorStore.matrix`.
    """
    with catalog.read() as connection:
        return _indexed(connection, store, model_id, clip_ids)


def clips_to_index(
    catalog: Catalog, store: VectorStore, model_id: str, hashes: Mapping[int, str]
) -> list[int]:
    """Clips that have no whole vector of the model, or one made of other inputs, in rising order.

    Args:
        catalog: where the rows are.
        store: where the vectors are.
        model_id: a registered model.
        hashes: for each clip in question, the hash of its inputs as they are now.

    Raises:
        PolypTraceError: as :func:`indexed_clips`.
    """
    with catalog.read() as connection:
        made_of = _rows(connection, model_id, VectorRow.clip_id, VectorRow.inputs_hash)
        known = {row.clip_id: row.inputs_hash for row in connection.execute(made_of)}
        whole = set(_indexed(connection, store, model_id, hashes.keys()).clip_ids.tolist())
    return sorted(
        clip_id
        for clip_id, inputs_hash in hashes.items()
        if clip_id not in whole or known[clip_id] != inputs_hash
    )


def _indexed(
    connection: Connection, store: VectorStore, model_id: str, clip_ids: Collection[int] | None
) -> IndexedClips:
    query = _rows(connection, model_id, VectorRow.clip_id, VectorRow.slot, VectorRow.crc32)
    table = rows.integers(connection.execute(query)).reshape(-1, 3)
    if clip_ids is not None:
        wanted = np.fromiter(clip_ids, dtype=np.int64, count=len(clip_ids))
        table = table[np.isin(table[:, 0], wanted)]
    width = select(ModelVersionRow.dim).where(ModelVersionRow.model_id == model_id)
    # Inside the read: the file is at least as new as the rows.
    matrix = store.matrix(model_id, connection.execute(width).scalar_one())
    table = table[table[:, 1] < len(matrix)]
    table = table[np.array(checksums(matrix, table[:, 1]), dtype=np.int64) == table[:, 2]]
    return IndexedClips(clip_ids=table[:, 0].copy(), slots=table[:, 1].copy(), matrix=matrix)


def _rows(connection: Connection, model_id: str, *columns: InstrumentedAttribute[Any]) -> Select[Any]:
    """The rows of a model's vectors, present clips only, by clip; ask for no column that isn't needed."""
    model = rows.model_number(connection, model_id)
    removed = select(ClipRow.id).where(ClipRow.removed)  # few: half the time of joining all clips
    query = select(*columns).where(VectorRow.model == model, VectorRow.clip_id.not_in(removed))
    return query.order_by(VectorRow.clip_id)
