"""A clip as it is searched: pictures and description in the common space, and codes; a query beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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

NEARNESS = 0.5
"""Weight of a query's nearness in the common space beside 1 for each field that it asks for. Two cosines
differ by 2 at most, so that a clip whose description says more of what is asked never stands below one that
says less; of those that say equally much the space decides."""

AGREEMENT, REPORTED = 2 / 3, 3
"""Share of the codes in the score of a report: a clip finds its lesion's report better so than by the number
of fields first. A report is expected to say so many (segment, size and Paris class) at least, so that one
that says little doesn't stand above one that says the same and more."""


class WordSpace:
    """A common space that texts and pictures of a catalogue are encoded into.

    Attributes:
        reader: its encoders.
        features: of texts.
        codes: how many of them are codes.
    """

    def __init__(self, reader: SpaceReader) -> None:
        inputs = reader.shape.inputs
        if inputs is None or not {FRAME, CLIP, DESCRIPTION, REPORT} <= set(reader.shape.modalities):
            raise not_of_clips(reader.model_id)
        self.reader, self.pictures_of = reader, inputs.pictures_of
        self.features = WordFeatures(inputs.codes, inputs.words)
        self.codes = len(inputs.codes)
        keys = [name.partition("=")[0] for name in inputs.codes]
        self._fields = np.array([[key == one for one in dict.fromkeys(keys)] for key in keys], np.float32)

    @property
    def model_id(self) -> str:
        """The bundle's id."""
        return self.reader.model_id

    @property
    def stored(self) -> int:
        """Length of what is kept of a clip."""
        return self.reader.shape.stored

    @property
    def dim(self) -> int:
        """Length of one half of a clip's vector."""
        return self.reader.shape.dim

    def of_texts(self, texts: Sequence[Words]) -> Floats:
        """(N, dim) float32, L2 rows: typed words and reports."""
        return self.reader.encode(REPORT, self.features.of_all([_decisive(text) for text in texts]))

    def queries_of(self, texts: Sequence[Words]) -> Floats:
        """(N, dim + codes) float32, to be multiplied with :attr:`ClipVectors.mixed`: what is searched for.

        A text that says nothing asks for nothing: 0.
        """
        return self.with_codes(self.of_texts(texts), texts)

    def with_codes(self, rows: Floats, texts: Sequence[Words]) -> Floats:
        """(N, dim) places of texts → (N, dim + codes): beside each the codes that it asks for.

        Each field counts the same, however many of its codes would do, and more than nearness: see
        :data:`NEARNESS`. The product with a clip is −1…1.
        """
        said, count = self._asked(texts)
        near = NEARNESS / (NEARNESS + count)
        return self._beside(rows, said, near, 1 / (NEARNESS + count))

    def reports_of(self, texts: Sequence[Words]) -> Floats:
        """(N, dim + codes) float32 as :meth:`queries_of`, for reports that are compared with each other."""
        said, count = self._asked(texts)
        return self._beside(
            self.of_texts(texts), said, 1 - AGREEMENT, AGREEMENT / np.maximum(count, REPORTED)
        )

    def nearness_of(self, text: Words) -> float:
        """The weight of its place in a query's score, 0 to 1."""
        return float(NEARNESS / (NEARNESS + self._asked([text])[1][0, 0]))

    def _beside(
        self, rows: Floats, said: Floats, near: Floats | float, each: NDArray[np.floating[Any]]
    ) -> Floats:
        """Places and codes in one row, each with its weight; 0 for a text that says nothing."""
        both = np.concatenate([rows * near, said[:, : self.codes] * each], axis=1)
        return np.asarray(both * said.any(axis=1, keepdims=True), dtype=np.float32)

    def _asked(self, texts: Sequence[Words]) -> tuple[Floats, Floats]:
        """(N, features) what each text says, and (N, 1) of how many fields."""
        said = self.features.of_all([_decisive(text) for text in texts])
        fields = (said[:, : self.codes] @ self._fields > 0).sum(axis=1, keepdims=True)
        return said, np.asarray(fields, dtype=np.float32)

    def asked(self, text: Words) -> Floats:
        """(codes,) float32, 1 for each code that a query asks for and is judged by."""
        return np.asarray(self.codes_of([_decisive(text)])[0])

    def of_descriptions(self, texts: Sequence[Words]) -> Floats:
        """(N, dim) float32, L2 rows."""
        return self.reader.encode(DESCRIPTION, self.features.of_all(texts))

    def of_pictures(self, frames: Floats) -> Floats:
        """(K, d) embeddings of a clip's pictures alone → (dim,) float32 of length 1."""
        whole = self.reader.encode(CLIP, clip_of(frames)[None])[0]
        return clip_of(np.stack([clip_of(self.reader.encode(FRAME, frames)), whole]))

    def of_clip(self, frames: Floats | None, words: Words | None) -> Floats:
        """A clip's vector, (2 · dim + codes,) float32 of length 1: pictures, description, codes.

        Raises:
            ValueError: neither is there.
        """
        halves = np.zeros((2, self.dim), dtype=np.float32)
        if frames is not None and len(frames):
            halves[0] = self.of_pictures(frames)
        if words is not None and words.codes:
            halves[1] = self.of_descriptions([words])[0]
        if not halves.any():
            raise ValueError("neither pictures nor words")
        codes = self.codes_of([words or Words({})])[0]
        whole = np.concatenate([halves.reshape(-1), codes])
        return np.asarray(whole / np.linalg.norm(whole), dtype=np.float32)

    def codes_of(self, texts: Sequence[Words]) -> Floats:
        """(N, codes) float32, 1 for each code that a text says."""
        return self.features.of_all(texts)[:, : self.codes]


