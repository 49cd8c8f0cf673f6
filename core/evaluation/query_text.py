"""The reference's protocol: every gallery item is fused with the *query's* text, not with its own exam's.

Nothing can be indexed then: each text that is asked with costs one fusion for every gallery frame. Pictures
are encoded once, queries with the same text share their fusions, and ``first`` limits them to the items that
stand first by the usual ranking (a re-rank).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from core.evaluation.comparison import Comparison
from core.evaluation.items import Vectors, normalised
from core.evaluation.scores import Floats, Ints
from core.progress import CancelToken, Progress, ProgressSink, no_progress

STAGE = "Fusing the gallery with the queries' texts"
_BELOW = 4.0
"""Taken from the score of what isn't re-ranked: a cosine spans 2, so it all stands behind, in its order."""


class TextFuser(Protocol):
    """What the protocol needs of a model (see :class:`core.models.text_fuser.TextFuser`)."""

    def looks(self, crops: Sequence[npt.NDArray[np.uint8]]) -> Vectors:
        """N crops (h, w, 3) uint8 RGB → (N, w) float32."""
        ...

    def fuse(self, looks: Vectors, text: str | None, cancel: CancelToken | None = None) -> Vectors:
        """(N, w) with one text or None → (N, d) float32, L2 rows."""
        ...


class QueryText(msgspec.Struct, frozen=True):
    """The protocol's settings: the model, and how many items of a ranking are scored anew (None: all)."""

    fuser: TextFuser
    first: int | None = None


class Level(msgspec.Struct, frozen=True):
    """Frames or clips under the usual protocol, and what the fusion needs beside them.

    Attributes:
        compared: queries and gallery, each with its own text.
        texts: the text of each query.
        item_of: (F,) for each gallery frame the place of its item in the gallery.
    """

    compared: Comparison
    texts: Sequence[str | None]
    item_of: Ints


def query_text_scores(
    levels: Sequence[Level],
    tokens: Vectors,
    settings: QueryText,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> list[Floats]:
    """Scores of every query against the gallery fused with its text.

    Args:
        levels: the frames and the clips of one evaluation; both are fused at once.
        tokens: (F, w) image tokens of the gallery's frames.
        settings: model, and where to stop.
        progress: told after each text, in frames.
        cancel: looked at before each batch of frames.

    Returns:
        For each level (Q, N): the cosine of the query with the item (the mean of its frames, L2). With
        ``first``, items behind the first K of gallery A and of gallery B have their usual cosine minus 4.

    Raises:
        Cancelled: ``cancel`` was set.
    """
    chosen = [_chosen(level.compared, settings.first) for level in levels]
    scores = [_start(level.compared, settings.first) for level in levels]
    texts = sorted({text or "" for level in levels for text in level.texts})
    asking = [[_of_text(level.texts, text) for text in texts] for level in levels]
    needed = [_frames(levels, chosen, [own[number] for own in asking]) for number in range(len(texts))]
    done, total = 0, sum(map(len, needed))
    for number, text in enumerate(texts):
        fused = settings.fuser.fuse(tokens[needed[number]], text or None, cancel)
        for level, own, places, out in zip(levels, asking, chosen, scores, strict=True):
            _fill(out, level, own[number], places, needed[number], fused)
        done += len(needed[number])
        progress(Progress(STAGE, done, total))
    return scores


def is_reranked(score: float) -> bool:
    """Whether a score of :func:`query_text_scores` is a cosine; else the item stands behind the first K."""
    return score > -_BELOW / 2


def _chosen(compared: Comparison, first: int | None) -> npt.NDArray[np.bool_]:
    """(Q, N) which items get the query's text: the first K of its ranking and of its own patient's."""
    wanted = np.ones((len(compared.query.clips), len(compared.gallery.clips)), dtype=bool)
    if first is None:
        return wanted
    wanted[:] = False
    everywhere, earlier = np.arange(wanted.shape[1]), compared.earlier()
    for start, block in compared.blocks():
        for at, row in enumerate(block, start):
            row[compared.left_out[at]] = -np.inf
            for places in (everywhere, np.array(earlier[at], dtype=np.int64)):
                wanted[at, _best(row, places, first)] = True
    return wanted


def _best(row: Floats, places: Ints, first: int) -> Ints:
    """The first K of these places, ties in gallery order; none that is left out."""
    kept = places[np.isfinite(row[places])]
    return kept[np.argsort(-row[kept], kind="stable")[:first]]


def _start(compared: Comparison, first: int | None) -> Floats:
    shape = (len(compared.query.clips), len(compared.gallery.clips))
    if first is None:
        return np.full(shape, -_BELOW, dtype=np.float32)
    usual = compared.query.vectors @ compared.gallery.vectors.T
    return np.asarray(usual - _BELOW, dtype=np.float32)


def _of_text(texts: Sequence[str | None], text: str) -> Ints:
    return np.array([at for at, own in enumerate(texts) if (own or "") == text], dtype=np.int64)


def _frames(levels: Sequence[Level], chosen: Sequence[npt.NDArray[np.bool_]], asking: Sequence[Ints]) -> Ints:
    """The gallery frames that these queries need, ascending."""
    wanted = np.zeros(len(levels[0].item_of), dtype=bool)
    for level, places, own in zip(levels, chosen, asking, strict=True):
        items: npt.NDArray[np.bool_] = np.any(places[own], axis=0)
        wanted |= items[level.item_of]
    return np.flatnonzero(wanted)


def _fill(
    out: Floats, level: Level, asking: Ints, chosen: npt.NDArray[np.bool_], frames: Ints, fused: Vectors
) -> None:
    """Writes the cosines of these queries with the items that were chosen for each."""
    if not len(asking):
        return
    sums = np.zeros((out.shape[1], fused.shape[1]), dtype=np.float64)
    np.add.at(sums, level.item_of[frames], fused)
    scores = level.compared.query.vectors[asking] @ normalised(sums).T
    out[asking] = np.where(chosen[asking], scores, out[asking])
