"""The clips of a catalogue that are in the common space, read once for as long as nothing is written."""

from __future__ import annotations

import numpy as np

from core.catalog import queries
from core.catalog.engine import Catalog
from core.matching.indexing import store_of
from core.paths import DataDir
from core.search.features import Words
from core.search.indexing import words_of
from core.search.vectors import ClipVectors, WordSpace

_State = tuple[DataDir, str, str]


class PreparedClips:
    """Reads the vectors and keeps them, about 1.5 KB a clip with the shipped model.

    They are read again after any write: a catalogue's newest audit event stands for all that was written,
    vectors, removed clips and undo included. Whoever searches again and again keeps one of these, for one
    thread at a time.
    """

    def __init__(self) -> None:
        self._kept: tuple[_State, ClipVectors] | None = None

    def of(self, catalog: Catalog, space: WordSpace) -> ClipVectors:
        """The clips that are in a space, by id.

        Raises:
            PolypTraceError: as :func:`core.catalog.queries.indexed_clips`.
        """
        # Asked for before the vectors: what is written between the two is read the next time.
        state = (catalog.data_dir, space.model_id, queries.audit_head(catalog))
        if self._kept is not None and self._kept[0] == state:
            return self._kept[1]
        self.forget()  # before the new ones are read: never twice in memory
        clips = _read(catalog, space)
        self._kept = (state, clips)
        return clips

    def forget(self) -> None:
        """Lets go of the vectors."""
        self._kept = None


def _read(catalog: Catalog, space: WordSpace) -> ClipVectors:
    if space.model_id not in {known.model_id for known in queries.model_versions(catalog)}:
        return ClipVectors.of(np.zeros(0, np.int64), np.zeros((0, space.stored), np.float32), space.dim)
    indexed = queries.indexed_clips(catalog, store_of(catalog), space.model_id)
    made = ClipVectors.of(indexed.clip_ids, indexed.matrix, space.dim, indexed.slots)
    _describe_anew(catalog, space, made)
    return made


def _describe_anew(catalog: Catalog, space: WordSpace, made: ClipVectors) -> None:
    """Clips that were described otherwise since they were prepared are searched as they are described now."""
    findings = queries.described_since(catalog, space.model_id)
    at = np.flatnonzero(np.isin(made.clips, np.fromiter(findings, np.int64, len(findings))))
    if not len(at):
        return
    said = queries.descriptions(catalog, set(findings.values()))
    words = [words_of(said.get(findings[clip])) or Words({}) for clip in made.clips[at].tolist()]
    halves = made.halves[at]
    halves[:, 1] = space.of_descriptions(words) * np.array([[bool(one.codes)] for one in words])
    made.put(at, halves, space.codes_of(words))
