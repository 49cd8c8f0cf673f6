"""The main job: rank the patient's earlier clips, and the catalogue, for one described clip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.catalog import queries
from core.catalog.engine import Catalog
from core.counting import count
from core.domain import Clip
from core.errors import PolypTraceError
from core.evaluation.calibration import MIN_PAIRS, NoMatch, rule_from
from core.inference.embedder import Embedder
from core.inference.ranker import rank
from core.matching.context import ClipContext, TextFit, contexts
from core.matching.gallery import Gallery, gallery_of
from core.matching.indexing import evidence_of, index_clips, stored_vectors
from core.matching.sampling import source_of
from core.matching.values import (
    Candidate,
    DeviceInfo,
    Failure,
    MatchResult,
    ModelInfo,
    NoMatchAnswer,
    QueryInfo,
)
from core.progress import CancelToken, ProgressSink, no_progress


def match_clip(
    catalog: Catalog,
    embedder: Embedder,
    clip_id: int,
    *,
    everywhere: bool = False,
    top: int = 10,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> MatchResult:
    """Ranks earlier clips for a clip by the cosine of their embeddings; missing embeddings are made first.

    Args:
        everywhere: also rank all clips outside the query's exam.
        top: length of that second ranking; the patient's own is never cut.

    Raises:
        PolypTraceError: ``clip-unknown``; ``match-not-described`` while the clip's finding has no
            description (decide first, then look); ``match-no-embedding`` when the query can't be embedded.
        Cancelled: what was embedded so far is kept.
    """
    gallery = gallery_of(catalog, clip_id, everywhere)
    summary = index_clips(catalog, embedder, gallery.clips, progress, cancel)
    return rank_stored(catalog, embedder, gallery, summary.failed, top=top)


def rank_stored(
    catalog: Catalog, embedder: Embedder, gallery: Gallery, failed: Iterable[Failure] = (), *, top: int = 10
) -> MatchResult:
    """Ranks clips whose embeddings are stored already; reads only.

    Args:
        gallery: from :func:`core.matching.gallery.gallery_of`.
        failed: those of its clips that couldn't be embedded: they stand last, with the reason.
        top: length of the catalogue's ranking; the patient's own is never cut.

    Raises:
        PolypTraceError: ``match-no-embedding`` when the query is among the failed; ``clip-not-indexed`` when
            another clip than those has no embedding.
    """
    query, others = gallery.query, gallery.others
    needed = {clip.id for clip in gallery.clips}
    failures = {failure.clip: failure.reason for failure in failed if failure.clip in needed}
    if query.id in failures:
        raise PolypTraceError(
            "match-no-embedding",
            f"Clip {query.id} can't be compared: {failures[query.id]}",
            "Check that its video is still there and that the clip shows usable frames.",
        )
    scoring = _Scoring(catalog, embedder, query, sorted(needed - {query.id}), failures)
    own = scoring.with_chances(scoring.candidates(gallery.earlier))
    return MatchResult(
        query=scoring.query_info(),
        model=ModelInfo(embedder.model_id, embedder.dim),
        device=DeviceInfo(embedder.device.name, embedder.device.reason),
        patient=own,
        catalogue=None if others is None else _beside(own, scoring.candidates(others)[:top]),
        no_match=no_match_answer(scoring.rule, own),
        warnings=tuple(sorted({f"Clip {clip}: {reason}" for clip, reason in failures.items()})),
    )


def no_match_answer(rule: NoMatch | None, patient: Sequence[Candidate]) -> NoMatchAnswer:
    """Whether the patient's best clip is too unlike the query, by the threshold of the model's bundle.

    Args:
        rule: None for a model that wasn't calibrated.
        patient: the patient's candidates; those ruled out and those without a score don't count.
    """
    open_ones = [one for one in patient if not one.ruled_out]
    best = max((one.score for one in open_ones if one.score is not None), default=None)
    threshold, queries_, data = (rule.threshold, rule.queries, rule.learnt_on) if rule else (None, 0, "")
    if best is None:
        lost = bool(open_ones)
        why = "The patient has no earlier described clip to compare with."
        if patient:
            why = "All of the patient's earlier clips were ruled out for this finding by verdicts."
        if lost:
            why = "None of the patient's earlier clips could be compared; the list says why."
        return NoMatchAnswer(None, threshold, None if lost else True, queries_, why, data)
    if rule is None:
        return NoMatchAnswer(best, None, None, 0, "This model has no threshold: it wasn't calibrated.")
    no_match = rule.is_no_match(best)
    side = "below" if no_match else "at or above"
    why = f"The best score, {best:.3f}, is {side} {threshold:.3f}."
    if queries_ < MIN_PAIRS:
        why += f" That threshold was learnt from {count(queries_, 'query', 'queries')} only."
    return NoMatchAnswer(best, threshold, no_match, queries_, why, data)


class _Scoring:
    """Scores clips against one query whose vector is stored."""

    def __init__(
        self,
        catalog: Catalog,
        embedder: Embedder,
        query: Clip,
        gallery: Iterable[int],
        failures: dict[int, str],
    ) -> None:
        self.rule = rule_from(embedder.manifest.no_match)
        self._catalog, self._query, self._failures = catalog, query, failures
        self._fit = TextFit.of(embedder.info)
        usable = [clip for clip in gallery if clip not in failures]
        self._scores = _scores(stored_vectors(catalog, embedder, [query.id, *usable]), usable)
        self._rejected = _rejected(catalog, query.finding_id)
        self._removed = queries.removed_lesions(catalog, queries.exam(catalog, query.exam_id).date)
        lesion = queries.lesion_of_clips(catalog).get(query.id)
        self._linked = set(lesion.finding_ids) if lesion else set()

    def query_info(self) -> QueryInfo:
        context = contexts(self._catalog, [self._query], self._fit)[0]
        evidence = evidence_of(self._catalog, context)
        who = (
            context.clip.id,
            context.clip.finding_id,
            context.patient.code,
            context.exam.id,
            context.exam.date,
        )
        return QueryInfo(*who, context.report, context.place, evidence)

    def candidates(self, clips: Sequence[Clip]) -> tuple[Candidate, ...]:
        """Best first; ruled out behind the others, clips without a score last."""
        made = [
            self._candidate(context, self._scores.get(context.clip.id))
            for context in contexts(self._catalog, clips)
        ]
        return tuple(sorted(made, key=_order))

    def with_chances(self, patient: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """The patient's candidates with the chance of their lesions; what was ruled out has none."""
        best: dict[tuple[str, int], float] = {}
        for one in patient:
            if one.score is not None and one.possible:
                best[_lesion(one)] = max(one.score, best.get(_lesion(one), one.score))
        chances = self.rule.probabilities(list(best.values())) if self.rule else None
        if chances is None:
            return tuple(patient)
        shown = dict(zip(best, chances, strict=True))
        return tuple(
            msgspec.structs.replace(one, probability=shown[_lesion(one)]) if one.possible else one
            for one in patient
        )

    def _candidate(self, context: ClipContext, score: float | None) -> Candidate:
        clip = context.clip
        return Candidate(
            clip=clip.id,
            finding=clip.finding_id,
            lesion=context.lesion,
            patient=context.patient.code,
            exam=clip.exam_id,
            exam_date=context.exam.date,
            report=context.report,
            place=context.place,
            score=score,
            probability=None,
            band=self.rule.band(score) if self.rule and score is not None else None,
            rejected=clip.finding_id in self._rejected,
            source=source_of(clip, context.video.region),
            reason=self._failures.get(clip.id),
            linked=clip.finding_id in self._linked,
            removed=clip.finding_id in self._removed,
        )


