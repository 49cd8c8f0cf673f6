"""One clip, one vector: the quality-weighted mean of its crops' embeddings, fused with the clip's text."""

from __future__ import annotations

import hashlib
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.domain import Clip, Video
from core.matching.sampling import CROPS, ClipSample, Picture, seen_text

Vector = NDArray[np.float32]

RECIPE = 1
"""Counts up when crops are picked or pooled in another way, so that older vectors count as stale."""


class ClipEmbedder(Protocol):
    """What is asked of a model: :class:`core.inference.embedder.Embedder` has it."""

    def embed(self, images: tuple[Picture, ...], text: str | None) -> Vector:
        """K crops and a text → (K, dim) float32, L2 rows; (1, dim) without crops."""
        ...


def clip_vector(embedder: ClipEmbedder, sample: ClipSample | None, text: str | None) -> Vector:
    """The embedding of a clip, (dim,) float32 of length 1.

    Weighted mean over the crops, then L2 (design: methods, section 4).

    Args:
        sample: its crops; None embeds the text alone.
        text: the model text of its own exam, or None.

    Raises:
        PolypTraceError: as :meth:`core.inference.embedder.Embedder.embed`.
    """
    rows = embedder.embed(sample.crops if sample else (), text)
    weights = sample.weights if sample and len(sample.weights) else np.ones(len(rows), dtype=np.float32)
    mean = (rows * weights[:, None]).sum(axis=0) / weights.sum()
    length = float(np.linalg.norm(mean))
    # Crops that point in opposite directions leave next to nothing: then the best one speaks for the clip.
    vector = mean / length if length > 1e-6 else rows[int(np.argmax(weights))]
    return np.asarray(vector, dtype=np.float32)


def inputs_hash(clip: Clip, video: Video, text: str | None) -> str:
    """What a clip's vector depends on beside the model, as a hash: another one means that it is stale."""
    region = msgspec.to_builtins(video.region) if video.region else None
    boxes = [msgspec.to_builtins(box) for box in clip.boxes]
    parts = [RECIPE, CROPS, video.sha256, clip.pts_in, clip.pts_out, boxes, region, text]
    # Only where there is some, so that most vectors don't depend on how text is found.
    lettering = seen_text(video)
    if lettering:
        parts.append(lettering)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
