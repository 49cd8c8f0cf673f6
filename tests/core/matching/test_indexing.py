"""Embeddings are made once, of the clip's own words, and again when what they are made of changes."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from core.catalog import operations, queries
from core.domain import Box
from core.errors import Cancelled
from core.inference.embedder import Embedder
from core.matching.embedding import clip_vector, inputs_hash
from core.matching.indexing import index_clips, stored_vectors
from core.matching.sampling import ClipSample
from core.matching.values import CropSource
from core.progress import CancelToken

from .conftest import CAECUM, Filed, lose_video


class _Fixed:
    """Two crops, two directions."""

    def embed(self, images: object, text: str | None) -> np.ndarray:
        return np.array([[1, 0], [0, 1]], dtype=np.float32)


def test_the_vector_is_the_weighted_mean_of_length_one() -> None:
    crop = np.zeros((4, 4, 3), np.uint8)
    sample = ClipSample((crop, crop), np.array([3, 1], dtype=np.float32), (0, 1), CropSource.BOX)
    assert clip_vector(_Fixed(), sample, None) == pytest.approx(np.array([3, 1]) / np.sqrt(10))


def test_everything_is_embedded_once(filed: Filed, embedder: Embedder) -> None:
    first = index_clips(filed.catalog, embedder)
    assert (first.embedded, first.current, first.failed) == (4, 0, ())
    again = index_clips(filed.catalog, embedder)
    assert (again.embedded, again.current) == (0, 4)
    vectors = stored_vectors(filed.catalog, embedder, [filed.one, filed.query])
    assert vectors.shape == (2, embedder.dim)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_other_words_or_boxes_make_a_vector_stale(filed: Filed, embedder: Embedder) -> None:
    index_clips(filed.catalog, embedder)
    before = stored_vectors(filed.catalog, embedder, [filed.one, filed.two])
    finding = queries.clip(filed.catalog, filed.one).finding_id
    operations.describe(filed.catalog, finding, CAECUM, author="test")
    assert index_clips(filed.catalog, embedder).embedded == 1
    clip = queries.clip(filed.catalog, filed.two)
    box = Box(10, 10, 30, 30, clip.boxes[0].pts)
    operations.mark_boxes(filed.catalog, filed.two, put=[box], author="test")
    assert index_clips(filed.catalog, embedder).embedded == 1
    after = stored_vectors(filed.catalog, embedder, [filed.one, filed.two])
    assert (np.abs(after - before).max(axis=1) > 1e-4).all()
    operations.undo(filed.catalog, author="test")
    operations.undo(filed.catalog, author="test")
    assert index_clips(filed.catalog, embedder).embedded == 2
    assert stored_vectors(filed.catalog, embedder, [filed.one, filed.two]) == pytest.approx(before, abs=1e-6)


def test_a_verdict_or_a_treatment_changes_no_vector(filed: Filed, embedder: Embedder) -> None:
    index_clips(filed.catalog, embedder)
    finding = queries.clip(filed.catalog, filed.one).finding_id
    values = queries.description(filed.catalog, finding).values  # type: ignore[union-attr]
    operations.describe(
        filed.catalog, finding, values | {"action": "cold snare", "histology": "TA"}, author="test"
    )
    assert index_clips(filed.catalog, embedder).embedded == 0


def test_a_lost_video_fails_in_words_and_stops_nothing(filed: Filed, embedder: Embedder) -> None:
    lose_video(filed.catalog, filed.two)
    summary = index_clips(filed.catalog, embedder)
    assert summary.embedded == 3
    assert [failure.clip for failure in summary.failed] == [filed.two]
    assert summary.failed[0].reason.endswith(".")


def test_cancel_keeps_what_is_done(filed: Filed, embedder: Embedder) -> None:
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        index_clips(filed.catalog, embedder, progress=lambda _: cancel.cancel(), cancel=cancel)
    assert index_clips(filed.catalog, embedder).current == 1


def test_the_hash_knows_its_inputs(filed: Filed) -> None:
    clip = queries.clip(filed.catalog, filed.one)
    video = queries.video(filed.catalog, clip.video_id)
    base = inputs_hash(clip, video, "text")
    moved = msgspec.structs.replace(video, path="/elsewhere.mp4")
    assert inputs_hash(clip, moved, "text") == base
    lettered = msgspec.structs.replace(video, text_found=((6, 6, 40, 12),))
    assert inputs_hash(clip, lettered, "text") != base
    assert inputs_hash(clip, msgspec.structs.replace(lettered, text_corrected=()), "text") == base
    assert inputs_hash(clip, video, "other") != base
    assert inputs_hash(msgspec.structs.replace(clip, boxes=()), video, "text") != base
    assert inputs_hash(msgspec.structs.replace(clip, pts_out=clip.pts_out - 1), video, "text") != base