def _scores(vectors: NDArray[np.float32], gallery: Sequence[int]) -> dict[int, float]:
    """Cosines by clip; ``vectors`` are the query's and then the gallery's."""
    if not gallery:
        return {}
    places, scores = rank(vectors[0], vectors[1:], len(gallery))
    return {gallery[int(place)]: float(score) for place, score in zip(places, scores, strict=True)}


def _beside(own: Sequence[Candidate], ranked: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The catalogue's ranking, whose clips of this patient have the chances of the patient's own ranking."""
    chances = {one.clip: one.probability for one in own}
    return tuple(msgspec.structs.replace(one, probability=chances.get(one.clip)) for one in ranked)


def _lesion(one: Candidate) -> tuple[str, int]:
    """What the clip shows, as a thing that the query can be."""
    return ("finding", one.finding) if one.lesion is None else ("lesion", one.lesion)


def _order(candidate: Candidate) -> tuple[bool, bool, float, int]:
    score = candidate.score
    return score is None, candidate.ruled_out, -(score if score is not None else 0.0), candidate.clip


def _rejected(catalog: Catalog, finding_id: int) -> set[int]:
    """Findings that were said not to be the same lesion as this one, and all others of their lesions."""
    pairs = queries.cannot_links(catalog)
    named = {other for pair in pairs if finding_id in pair for other in pair if other != finding_id}
    lesions = queries.lesion_of_findings(catalog) if named else {}
    return named.union(*(lesions[other].finding_ids for other in named if other in lesions)) - {finding_id}
