"""Puts clips into the common space and keeps their vectors; what changed since is made anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.catalog.values import ClipVector
from core.domain import Clip, DescriptionRevision
from core.errors import Cancelled, PolypTraceError
from core.inference.embedder import Embedder
from core.jobs.record import recorded
from core.matching.context import ClipContext, contexts
from core.matching.embedding import inputs_hash
from core.matching.indexing import sampled, store_of
from core.matching.keeping import AUTHOR, EmbedAnswer, hand_over
from core.matching.model_choice import register_bundle
from core.matching.sampling import ClipSample
from core.matching.values import Failure
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.search.codes import names
from core.search.features import Words
from core.search.vectors import WordSpace

STAGE = "preparing clips for search"


class SearchIndex(msgspec.Struct, frozen=True):
    """How many clips were prepared now, how many were up to date, and whose pictures couldn't be read."""

    prepared: int
    current: int
    failed: tuple[Failure, ...]


def prepare(
    catalog: Catalog,
    space: WordSpace,
    embedder: Embedder,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> SearchIndex:
    """Makes the vectors that are missing or stale; each is kept at once.

    A clip whose pictures can't be read is found by its description alone, and tried again the next time.

    Args:
        embedder: of the model whose embeddings the space reads (``space.pictures_of``).

    Raises:
        Cancelled: between two frames.
        PolypTraceError: ``out-of-memory``.
    """
    register_bundle(catalog, space.reader.info, author=AUTHOR)
    stale, current = find_unprepared(catalog, space)
    failed: list[Failure] = []
    if not stale:
        return SearchIndex(0, current, ())
    facts = {"model": space.model_id, "clips": len(stale)}
    prepared = 0
    with recorded(catalog, "search-index", facts, author=AUTHOR) as job:
        for done, one in enumerate(_each(catalog, space, embedder, stale, cancel), start=1):
            made, failure = one
            if made is not None:
                operations.put_vectors(catalog, store_of(catalog), space.model_id, [made], author=AUTHOR)
                prepared += 1
            if failure is not None:
                failed.append(failure)
            progress(Progress(STAGE, done, len(stale)))
        job.result = {"prepared": prepared, "failed": len(failed)}
    return SearchIndex(prepared, current, tuple(failed))


def prepare_for_others(
    catalog: Catalog,
    space: WordSpace,
    embedder: Embedder,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> EmbedAnswer:
    """What :func:`prepare` makes, for :func:`core.matching.keeping.keep_vectors` in the process that writes.

    Where it is cancelled, what was made until then is the answer.

    Raises:
        Cancelled: before anything was made.
        PolypTraceError: as :func:`prepare`, and ``vectors-unwritable``.
    """
    stale, current = find_unprepared(catalog, space)
    made: list[ClipVector] = []
    failed: list[Failure] = []
    try:
        for done, (vector, failure) in enumerate(_each(catalog, space, embedder, stale, cancel), start=1):
            made += [vector] if vector is not None else []
            failed += [failure] if failure is not None else []
            progress(Progress(STAGE, done, len(stale)))
    except Cancelled:
        if not made:
            raise
    return hand_over(catalog.data_dir, space.reader.info, made, failed, current)


def find_unprepared(
    catalog: Catalog, space: WordSpace, clips: Sequence[Clip] | None = None
) -> tuple[list[ClipContext], int]:
    """The clips that aren't in the common space as they are now, and how many are. Reads only."""
    wanted = contexts(catalog, queries.clips(catalog) if clips is None else clips)
    if space.model_id not in {known.model_id for known in queries.model_versions(catalog)}:
        return wanted, 0
    hashes = {one.clip.id: _hash(one) for one in wanted}
    missing = set(queries.clips_to_index(catalog, store_of(catalog), space.model_id, hashes))
    stale = [one for one in wanted if one.clip.id in missing]
    return stale, len(wanted) - len(stale)


def words_of(description: DescriptionRevision | None) -> Words | None:
    """What a clip's own description says; None without one that says something."""
    words = Words.of_description(description.values) if description else None
    return words if words is not None and words.codes else None


def _each(
    catalog: Catalog,
    space: WordSpace,
    embedder: Embedder,
    stale: Sequence[ClipContext],
    cancel: CancelToken | None,
) -> Iterator[tuple[ClipVector | None, Failure | None]]:
    for one, sample in sampled(catalog, stale, cancel):
        try:
            yield _vector(space, embedder, one, sample, cancel), None
        except PolypTraceError as error:
            if error.code == "out-of-memory":
                raise
            yield _by_words(space, one), Failure(one.clip.id, error.message)


def _vector(
    space: WordSpace,
    embedder: Embedder,
    one: ClipContext,
    sample: ClipSample | PolypTraceError,
    cancel: CancelToken | None,
) -> ClipVector:
    if isinstance(sample, PolypTraceError):
        raise sample
    frames = embedder.embed_pairs(sample.crops, [None] * len(sample.crops), cancel)
    vector = space.of_clip(frames, words_of(one.description))
    return ClipVector(
        one.clip.id, vector, _hash(one), {"source": sample.source.value, "pts": list(sample.pts)} | _told(one)
    )


def _by_words(space: WordSpace, one: ClipContext) -> ClipVector | None:
    words = words_of(one.description)
    if words is None:
        return None
    # Another hash than the one that is asked for: with its video back, the clip is made anew.
    return ClipVector(
        one.clip.id, space.of_clip(None, words), f"{_hash(one)} words", {"source": "words"} | _told(one)
    )


def _told(one: ClipContext) -> dict[str, int]:
    """Which revision of the description was read, for :func:`core.catalog.queries.described_since`."""
    return {"revision": one.description.number if one.description else 0}


def _hash(one: ClipContext) -> str:
    words = words_of(one.description)
    said = None if words is None else [names(words.codes), words.free]
    parts = [inputs_hash(one.clip, one.video, None), said]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
