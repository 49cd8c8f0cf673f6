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
from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError
from core.evaluation.items import normalised
from core.inference.ranker import rank
from core.matching.context import contexts
from core.search.coded import Codes
from core.search.features import SILENT, Floats, Words
from core.search.indexing import words_of
from core.search.prepared import PreparedClips
from core.search.query import (
    LONGEST,
    NO_IDENTITY,
    NOTHING_UNDERSTOOD,
    Filters,
    Meant,
    SearchQuery,
    narrowed,
    understood,
    without_each_code,
    without_each_word,
)
from core.search.typed import read_typed
from core.search.vectors import PICTURES, ClipVectors, WordSpace
from core.text.vocabulary import load

_MATTERS = 0.03
"""A word whose loss changes the score by less isn't named."""


class WordShare(msgspec.Struct, frozen=True):
    """A word of the query, and by how much the score falls where it is left out (negative: it rises).

    The other fields keep their weight, so that a word which fits counts for the hit also where all others do.
    """

    word: str
    change: float


class Hit(msgspec.Struct, frozen=True):
    """A clip that was found.

    Attributes:
        score: how alike in kind, −1…1: half the cosine to the query in the common space, half how many of the
            asked fields the description says.
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
    advice: str = ""
    note: str = NO_IDENTITY
    notice: str = RESEARCH_BANNER

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
    meant = understood(query, liked.words if liked else None)
    wanted = _let_through(catalog, query.filters, meant, query.like)
    at = np.flatnonzero(np.isin(clips.clips, wanted, assume_unique=True))
    known = liked is not None or bool(space.features.of(meant.words).any())
    found, scores = _best(clips, at if known else at[:0], _encoded(space, query, meant, liked), top)
    words = _words(space, query, meant, liked)
    return SearchResult(
        hits=_hits(catalog, found, scores, _changes(words, found, scores)),
        said=meant.said if known else "",
        codes=meant.words.codes,
        searched=len(at),
        unprepared=len(wanted) - len(at),
        model=space.model_id,
        ignored=_ignored(space, query.text),
        advice=_advice(query, meant, len(wanted)) if known else NOTHING_UNDERSTOOD,
    )


def _advice(query: SearchQuery, meant: Meant, left: int) -> str:
    """What to do where no clip is left; empty where some are."""
    if left:
        return ""
    by = narrowed(query.filters, meant)
    return f"No clip is left by: {by}." if by else "There is no clip to search yet: mark one in a video."


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
    return tuple(word for word in read_typed(text[:LONGEST]).unknown if word.casefold() not in known)


class _Liked(msgspec.Struct, frozen=True):
    """The clip that the others are to be like: what it says, and its pictures in the common space."""

    words: Words
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
    return _Liked(words_of(said) or Words({}), row.halves[0, 0] if row.pictures[0] else None)


def _encoded(space: WordSpace, query: SearchQuery, meant: Meant, liked: _Liked | None) -> Floats:
    if liked is None:
        return np.asarray(space.queries_of([meant.words])[0])
    return np.asarray(_like_with(space, liked, [meant.words])[0])


def _like_with(space: WordSpace, liked: _Liked, texts: Sequence[Words], fields: int = 0) -> Floats:
    """The clip with other words, as :meth:`core.search.vectors.WordSpace.queries_of`."""
    rows = space.of_descriptions(texts) * np.array([[bool(one.codes)] for one in texts])
    if liked.pictures is not None:
        rows = rows + PICTURES * liked.pictures
    return space.with_codes(normalised(rows), texts, fields)


def _words(
    space: WordSpace, query: SearchQuery, meant: Meant, liked: _Liked | None
) -> list[tuple[str, Floats]]:
    """Each word (or field) of the query with the query's place without it."""
    fields = space.fields_of(meant.words)
    if liked is not None:
        left = without_each_code(meant.words.codes)
        rows = _like_with(space, liked, [Words(codes, meant.words.free) for _, codes in left], fields)
        return [(word, row) for (word, _), row in zip(left, rows, strict=True)]
    found: list[tuple[str, Words]] = []
    denied = read_typed(query.text).denied
    for word, rest in without_each_word(query.text):
        if word.casefold() in SILENT or read_typed(rest).denied != denied:  # that one leaves clips out
            continue
        try:
            without = understood(msgspec.structs.replace(query, text=rest)).words
        except PolypTraceError:  # the only word, or the one that a chip starts from
            without = Words({})
        found.append((word, without))
    rows = space.queries_of([text for _, text in found], fields)
    return [(word, row) for (word, _), row in zip(found, rows, strict=True)]


def _changes(
    words: Sequence[tuple[str, Floats]], found: ClipVectors, scores: NDArray[np.float32]
) -> list[tuple[WordShare, ...]]:
    """For each hit the words that mattered, the one that mattered most first."""
    if not words or not len(found):
        return [()] * len(found)
    without = np.stack([row for _, row in words]) @ found.mixed.T
    shares = []
    for place, score in enumerate(scores):
        changes = [(float(score - without[k, place]), word) for k, (word, _) in enumerate(words)]
        kept = sorted((one for one in changes if abs(one[0]) >= _MATTERS), key=lambda one: -abs(one[0]))
        shares.append(tuple(WordShare(word, round(change, 4)) for change, word in kept))
    return shares


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
        without=_described(meant.denied),
    )
    return left if like is None else left[left != like]


def _described(codes: Codes) -> dict[str, tuple[str | Range, ...]]:
    """Codes as descriptions hold them: sizes in millimetres."""
    return {
        key: tuple(_millimetres(code) for code in own) if key == "size_mm" else own
        for key, own in codes.items()
    }


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
