"""The vectors of a manifest's rows: the model's, and those of everything that stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from core.data.manifest import Row, load_crop
from core.evaluation.baselines import (
    FEWEST_TO_DEAL,
    colour_histogram,
    lesion_count,
    location_vectors,
    shuffled_texts,
)
from core.evaluation.items import Vectors, normalised
from core.evaluation.query_text import TextFuser
from core.evaluation.scores import Floats
from core.progress import CancelToken, Progress, ProgressSink, no_progress

Picture = npt.NDArray[np.uint8]

BASELINES = ("colour_histogram", "location_only", "image_only", "text_only", "shuffled_text")
NO_TEXT = "No row of the manifest's query and gallery has a text."
TOO_FEW_LESIONS = "Texts can't be dealt anew between fewer than four lesions."

ONE_TEXT = "Every gallery clip carries the query's own text: the text alone tells nothing apart."

_NEED_TEXT = ("location_only", "text_only", "shuffled_text")
_CHUNK = 64
_TOKENS = "image tokens"
_Maker = Callable[[Sequence[Picture], Sequence[int]], Vectors]
"""Crops and their places among the rows → (n, d)."""


class PairEmbedder(Protocol):
    """What the evaluation needs of a model (see :class:`core.inference.embedder.Embedder`)."""

    def embed_pairs(
        self,
        images: Sequence[Picture | None],
        texts: Sequence[str | None],
        cancel: CancelToken | None = None,
    ) -> npt.NDArray[np.float32]:
        """N crops (h, w, 3) uint8 RGB and N texts, either of which may be None → (N, d) float32, L2 rows."""
        ...


class RowVectors(msgspec.Struct, frozen=True):
    """Vectors of the query rows, then the gallery rows.

    Attributes:
        by_way: (Q + N, d) with L2 rows under ``model`` and each baseline's name: float32, of few different
            ones float64.
        looks: (Q + N, w) float32 of the protocol query-text; None without it.
        dealt: the text of every row after the deal; empty without the baseline ``shuffled_text``.
    """

    by_way: dict[str, Floats]
    looks: Vectors | None = None
    dealt: list[str] = []


def missing_baselines(query: Sequence[Row], gallery: Sequence[Row], wanted: Sequence[str]) -> dict[str, str]:
    """Why some of the wanted baselines can't be computed on these rows, by name."""
    reasons: dict[str, str] = {}
    if not any(row.text for row in (*query, *gallery)):
        reasons = dict.fromkeys(_NEED_TEXT, NO_TEXT)
    elif lesion_count([*query, *gallery]) < FEWEST_TO_DEAL:
        reasons = {"shuffled_text": TOO_FEW_LESIONS}
    return {name: reason for name, reason in reasons.items() if name in wanted}


def row_vectors(
    query: Sequence[Row],
    gallery: Sequence[Row],
    embedder: PairEmbedder,
    full_frame: bool = False,
    baselines: Sequence[str] = BASELINES,
    fuser: TextFuser | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> RowVectors:
    """Vectors of all rows by the way they were made; each picture is read once.

    Args:
        query: rows that ask.
        gallery: rows that answer.
        embedder: the model.
        full_frame: whole pictures instead of lesion crops.
        baselines: which to make beside ``model``; those of :func:`missing_baselines` are left out.
        fuser: gives the image tokens, for the protocol query-text.
        progress: told after each batch of frames.
        cancel: looked at before each batch.

    Raises:
        PolypTraceError: a picture can't be read.
        Cancelled: ``cancel`` was set.
    """
    rows = [*query, *gallery]
    own = [row.text or None for row in rows]
    wanted = [name for name in baselines if name not in missing_baselines(query, gallery, baselines)]
    texts = {"model": own}
    if "image_only" in wanted and any(own):
        texts["image_only"] = [None] * len(rows)
    dealt: list[str] = []
    if "shuffled_text" in wanted:
        dealt = shuffled_texts(query, gallery)
        texts["shuffled_text"] = [text or None for text in dealt]
    makers: dict[str, _Maker] = {
        name: partial(_embedded, embedder, column, cancel) for name, column in texts.items()
    }
    if "colour_histogram" in wanted:
        makers["colour_histogram"] = lambda crops, _: np.stack([colour_histogram(crop) for crop in crops])
    if fuser is not None:
        makers[_TOKENS] = lambda crops, _: fuser.looks(crops)
    made = _of_pictures(rows, makers, full_frame, progress, cancel or CancelToken())
    tokens = made.pop(_TOKENS, None)
    vectors: dict[str, Floats] = {name: normalised(own) for name, own in made.items()}
    if "image_only" in wanted and "image_only" not in vectors:
        vectors["image_only"] = vectors["model"]
    if "location_only" in wanted:
        vectors["location_only"] = location_vectors([row.text for row in rows])
    if "text_only" in wanted:
        vectors["text_only"] = _of_texts(own, embedder, cancel)
    return RowVectors(vectors, tokens, dealt)


def _embedded(
    embedder: PairEmbedder,
    texts: Sequence[str | None],
    cancel: CancelToken | None,
    crops: Sequence[Picture],
    places: Sequence[int],
) -> Vectors:
    return embedder.embed_pairs(crops, [texts[at] for at in places], cancel=cancel)


def _of_pictures(
    rows: Sequence[Row],
    makers: dict[str, _Maker],
    full_frame: bool,
    progress: ProgressSink,
    cancel: CancelToken,
) -> dict[str, Vectors]:
    """Everything that looks at the pictures, in batches; the frames of one video follow one another."""
    order = sorted(range(len(rows)), key=lambda at: (str(rows[at].path), rows[at].frame or 0))
    parts: dict[str, list[Vectors]] = {}
    for start in range(0, len(rows), _CHUNK):
        cancel.raise_if_cancelled()
        places = order[start : start + _CHUNK]
        crops = [load_crop(rows[at], full_frame) for at in places]
        for name, make in makers.items():
            parts.setdefault(name, []).append(make(crops, places))
        progress(Progress("Embedding frames", start + len(places), len(rows)))
    back = np.argsort(order)
    return {name: np.concatenate(chunks)[back] for name, chunks in parts.items()}


def _of_texts(texts: Sequence[str | None], embedder: PairEmbedder, cancel: CancelToken | None) -> Vectors:
    """Texts alone, each different one embedded once; a row without text is like nothing."""
    different = sorted({text for text in texts if text})
    made = normalised(embedder.embed_pairs([None] * len(different), different, cancel=cancel))
    place = {text: at for at, text in enumerate(different)}
    vectors = np.zeros((len(texts), made.shape[1]), dtype=np.float32)
    for at, text in enumerate(texts):
        if text:
            vectors[at] = made[place[text]]
    return vectors