def _decisive(text: Words) -> Words:
    """Without “polyp” where more is asked: nearly every clip is one, and the rest must decide."""
    if len(text.codes) < 2 or text.codes.get("state") != ("polyp",):
        return text
    return Words({key: own for key, own in text.codes.items() if key != "state"}, text.free)


class ClipVectors(msgspec.Struct, frozen=True):
    """The clips of a catalogue as they are searched.

    Args:
        clips: (N,) int64 ids.
        halves: (N, 2, dim) float32: pictures and description; 0 where there is none.
        mixed: (N, dim + codes) float32: both halves in one, and 1 for each code; to be multiplied with a row
            of :meth:`WordSpace.queries_of` or :meth:`WordSpace.reports_of`.
    """

    clips: NDArray[np.int64]
    halves: Floats
    mixed: Floats

    @staticmethod
    def of(
        clips: NDArray[np.int64], stored: Floats, dim: int, rows: NDArray[np.int64] | None = None
    ) -> ClipVectors:
        """From (N, 2 · dim + codes) vectors of :meth:`WordSpace.of_clip`, or from these rows of more."""
        count = len(clips)
        at = np.arange(count) if rows is None else rows
        made = ClipVectors(
            clips,
            np.empty((count, 2, dim), dtype=np.float32),
            np.empty((count, stored.shape[1] - dim), dtype=np.float32),
        )
        for start in range(0, count, _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            some = stored[at[block]]
            halves = normalised(some[:, : 2 * dim].reshape(-1, dim)).reshape(-1, 2, dim)
            made.put(block, halves, (some[:, 2 * dim :] > 0).astype(np.float32))
        return made

    def put(self, rows: slice | NDArray[np.int64], halves: Floats, codes: Floats) -> None:
        """Puts clips into these rows.

        Args:
            halves: (K, 2, dim).
            codes: (K, codes), 1 for each that a clip's description says.
        """
        dim = halves.shape[2]
        self.halves[rows] = halves
        self.mixed[rows, :dim] = normalised(PICTURES * halves[:, 0] + halves[:, 1])
        self.mixed[rows, dim:] = codes

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
