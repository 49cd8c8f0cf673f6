"""Vectors that are kept from search to search: never read twice, and never stale."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.domain import Verdict
from core.inference.embedder import Embedder
from core.matching.indexing import store_of
from core.paths import DataDir
from core.search.features import Words
from core.search.indexing import find_unprepared, prepare
from core.search.prepared import PreparedClips
from core.search.query import Filters, SearchQuery
from core.search.searching import SearchResult, search
from core.search.vectors import ClipVectors, WordSpace

from ..matching.conftest import CAECUM, SIGMOID, Filed

A = "tester"
QUERIES = (
    SearchQuery(text="25 mm LST in the caecum"),
    SearchQuery(text="polyp", filters=Filters(patient="a", since=dt.date(2025, 1, 1))),
    SearchQuery(text="polyp in the sigmoid", refinements=("other segment",)),
    SearchQuery(text="polyp", filters=Filters(segment="sigmoid", until=dt.date(2025, 12, 31))),
)


@pytest.fixture
def prepared(filed: Filed, space: WordSpace, embedder: Embedder) -> Filed:
    prepare(filed.catalog, space, embedder)
    return filed


@pytest.fixture
def kept() -> PreparedClips:
    return PreparedClips()


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever vectors are read."""
    counted: list[int] = []
    read = queries.indexed_clips

    def counting(*args: Any) -> Any:
        counted.append(1)
        return read(*args)

    monkeypatch.setattr(queries, "indexed_clips", counting)
    return counted


def both(filed: Filed, space: WordSpace, kept: PreparedClips, **more: Any) -> SearchResult:
    """A search with what is kept; one that reads everything itself finds the same."""
    query = SearchQuery(**({"text": "polyp"} | more))
    result = search(filed.catalog, space, query, prepared=kept)
    assert result == search(filed.catalog, space, query)
    return result


def clips(result: SearchResult) -> set[int]:
    return {hit.clip for hit in result.hits}


def test_searches_that_follow_read_no_vector_and_find_the_same(
    prepared: Filed, space: WordSpace, kept: PreparedClips, readings: list[int]
) -> None:
    first = [search(prepared.catalog, space, query, prepared=kept) for query in QUERIES]
    assert len(readings) == 1
    alone = [search(prepared.catalog, space, query) for query in QUERIES]
    assert first == alone == [search(prepared.catalog, space, query, prepared=kept) for query in QUERIES]
    assert len(readings) == 1 + len(QUERIES)
    like = SearchQuery(like=prepared.two, text="in the sigmoid")
    assert search(prepared.catalog, space, like, prepared=kept) == search(prepared.catalog, space, like)
    kept.forget()
    search(prepared.catalog, space, QUERIES[0], prepared=kept)
    assert len(readings) == len(QUERIES) + 3


def test_a_description_counts_at_once_without_preparing(
    prepared: Filed, space: WordSpace, embedder: Embedder, kept: PreparedClips
) -> None:
    catalog = prepared.catalog
    before = both(prepared, space, kept, text="polyp in the rectum")
    finding = queries.clip(catalog, prepared.one).finding_id
    operations.describe(catalog, finding, SIGMOID | {"segment": "rectum"}, author=A)
    changed = both(prepared, space, kept, text="polyp in the rectum")
    assert changed.hits[0].clip == prepared.one
    assert changed.hits[0].score > before.hits[0].score
    assert changed.hits[0].place.startswith("rectum")
    assert clips(both(prepared, space, kept, filters=Filters(segment="rectum"))) == {prepared.one}
    assert [one.clip.id for one in find_unprepared(catalog, space)[0]] == [prepared.one]
    prepare(catalog, space, embedder)
    after = both(prepared, space, kept, text="polyp in the rectum")
    assert [hit.clip for hit in after.hits] == [hit.clip for hit in changed.hits]
    assert [hit.score for hit in after.hits] == pytest.approx([hit.score for hit in changed.hits], abs=1e-3)
    operations.undo(catalog, author=A)
    assert both(prepared, space, kept, text="polyp in the rectum").hits == before.hits


