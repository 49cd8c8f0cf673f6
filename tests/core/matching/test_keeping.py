"""Embeddings that another process made: filed once, in the right catalogue, or refused in words."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.errors import PolypTraceError
from core.inference.embedder import Embedder
from core.matching.gallery import gallery_of
from core.matching.indexing import embed_each, find_stale, index_clips, stored_vectors
from core.matching.keeping import hand_over, keep_vectors
from core.matching.ranking import match_clip
from core.matching.values import Failure, match_from
from core.paths import DataDir

from .conftest import Filed, file_clip, lose_video


def _made(filed: Filed, embedder: Embedder) -> dict[str, Any]:
    """What a worker answers, its way through JSON included."""
    stale, current = find_stale(filed.catalog, embedder.info)
    all_ = list(embed_each(filed.catalog, embedder, stale))
    vectors = [one for one in all_ if not isinstance(one, Failure)]
    failed = [one for one in all_ if isinstance(one, Failure)]
    answer = hand_over(filed.catalog.data_dir, embedder.info, vectors, failed, current)
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(answer.as_dict()))
    return document


def test_the_same_vectors_as_indexing_makes(filed: Filed, embedder: Embedder) -> None:
    before = len(queries.audit_events(filed.catalog))
    document = _made(filed, embedder)
    assert len(queries.audit_events(filed.catalog)) == before
    assert keep_vectors(filed.catalog, document).vectors == (filed.one, filed.two, filed.query, filed.other)
    clips = [filed.other, filed.one]
    kept = stored_vectors(filed.catalog, embedder, clips)
    assert index_clips(filed.catalog, embedder).embedded == 0
    operations.drop_vectors(filed.catalog, embedder.model_id, author="test")
    assert index_clips(filed.catalog, embedder).embedded == 4
    assert stored_vectors(filed.catalog, embedder, clips) == pytest.approx(kept, abs=1e-6)


def test_a_document_is_kept_once(filed: Filed, embedder: Embedder) -> None:
    document = _made(filed, embedder)
    keep_vectors(filed.catalog, document)
    with pytest.raises(PolypTraceError) as refused:
        keep_vectors(filed.catalog, document)
    assert refused.value.code == "vectors-lost"


def test_clips_of_another_catalogue_are_not_ours(filed: Filed, embedder: Embedder, tmp_path: Path) -> None:
    document = _made(filed, embedder)
    with Catalog.open(DataDir(tmp_path / "other")) as other:
        with pytest.raises(PolypTraceError) as refused:
            keep_vectors(other, document)
        assert refused.value.code == "vectors-lost"
        assert queries.model_versions(other) == []
    assert len(keep_vectors(filed.catalog, document).vectors) == 4


def test_a_file_that_does_not_fit_is_refused(filed: Filed, embedder: Embedder) -> None:
    document = _made(filed, embedder)
    for damage in (np.ones((1, embedder.dim), np.float32), None):
        if damage is None:
            Path(document["vectors"]).write_bytes(b"no numbers")
        else:
            np.save(document["vectors"], damage)
        with pytest.raises(PolypTraceError) as refused:
            keep_vectors(filed.catalog, document)
        assert refused.value.code == "vectors-lost"
    with pytest.raises(PolypTraceError) as refused:
        keep_vectors(filed.catalog, document | {"model": "another"})
    assert refused.value.code == "model-changed"


def test_a_removed_clip_is_left_out(filed: Filed, embedder: Embedder) -> None:
    document = _made(filed, embedder)
    operations.remove_clip(filed.catalog, filed.two, author="test")
    assert filed.two not in keep_vectors(filed.catalog, document).vectors


def test_what_nobody_fetched_is_cleared_after_a_day(filed: Filed, embedder: Embedder) -> None:
    old, young = (Path(_made(filed, embedder)["vectors"]).parent for _ in range(2))
    os.utime(old, (time.time() - 90_000,) * 2)
    newest = Path(_made(filed, embedder)["vectors"]).parent
    assert (old.exists(), young.exists(), newest.exists()) == (False, True, True)


def test_what_a_clip_is_compared_with(filed: Filed, films: dict[str, Path]) -> None:
    later = file_clip(filed.catalog, films["other"], "A", "2026-06-01", None)
    gallery = gallery_of(filed.catalog, filed.query)
    assert [clip.id for clip in gallery.clips] == [filed.query, filed.one, filed.two]
    everywhere = gallery_of(filed.catalog, filed.query, everywhere=True)
    assert {clip.id for clip in everywhere.clips} == {*filed[1:], later}
    assert everywhere.clips[0].id == filed.query
    with pytest.raises(PolypTraceError) as refused:
        gallery_of(filed.catalog, later)
    assert refused.value.code == "match-not-described"


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_ranking_comes_back_from_its_document(
    filed: Filed, embedder: Embedder, films: dict[str, Path], everywhere: bool
) -> None:
    file_clip(filed.catalog, films["other"], "A", "2025-03-01", {})
    lose_video(filed.catalog, filed.two)
    result = match_clip(filed.catalog, embedder, filed.query, everywhere=everywhere)
    assert result.warnings
    document = msgspec.json.decode(msgspec.json.encode(result.as_dict()))
    assert match_from(document) == result
    del document["query_info"]
    with pytest.raises(PolypTraceError) as refused:
        match_from(document)
    assert refused.value.code == "match-document"
