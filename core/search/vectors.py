"""A clip in the common space: one half from its pictures, one from its description; a query beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.evaluation.items import normalised
from core.inference.space import SpaceReader, not_of_clips
from core.search.features import Floats, WordFeatures, Words
from core.search.samples import CLIP, DESCRIPTION, FRAME, REPORT, clip_of

PICTURES = 0.15
"""Weight of a clip's pictures beside its description's 1, chosen on the benchmark's validation patients: with
more of them words find what they say less well, with less a report finds its own lesion less well."""

_BLOCK_ROWS = 4096
"""Rows that are divided at once: what lies between stays in the processor's cache, and out of the memory."""


class WordSpace:
    """A common space that texts and pictures of a catalogue are encoded into.

    Attributes:
        reader: its encoders.
        features: of texts.
    """

    def __init__(self, reader: SpaceReader) -> None:
        inputs = reader.shape.inputs
        if inputs is None or not {FRAME, CLIP, DESCRIPTION, REPORT} <= set(reader.shape.modalities):
            raise not_of_clips(reader.model_id)
        self.reader, self.pictures_of = reader, inputs.pictures_of
        self.features = WordFeatures(inputs.codes, inputs.words)

    @property
    def model_id(self) -> str:
        """The bundle's id."""
        return self.reader.model_id

    @property
    def dim(self) -> int:
        """Length of one half of a clip's vector."""
        return self.reader.shape.dim

    def of_texts(self, texts: Sequence[Words]) -> Floats:
        """(N, dim) float32, L2 rows: typed words and reports."""
        return self.reader.encode(REPORT, self.features.of_all(texts))

    def of_descriptions(self, texts: Sequence[Words]) -> Floats:
        """(N, dim) float32, L2 rows."""
        return self.reader.encode(DESCRIPTION, self.features.of_all(texts))

    def of_pictures(self, frames: Floats) -> Floats:
        """(K, d) embeddings of a clip's pictures alone → (dim,) float32 of length 1."""
        whole = self.reader.encode(CLIP, clip_of(frames)[None])[0]
        return clip_of(np.stack([clip_of(self.reader.encode(FRAME, frames)), whole]))

    def of_clip(self, frames: Floats | None, words: Words | None) -> Floats:
        """A clip's vector, (2 · dim,) float32 of length 1: pictures, then description; 0 where it has none.

        Raises:
            ValueError: neither is there.
        """
        halves = np.zeros((2, self.dim), dtype=np.float32)
        if frames is not None and len(frames):
            halves[0] = self.of_pictures(frames)
        if words is not None and words.codes:
            halves[1] = self.of_descriptions([words])[0]
        filled = int(np.any(halves, axis=1).sum())
        if not filled:
            raise ValueError("neither pictures nor words")
        return halves.reshape(-1) / np.float32(math.sqrt(filled))


class ClipVectors(msgspec.Struct, frozen=True):
    """The clips of a catalogue as they are searched.

    Args:
        clips: (N,) int64 ids.
        halves: (N, 2, dim) float32: pictures and description; 0 where there is none.
        mixed: (N, dim) float32: both halves in one, L2 rows.
    """

    clips: NDArray[np.int64]
    halves: Floats
    mixed: Floats

    @staticmethod
    def of(clips: NDArray[np.int64], stored: Floats, rows: NDArray[np.int64] | None = None) -> ClipVectors:
        """From (N, 2 · dim) vectors of :meth:`WordSpace.of_clip`, or from these rows of more of them."""
        count, dim = len(clips), stored.shape[1] // 2
        at = np.arange(count) if rows is None else rows
        halves = np.empty((count, 2, dim), dtype=np.float32)
        mixed = np.empty((count, dim), dtype=np.float32)
        for start in range(0, count, _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            halves[block] = normalised(stored[at[block]].reshape(-1, dim)).reshape(-1, 2, dim)
            mixed[block] = normalised(PICTURES * halves[block, 0] + halves[block, 1])
        return ClipVectors(clips, halves, mixed)

    @property
    def pictures(self) -> NDArray[np.bool_]:
        """(N,) whose place its pictures have a part in."""
        return np.asarray(self.halves[:, 0].any(axis=1))

    @property
    def words(self) -> NDArray[np.bool_]:
        """(N,) whose place its description has a part in."""
        return np.asarray(self.halves[:, 1].any(axis=1))

    def __len__(self) -> int:
        return len(self.clips)

    def at(self, rows: NDArray[np.int64]) -> ClipVectors:
        """These rows of it."""
        return ClipVectors(self.clips[rows], self.halves[rows], self.mixed[rows])