def test_a_clip_that_is_removed_brought_back_or_added_is_seen(
    prepared: Filed, space: WordSpace, kept: PreparedClips
) -> None:
    catalog = prepared.catalog
    whole = both(prepared, space, kept)
    operations.remove_clip(catalog, prepared.two, author=A)
    less = both(prepared, space, kept)
    assert (less.searched, less.unprepared) == (3, 0)
    assert clips(less) == clips(whole) - {prepared.two}
    operations.undo(catalog, author=A)
    assert both(prepared, space, kept) == whole
    old = queries.clip(catalog, prepared.one)
    new = operations.add_clip(catalog, old.exam_id, old.video_id, old.pts_in, old.pts_out - 1, author=A)
    more = both(prepared, space, kept)
    assert (more.searched, more.unprepared) == (4, 1)
    assert [one.clip.id for one in find_unprepared(catalog, space)[0]] == [new.subject]


def test_vectors_that_another_program_writes_or_drops_are_seen(
    filed: Filed, space: WordSpace, embedder: Embedder, kept: PreparedClips
) -> None:
    nothing = both(filed, space, kept)
    assert (nothing.hits, nothing.searched, nothing.unprepared) == ((), 0, 4)
    with Catalog.open(DataDir(filed.catalog.data_dir.root)) as other:
        prepare(other, space, embedder)
        assert both(filed, space, kept).searched == 4
        operations.drop_vectors(other, space.model_id, [filed.two], author=A)
    left = both(filed, space, kept)
    assert (left.searched, left.unprepared) == (3, 1)


def test_another_model_has_vectors_of_its_own(
    prepared: Filed, space: WordSpace, embedder: Embedder, kept: PreparedClips, monkeypatch: Any
) -> None:
    before = both(prepared, space, kept)
    manifest = msgspec.structs.replace(space.reader.info.manifest, model_id="drcl-other")
    info = msgspec.structs.replace(space.reader.info, manifest=manifest)
    other = WordSpace(type(space.reader)(info, space.reader.shape, space.reader._state))
    assert both(prepared, other, kept).searched == 0
    prepare(prepared.catalog, other, embedder)
    assert both(prepared, other, kept).searched == 4
    assert both(prepared, space, kept) == before, "rolled back"


def test_another_catalogue_has_clips_of_its_own(
    prepared: Filed, space: WordSpace, kept: PreparedClips, tmp_path: Path
) -> None:
    assert len(kept.of(prepared.catalog, space)) == 4
    with Catalog.open(DataDir(tmp_path / "other")) as other:
        assert len(kept.of(other, space)) == 0
    assert len(kept.of(prepared.catalog, space)) == 4


def test_what_is_written_while_the_vectors_are_read_is_seen_the_next_time(
    prepared: Filed, space: WordSpace, kept: PreparedClips, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = queries.indexed_clips

    def overtaken(*args: Any) -> Any:
        before = read(*args)
        operations.drop_vectors(prepared.catalog, space.model_id, [prepared.one], author=A)
        return before

    monkeypatch.setattr(queries, "indexed_clips", overtaken)
    assert len(kept.of(prepared.catalog, space)) == 4
    monkeypatch.setattr(queries, "indexed_clips", read)
    assert both(prepared, space, kept).searched == 3


def test_a_verdict_changes_no_list(prepared: Filed, space: WordSpace, kept: PreparedClips) -> None:
    before = both(prepared, space, kept)
    operations.give_verdict(
        prepared.catalog, Verdict.SAME, clip_id=prepared.query, with_clip_id=prepared.one, author=A
    )
    assert both(prepared, space, kept) == before


def test_rows_are_divided_in_blocks_as_they_are_by_themselves(space: WordSpace) -> None:
    rng = np.random.default_rng(0)
    one = space.of_clip(None, Words.of_description(CAECUM))
    stored = rng.standard_normal((9000, space.stored)).astype(np.float32)
    stored[17] = one
    at = rng.permutation(9000)[:6000]
    some = ClipVectors.of(np.arange(6000), stored, space.dim, at)
    for place in (0, 4095, 4096, 5999, *np.flatnonzero(at == 17)):
        alone = ClipVectors.of(np.arange(1), stored[at[place]][None], space.dim)
        assert np.array_equal(some.at(np.array([place])).halves, alone.halves)
        assert np.array_equal(some.mixed[place], alone.mixed[0])


def test_the_store_is_asked_for_no_more_than_there_is(prepared: Filed, space: WordSpace) -> None:
    indexed = queries.indexed_clips(prepared.catalog, store_of(prepared.catalog), space.model_id)
    whole = ClipVectors.of(*indexed.vectors(), space.dim)
    kept = PreparedClips().of(prepared.catalog, space)
    assert np.array_equal(kept.clips, whole.clips)
    assert np.array_equal(kept.mixed, whole.mixed)
