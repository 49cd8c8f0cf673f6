"""A candidate beside the model in use: the same figures, on the same patients, made the same way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from core.data.manifest import read_manifest
from core.errors import PolypTraceError
from core.evaluation.calibration import fit_no_match
from core.evaluation.items import choose_sides, frames, pool
from core.evaluation.run import Evaluation, evaluate_manifest
from core.evaluation.vectors import row_vectors
from core.inference.bundle import NoMatchSettings
from core.inference.embedder import Embedder
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.retraining.figures import FIGURES
from core.training.no_match import within_patient_scores
from core.training.validation import ClipVectors

STAGE = "measuring both models"
HELD_BACK, LEARNT = "held-back patients", "patients that it has learnt from"
LEAST_PATIENTS = 5
"""Fewer than so many can't be drawn anew in a way that tells how sure a figure is: no interval is shown."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a candidate and of the model that was in use.

    Attributes:
        on: whose patients, in words; None where nothing could be compared.
        fair: whether neither model has learnt from them.
        patients, queries, new: how many; ``queries`` have their lesion in an earlier exam, ``new`` haven't.
        active_model: id of the model that was in use.
        candidate, active: :data:`core.retraining.figures.FIGURES` by key; None where ``reasons`` says why.
        intervals: 95 % intervals over patients, ``candidate`` and ``active`` by key.
        words: what it comes to, in sentences.
    """

    on: str | None
    fair: bool
    patients: int
    queries: int
    new: int
    active_model: str
    candidate: dict[str, float | None]
    active: dict[str, float | None]
    intervals: dict[str, dict[str, tuple[float, float]]]
    reasons: dict[str, str]
    words: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As a JSON document."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def compare(
    manifest: Path,
    candidate: Embedder,
    active: Embedder,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
    *,
    held_back: int = 0,
) -> Comparison:
    """Compares on the held-back patients of a run's manifest; without any on those that trained, and says so.

    Args:
        held_back: how many patients were held back, whether or not their videos could be read.

    Raises:
        PolypTraceError: a picture can't be read.
        Cancelled: ``cancel`` was set.
    """
    rows = read_manifest(manifest)
    fair = bool(rows.split("query").rows)
    part = "test" if fair else "train"
    found: list[Evaluation] = []
    try:
        for number, embedder in enumerate((candidate, active)):

            def sink(step: Progress, at: int = number) -> None:
                total = step.total or 1
                progress(Progress(STAGE, at * total + step.done, 2 * total))

            found.append(
                evaluate_manifest(manifest, embedder, split=part, baselines=(), progress=sink, cancel=cancel)
            )
    except PolypTraceError as error:
        if error.code != "evaluation-empty":
            raise
        return _nothing(active.model_id, error.message)
    made = _compared(found[0], found[1], fair, active.model_id)
    return made if fair else msgspec.structs.replace(made, words=(_unfair(held_back),))


def held_back_rule(
    manifest: Path, candidate: Embedder, cancel: CancelToken | None = None
) -> NoMatchSettings | None:
    """The "no good match" rule of a candidate, from held-back patients; None where they hold too little."""
    try:
        query, gallery = choose_sides(read_manifest(manifest))
    except PolypTraceError:
        return None
    rows = [*query, *gallery]
    vectors = row_vectors(query, gallery, candidate, baselines=(), cancel=cancel).by_way["model"]
    clips = pool(frames(rows, vectors))
    first = {row.clip_id: row for row in reversed(rows)}
    asked = {row.clip_id for row in query}
    scores = within_patient_scores(
        ClipVectors([first[clip] for clip in clips.clips], np.asarray(clips.vectors, dtype=np.float32)),
        np.array([clip in asked for clip in clips.clips], dtype=bool),
    )
    try:
        rule = fit_no_match(scores.best, scores.has_match, scores.choices)
    except PolypTraceError as error:
        if error.code == "calibration-one-kind":
            return None
        raise
    return NoMatchSettings(
        threshold=rule.threshold,
        slope=rule.slope,
        intercept=rule.intercept,
        pairs=scores.pairs,
        queries=scores.queries,
        learnt_on="held-back patients of this catalogue",
    )


def _compared(candidate: Evaluation, active: Evaluation, fair: bool, active_model: str) -> Comparison:
    own = candidate.figures.within_patient
    ours, theirs = _figures(candidate), _figures(active)
    reasons = {key: reason for key, reason in _reasons(candidate).items() if ours.get(key) is None}
    return Comparison(
        on=HELD_BACK if fair else LEARNT,
        fair=fair,
        patients=candidate.counts["patients"],
        queries=own.queries,
        new=own.queries_without_match,
        active_model=active_model,
        candidate=ours,
        active=theirs,
        intervals={"candidate": _intervals(candidate), "active": _intervals(active)},
        reasons=reasons,
        words=tuple(_words(ours, theirs, own.queries, candidate.counts["patients"])),
    )


def _figures(result: Evaluation) -> dict[str, float | None]:
    own, clip = result.figures.within_patient, result.figures.clip
    values = {
        "within_rank1": own.rank1,
        "chance": own.chance,
        "mAP": clip.mean_average_precision,
        "rank1": clip.rank1,
        "no_match_auroc": own.no_match_auroc,
        "fnir_at_fpir5": own.fnir_at_fpir5,
        "wrong_patient": result.figures.other_patients.wrong_patient,
    }
    return {key: values[key] for key in FIGURES}


def _reasons(result: Evaluation) -> dict[str, str]:
    own = result.figures.within_patient.reasons
    no_query = "No query's lesion is in an earlier exam."
    return {
        "within_rank1": own.get("rank1", no_query),
        "chance": own.get("chance", no_query),
        "mAP": no_query,
        "rank1": no_query,
        "no_match_auroc": own.get("no_match_auroc", no_query),
        "fnir_at_fpir5": own.get("fnir_at_fpir5", no_query),
        "wrong_patient": result.figures.other_patients.reason or no_query,
    }


def _intervals(result: Evaluation) -> dict[str, tuple[float, float]]:
    if result.counts["patients"] < LEAST_PATIENTS:
        return {}
    own, clip = result.figures.within_patient.intervals, result.figures.clip.intervals
    named = {
        "within_rank1": own.get("rank1"),
        "no_match_auroc": own.get("no_match_auroc"),
        "mAP": clip.get("mAP"),
        "rank1": clip.get("rank1"),
        "wrong_patient": result.figures.other_patients.interval,
    }
    return {key: interval for key, interval in named.items() if interval is not None}


def _unfair(held_back: int) -> str:
    why = "The held-back patients' videos can't be read" if held_back else "No patient could be held back"
    return (
        f"{why}, so these figures are of patients that the candidate has learnt from: they say nothing about "
        "how it does on others."
    )


def _words(
    ours: dict[str, float | None], theirs: dict[str, float | None], queries: int, patients: int
) -> list[str]:
    one, other, chance = ours["within_rank1"], theirs["within_rank1"], ours["chance"]
    if one is None or other is None or chance is None:
        return ["The held-back patients hold no question with a known answer, so nothing can be compared."]
    few = " So few questions can't tell two models apart." if queries < 30 else ""
    return [
        f"Of {queries} held-back {'question' if queries == 1 else 'questions'} of {patients} "
        f"{'patient' if patients == 1 else 'patients'} the candidate answers {round(one * queries)} rightly, "
        f"the model in use {round(other * queries)}; guessing would {chance * queries:.1f}.{few}"
    ]


def _nothing(active_model: str, reason: str) -> Comparison:
    empty: dict[str, float | None] = dict.fromkeys(FIGURES)
    return Comparison(
        on=None,
        fair=False,
        patients=0,
        queries=0,
        new=0,
        active_model=active_model,
        candidate=empty,
        active=dict(empty),
        intervals={},
        reasons=dict.fromkeys(FIGURES, reason),
        words=("Nothing could be compared: no confirmed lesion was read in two exams.",),
    )
