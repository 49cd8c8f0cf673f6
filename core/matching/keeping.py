"""Vectors on their way from the process that embeds to the one that writes the catalogue, as a file."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.catalog import operations
from core.catalog.changes import CatalogChanges
from core.catalog.engine import Catalog
from core.catalog.values import ClipVector
from core.errors import PolypTraceError
from core.inference.bundle import BundleInfo, read_bundle
from core.inference.vector_store import VectorStore
from core.matching.model_choice import register_bundle
from core.matching.values import Failure
from core.paths import DataDir

AUTHOR = "index"
"""Who stands in the audit log for embeddings, which the program makes by itself."""
_PREFIX, _FILE = "vectors-", "vectors.npy"
_FORGOTTEN_S = 24 * 3600.0


class EmbeddedClip(msgspec.Struct, frozen=True):
    """A row of the file; see :class:`core.catalog.values.ClipVector`."""

    clip: int
    inputs_hash: str
    made_of: dict[str, Any]


class EmbedAnswer(msgspec.Struct, frozen=True):
    """What embedding answers.

    Attributes:
        model: its id.
        bundle: its folder.
        rows: the clips of the file, row by row.
        vectors: path of an .npy file, (N, dim) float32; None without rows.
        failed: clips that couldn't be embedded.
        current: how many were up to date.
    """

    model: str
    bundle: str
    rows: tuple[EmbeddedClip, ...]
    vectors: str | None
    failed: tuple[Failure, ...]
    current: int

    def as_dict(self) -> dict[str, Any]:
        """The same as a JSON document, for :func:`keep_vectors`."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def hand_over(
    folder: DataDir, bundle: BundleInfo, made: Sequence[ClipVector], failed: Sequence[Failure], current: int
) -> EmbedAnswer:
    """Puts vectors into a file in the cache of a data folder; writes nothing else.

    Raises:
        PolypTraceError: ``vectors-unwritable``.
    """
    rows = tuple(EmbeddedClip(one.clip_id, one.inputs_hash, one.sources) for one in made)
    path = str(_save(folder, np.stack([one.vector for one in made]))) if made else None
    return EmbedAnswer(
        bundle.manifest.model_id, str(bundle.folder.absolute()), rows, path, tuple(failed), current
    )


def keep_vectors(catalog: Catalog, document: Mapping[str, Any]) -> CatalogChanges:
    """Files the vectors of a document of :class:`EmbedAnswer` and deletes their file.

    The model becomes known to the catalogue where it isn't. A clip that was changed since it was embedded
    counts as stale, one that was removed is left out.

    Raises:
        PolypTraceError: ``vectors-lost`` when the file can't be read or isn't one of this data folder;
            ``model-changed`` when the bundle holds another model now; and as
            :func:`core.catalog.operations.put_vectors` and :func:`core.inference.bundle.read_bundle`.
    """
    answer = msgspec.convert(document, EmbedAnswer)
    bundle = read_bundle(Path(answer.bundle))
    if bundle.manifest.model_id != answer.model:
        raise PolypTraceError(
            "model-changed", "The model was exchanged while clips were embedded.", "Embed them again."
        )
    entries = _entries(catalog, answer)
    registered = register_bundle(catalog, bundle, author=AUTHOR)
    if answer.vectors is None:
        return registered
    store = VectorStore(catalog.data_dir.vectors)
    written = operations.put_vectors(catalog, store, answer.model, entries, author=AUTHOR)
    shutil.rmtree(Path(answer.vectors).parent, ignore_errors=True)
    return msgspec.structs.replace(written, created=registered.created, models=registered.models)


def _entries(catalog: Catalog, answer: EmbedAnswer) -> list[ClipVector]:
    if answer.vectors is None:
        return []
    path = Path(answer.vectors)
    # Clip ids count only in the catalogue they are from: another one may have been opened meanwhile.
    ours = path.parent.parent == catalog.data_dir.cache.absolute()
    vectors = _load(path) if ours else None
    if vectors is None or len(vectors) != len(answer.rows):
        raise PolypTraceError(
            "vectors-lost", "The new embeddings of some clips were lost.", "They are made again when needed."
        )
    pairs = zip(answer.rows, vectors, strict=True)
    return [ClipVector(row.clip, vector, row.inputs_hash, row.made_of) for row, vector in pairs]


def _save(folder: DataDir, vectors: NDArray[np.float32]) -> Path:
    cache = folder.cache.absolute()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _clear(cache)
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=cache)) / _FILE
        np.save(path, vectors, allow_pickle=False)
    except OSError as error:
        raise PolypTraceError(
            "vectors-unwritable",
            "The embeddings can't be written into the data folder.",
            "Check that its disk has space and that you have the right to write there.",
        ) from error
    return path


def _load(path: Path) -> NDArray[np.float32] | None:
    try:
        vectors: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vectors


def _clear(cache: Path) -> None:
    """Takes away what nobody fetched, because the program was killed before."""
    for left in cache.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _FORGOTTEN_S:
                shutil.rmtree(left, ignore_errors=True)
