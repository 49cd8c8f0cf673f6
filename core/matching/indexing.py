"""Embeds what is missing or stale, and reads embeddings back from the vector store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.catalog.values import ClipVector
from core.domain import Clip
from core.errors import PolypTraceError
from core.inference.bundle import BundleInfo
from core.inference.embedder import Embedder
from core.inference.vector_store import VectorStore
from core.jobs.record import recorded
from core.matching.context import ClipContext, TextFit, contexts
from core.matching.embedding import clip_vector, inputs_hash
from core.matching.footage import frame_index, open_reader
from core.matching.keeping import AUTHOR
from core.matching.model_choice import register_bundle
from core.matching.sampling import ClipSample, choose_views, sample_clip, source_of
from core.matching.values import Evidence, Failure
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.video.reader import VideoReader

STAGE = "embedding clips"


class IndexSummary(msgspec.Struct, frozen=True):
    """How many clips were embedded now, how many were up to date, and which failed."""

    model: str
    embedded: int
    current: int
    failed: tuple[Failure, ...]

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``index``."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def index_clips(
    catalog: Catalog,
    embedder: Embedder,
    clips: Sequence[Clip] | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> IndexSummary:
    """Embeds the clips whose vector is missing, or was made of other boxes or words; all clips by default.

    Each vector is kept at once, so that a cancelled or killed run loses one clip at most. A clip that fails
    doesn't stop the others.

    Raises:
        Cancelled: between two frames.
        PolypTraceError: ``out-of-memory`` when the device hasn't room for a single picture.
    """
    register_bundle(catalog, embedder.info, author=AUTHOR)
    stale, current = find_stale(catalog, embedder.info, clips)
    failed: list[Failure] = []
    if stale:
        facts = {"model": embedder.model_id, "clips": len(stale)}
        with recorded(catalog, "index", facts, author=AUTHOR) as job:
            for done, one in enumerate(embed_each(catalog, embedder, stale, cancel), start=1):
                if isinstance(one, Failure):
                    failed.append(one)
                else:
                    operations.put_vectors(
                        catalog, store_of(catalog), embedder.model_id, [one], author=AUTHOR
                    )
                progress(Progress(STAGE, done, len(stale)))
            job.result = {"embedded": len(stale) - len(failed), "failed": len(failed)}
    return IndexSummary(embedder.model_id, len(stale) - len(failed), current, tuple(failed))


def find_stale(
    catalog: Catalog, bundle: BundleInfo, clips: Sequence[Clip] | None = None
) -> tuple[list[ClipContext], int]:
    """The clips whose vector is missing, or was made of other boxes or words, and how many are up to date.

    Reads only; a model that the catalogue doesn't know has no vector yet.

    Args:
        clips: those in question; None = all.
    """
    model = bundle.manifest.model_id
    wanted = contexts(catalog, queries.clips(catalog) if clips is None else clips, TextFit.of(bundle))
    if model not in {known.model_id for known in queries.model_versions(catalog)}:
        return wanted, 0
    hashes = {one.clip.id: _hash(one) for one in wanted}
    missing = set(queries.clips_to_index(catalog, store_of(catalog), model, hashes))
    stale = [one for one in wanted if one.clip.id in missing]
    return stale, len(wanted) - len(stale)


def embed_each(
    catalog: Catalog, embedder: Embedder, stale: Iterable[ClipContext], cancel: CancelToken | None = None
) -> Iterator[ClipVector | Failure]:
    """Embeds clip by clip, each video opened once; a clip that fails doesn't stop the others. Writes nothing.

    Raises:
        Cancelled: between two frames.
        PolypTraceError: ``out-of-memory``.
    """
    for one, sample in sampled(catalog, stale, cancel):
        yield _embed_one(embedder, one, sample)


def sampled(
    catalog: Catalog, clips: Iterable[ClipContext], cancel: CancelToken | None = None
) -> Iterator[tuple[ClipContext, ClipSample | PolypTraceError]]:
    """The crops of clip by clip, each video opened once; or why a clip has none.

    Raises:
        Cancelled: between two frames.
    """
    token = cancel or CancelToken()
    by_video = sorted(clips, key=lambda one: (one.video.id, one.clip.pts_in))
    for _, group in groupby(by_video, key=lambda one: one.video.id):
        of_video = list(group)
        try:
            reader = open_reader(catalog, of_video[0].video)
        except PolypTraceError as error:
            yield from ((one, error) for one in of_video)
            continue
        with reader:
            for one in of_video:
                token.raise_if_cancelled()
                yield one, _sample(reader, one, token)


def store_of(catalog: Catalog) -> VectorStore:
    """The vector store beside a catalogue."""
    return VectorStore(catalog.data_dir.vectors)


def stored_vectors(catalog: Catalog, embedder: Embedder, clip_ids: Sequence[int]) -> NDArray[np.float32]:
    """The vectors of clips, (N, dim) float32, in the order asked for.

    Raises:
        PolypTraceError: ``clip-not-indexed`` when one of them has none.
    """
    indexed = queries.indexed_clips(catalog, store_of(catalog), embedder.model_id, clip_ids)
    ids, vectors = indexed.vectors()
    row = {int(clip): at for at, clip in enumerate(ids)}
    if absent := [clip for clip in clip_ids if clip not in row]:
        raise PolypTraceError(
            "clip-not-indexed", f"Clip {absent[0]} has no embedding.", "Run `polyptrace index` again."
        )
    return vectors[[row[clip] for clip in clip_ids]]


def evidence_of(catalog: Catalog, context: ClipContext) -> Evidence:
    """What the embedding of a clip is made of, its text included; nothing is decoded."""
    index = frame_index(catalog, context.video)
    views = choose_views(index, context.clip, context.video.region)
    source = source_of(context.clip, context.video.region)
    return Evidence(source, len(views), tuple(int(index.pts[view.number]) for view in views), context.text)


def _hash(context: ClipContext) -> str:
    return inputs_hash(context.clip, context.video, context.text)


def _sample(reader: VideoReader, one: ClipContext, cancel: CancelToken) -> ClipSample | PolypTraceError:
    try:
        return sample_clip(reader, one.clip, one.video.region, cancel=cancel, text=one.video.text_boxes)
    except PolypTraceError as error:
        return error


def _embed_one(
    embedder: Embedder, one: ClipContext, sample: ClipSample | PolypTraceError
) -> ClipVector | Failure:
    if isinstance(sample, PolypTraceError):
        return Failure(one.clip.id, sample.message)
    try:
        vector = clip_vector(embedder, sample, one.text)
    except PolypTraceError as error:
        if error.code == "out-of-memory":
            raise  # not this clip's fault, and the next one would fare no better
        return Failure(one.clip.id, error.message)
    made_of = {"source": sample.source.value, "pts": list(sample.pts)}
    return ClipVector(one.clip.id, vector, _hash(one), made_of)
