"""The search: clips of a kind, best first, with the words that mattered. Reads only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.catalog import queries
from core.catalog.engine import Catalog
from core.catalog.queries.narrowed import Range
from core.counting import count
from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError
from core.evaluation.items import normalised
from core.inference.ranker import rank
from core.matching.context import contexts
from core.search.features import Floats, Words
from core.search.indexing import words_of
from core.search.mattered import WordShare, mattering, without_each
from core.search.prepared import PreparedClips
from core.search.query import (
    NO_IDENTITY,
    NOTHING_UNDERSTOOD,
    Filters,
    Meant,
    SearchQuery,
    each_value,
    narrowed,
    read_part,
    understood,
)
from core.search.typed import read_typed
from core.search.vectors import PICTURES, ClipVectors, WordSpace
from core.text.vocabulary import load

_JUST_BELOW = 1e-3
"""Millimetres."""


class Hit(msgspec.Struct, frozen=True):
    """A clip that was found.

    Attributes:
        score: how alike in kind, −1…1: how many of the asked fields the description says, then how near it is
            to the query in the common space (:data:`core.search.vectors.NEARNESS`).
        words: those of the query that mattered most first.
        pictures, described: which of the two its place was made of.
    """

    clip: int
    score: float
    patient: str
    exam: int
    exam_date: dt.date
    place: str
    report: str
    words: tuple[WordShare, ...]
    pictures: bool
    described: bool


class SearchResult(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        said: the query as it was understood, in words; empty where nothing was.
        nowhere: what of the query no clip that was searched is described as, in words.
        advice: what to do where there are no hits because of the query or its filters.
        ignored: typed words that nothing was understood of.
        searched: clips that the filters let through and that were prepared.
        unprepared: clips that the filters let through and that aren't prepared yet.
    """

    hits: tuple[Hit, ...]
    said: str
    codes: dict[str, tuple[str, ...]]
    searched: int
    unprepared: int
    model: str
    ignored: tuple[str, ...] = ()
    nowhere: tuple[str, ...] = ()
    advice: str = ""
    note: str = NO_IDENTITY
    notice: str = RESEARCH_BANNER

    @property
    def nowhere_words(self) -> str:
        """A sentence on ``nowhere``; empty without."""
        clips = count(self.searched, "clip")
        return (
            f"None of the {clips} searched is described so: {'; '.join(self.nowhere)}."
            if self.nowhere
            else ""
        )

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``search``."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def search(
    catalog: Catalog,
    space: WordSpace,
    query: SearchQuery,
    top: int = 20,
    prepared: PreparedClips | None = None,
) -> SearchResult:
    """Ranks the prepared clips by how alike in kind they are to the query.

    The same query and catalogue give the same list, so that a chip taken back restores it exactly.

    Args:
        catalog: what is searched.
        space: that its clips are in.
        query: what is searched for.
        top: how many hits at most.
        prepared: keeps the clips' vectors for the next search; None reads them for this one.

    Raises:
        PolypTraceError: as :func:`core.search.query.understood`; ``clip-unknown``, ``patient-unknown``,
            ``filter-dates``; ``search-like-unprepared`` where the clip that is meant isn't prepared.
    """
    clips = (prepared or PreparedClips()).of(catalog, space)
    liked = _liked(catalog, clips, space, query.like)
    meant = understood(query, liked.words, liked.size_mm) if liked else understood(query)
    wanted = _let_through(catalog, query.filters, meant, query.like)
    at = np.flatnonzero(np.isin(clips.clips, wanted, assume_unique=True))
    known = liked is not None or bool(space.asked(meant.words).any())
    asked = _encoded(space, meant, liked)
    found, scores = _best(clips, at if known else at[:0], asked, top)
    words = without_each(space, query, meant, lambda texts: _places(space, liked, texts))
    return SearchResult(
        hits=_hits(catalog, found, scores, mattering(words, asked, found)),
        said=meant.said if known else "",
        codes=meant.words.codes,
        searched=len(at),
        unprepared=len(wanted) - len(at),
        model=space.model_id,
        ignored=_ignored(space, query.text),
        nowhere=_nowhere(space, clips, at, meant) if known else (),
        advice=_advice(query, meant, len(wanted)) if known else NOTHING_UNDERSTOOD,
    )


def _advice(query: SearchQuery, meant: Meant, left: int) -> str:
    """What to do where no clip is left; empty where some are."""
    if left:
        return ""
    by = narrowed(query.filters, meant)
    return f"No clip is left by: {by}." if by else "There is no clip to search yet: mark one in a video."


