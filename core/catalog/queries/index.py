"""Reads: which clips have a vector, where it lies, and which need one."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
from sqlalchemy import Connection, select

from core.catalog import rows
from core.catalog.engine import Catalog
from core.catalog.schema import ClipRow, ModelVersionRow, VectorRow
from core.catalog.values import IndexedClips, Matrix, StoredVector
from core.inference.vector_store import VectorStore


def vector_rows(catalog: Catalog, model_id: str) -> dict[int, StoredVector]:
    """The rows of a model's vectors by clip, present clips only. The vectors themselves aren't looked at.

    Raises:
        PolypTraceError: ``model-unknown``.
    """
    with catalog.read() as connection:
        return {row.clip_id: row for row in _rows(connection, model_id)}


def indexed_clips(catalog: Catalog, store: VectorStore, model_id: str) -> IndexedClips:
    """The present clips with a whole vector, and all the model's vectors as one memory map.

    A row whose slot is missing or holds other bytes (a restored or damaged file) counts as absent. Ask anew
    for each ranking: a later indexing may give slots of replaced vectors to other clips.

    Raises:
        PolypTraceError: ``model-unknown``, or as :meth:`core.inference.vector_store.VectorStore.matrix`.
    """
    with catalog.read() as connection:
        found = _rows(connection, model_id)
        query = select(ModelVersionRow.dim).where(ModelVersionRow.model_id == model_id)
        dim = connection.execute(query).scalar_one()
        # Inside the read: the file is at least as new as the rows.
        matrix = store.matrix(model_id, dim)
        whole = [row for row in found if _is_whole(matrix, row)]
    return IndexedClips(
        clip_ids=np.array([row.clip_id for row in whole], dtype=np.int64),
        slots=np.array([row.slot for row in whole], dtype=np.int64),
        matrix=matrix,
    )


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
    known = vector_rows(catalog, model_id)
    whole = set(indexed_clips(catalog, store, model_id).clip_ids.tolist())
    return sorted(
        clip_id
        for clip_id, inputs_hash in hashes.items()
        if clip_id not in whole or clip_id not in known or known[clip_id].inputs_hash != inputs_hash
    )


def _rows(connection: Connection, model_id: str) -> list[StoredVector]:
    model = rows.model_number(connection, model_id)
    columns = (VectorRow.clip_id, VectorRow.slot, VectorRow.crc32, VectorRow.inputs_hash, VectorRow.sources)
    query = select(*columns).join(ClipRow, ClipRow.id == VectorRow.clip_id)
    query = query.where(VectorRow.model == model, ClipRow.removed.is_(False)).order_by(VectorRow.clip_id)
    return [StoredVector(*row) for row in connection.execute(query)]


def _is_whole(matrix: Matrix, row: StoredVector) -> bool:
    return row.slot < len(matrix) and zlib.crc32(matrix[row.slot].tobytes()) == row.crc32