def _nowhere(space: WordSpace, clips: ClipVectors, at: NDArray[np.int64], meant: Meant) -> tuple[str, ...]:
    if not len(at):
        return ()
    said = clips.mixed[:, space.dim :] if len(at) == len(clips) else clips.mixed[at][:, space.dim :]
    fields = [(word, {key: meant.words.codes[key]}) for word, key in each_value(meant.words.codes)]
    columns = space.codes_of([Words(codes) for _, codes in fields])
    there = np.atleast_1d((said @ columns.T > 0).any(axis=0))
    return tuple(word for (word, _), any_clip in zip(fields, there, strict=True) if not any_clip)


def _best(
    clips: ClipVectors, at: NDArray[np.int64], asked: Floats, top: int
) -> tuple[ClipVectors, NDArray[np.float32]]:
    """The best of the clips in these rows, with their scores."""
    if not len(at):
        return clips.at(at), np.zeros(0, np.float32)
    whole = len(at) == len(clips)  # a copy takes longer than the ranking
    places, scores = rank(asked, clips.mixed if whole else clips.mixed[at], top)
    return clips.at(at[places]), scores


def _ignored(space: WordSpace, text: str) -> tuple[str, ...]:
    """Words of a typed query that nothing was understood of."""
    known = set(space.features.words)
    return tuple(word for word in read_typed(read_part(text)).unknown if word.casefold() not in known)


class _Liked(msgspec.Struct, frozen=True):
    """The clip that the others are to be like: what it says, its size, its pictures in the common space."""

    words: Words
    size_mm: float | None
    pictures: Floats | None


def _liked(catalog: Catalog, prepared: ClipVectors, space: WordSpace, clip: int | None) -> _Liked | None:
    if clip is None:
        return None
    said = queries.description(catalog, queries.clip(catalog, clip).finding_id)
    place = np.flatnonzero(prepared.clips == clip)
    if not len(place):
        raise PolypTraceError(
            "search-like-unprepared",
            f"Clip {clip} isn't prepared for search, so nothing can be like it.",
            "Describe it, or check that its video is still there.",
        )
    row = prepared.at(place)
    size = said.values.get("size_mm") if said else None
    return _Liked(words_of(said) or Words({}), size, row.halves[0, 0] if row.pictures[0] else None)


def _encoded(space: WordSpace, meant: Meant, liked: _Liked | None) -> Floats:
    texts = [meant.words]
    return np.asarray(space.with_codes(_places(space, liked, texts), texts)[0])


def _places(space: WordSpace, liked: _Liked | None, texts: Sequence[Words]) -> Floats:
    """(N, dim) places of typed words, or of the clip with other words."""
    if liked is None:
        return space.of_texts(texts)
    rows = space.of_descriptions(texts) * np.array([[bool(one.codes)] for one in texts])
    if liked.pictures is not None:
        rows = rows + PICTURES * liked.pictures
    return normalised(rows)


def _let_through(catalog: Catalog, filters: Filters, meant: Meant, like: int | None) -> NDArray[np.int64]:
    """Ids of the clips that the filters and chips leave, without the one that the others are to be like."""
    if filters.since and filters.until and filters.since > filters.until:
        raise PolypTraceError("filter-dates", "The first day lies after the last one.", "Change one of them.")
    left = queries.narrowed_clips(
        catalog,
        patient_id=None if filters.patient is None else queries.patient_of_code(catalog, filters.patient).id,
        since=filters.since,
        until=filters.until,
        after_tattoo=meant.after_tattoo,
        segment=filters.segment,
        without=_left_out(meant),
    )
    return left if like is None else left[left != like]


def _left_out(meant: Meant) -> dict[str, tuple[str | Range, ...]]:
    """What isn't wanted as descriptions hold it: sizes in millimetres."""
    found: dict[str, tuple[str | Range, ...]] = {
        key: tuple(_millimetres(code) for code in own) if key == "size_mm" else own
        for key, own in meant.denied.items()
    }
    if meant.limits is not None:
        low, high = meant.limits
        outside = ((0.0, low - _JUST_BELOW), (high, float("inf")))
        found["size_mm"] = (*found.get("size_mm", ()), *outside)
    return found


def _millimetres(label: str) -> Range:
    bins = load().bins
    place = [one.label for one in bins].index(label)
    return (bins[place - 1].maximum if place else 0.0), bins[place].maximum


def _hits(
    catalog: Catalog,
    found: ClipVectors,
    scores: NDArray[np.float32],
    words: Sequence[tuple[WordShare, ...]],
) -> tuple[Hit, ...]:
    present = contexts(catalog, queries.clips(catalog, ids=found.clips.tolist()))
    around = {one.clip.id: one for one in present}
    return tuple(
        Hit(
            clip=one.clip.id,
            score=round(float(scores[place]), 4),
            patient=one.patient.code,
            exam=one.exam.id,
            exam_date=one.exam.date,
            place=one.place,
            report=one.report,
            words=words[place],
            pictures=bool(found.pictures[place]),
            described=bool(found.words[place]),
        )
        for place, clip in enumerate(found.clips.tolist())
        if (one := around.get(clip)) is not None  # removed in this very moment
    )
