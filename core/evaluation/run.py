"""The evaluation of a model on a manifest, with its baselines beside it: one result, one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from core.data.manifest import Manifest, Row, read_manifest
from core.data.rules import LESIONS, RankingRule
from core.evaluation.asking import ask_all
from core.evaluation.baselines import text_leak
from core.evaluation.calibration import NoMatch, rule_from
from core.evaluation.comparison import compare
from core.evaluation.ignored import ignored_pairs
from core.evaluation.items import Items, Vectors, choose_sides, frames, pool
from core.evaluation.metrics import RetrievalFigures
from core.evaluation.protocols import (
    OtherPatients,
    WithinPatient,
    catalogue,
    catalogue_ranks,
    figures_with_intervals,
    other_patients,
    within_patient,
)
from core.evaluation.strata import Strata, strata
from core.evaluation.vectors import BASELINES, PairEmbedder, missing_baselines, row_vectors
from core.progress import CancelToken, ProgressSink, no_progress

__all__ = ["BASELINES", "Evaluation", "Figures", "PairEmbedder", "evaluate_manifest"]


class Figures(msgspec.Struct, frozen=True):
    """The figures of one way to make vectors."""

    frame: RetrievalFigures
    clip: RetrievalFigures
    within_patient: WithinPatient
    other_patients: OtherPatients
    strata: Strata


_NO_TEXTS = "No lesion has a text both among the queries and in the gallery."


class Evaluation(msgspec.Struct, frozen=True):
    """The result of :func:`evaluate_manifest`.

    ``baselines`` holds None where ``reasons`` says why a baseline can't be computed. ``text_leak`` is True
    when any lesion's query and gallery clips carry the same sentence; ``text_leak_share`` is the share of
    such pairs. Both are None where no lesion has a text on both sides.
    """

    figures: Figures
    baselines: dict[str, Figures | None]
    reasons: dict[str, str]
    text_leak: bool | None
    text_leak_share: float | None
    part: str
    full_frame: bool
    counts: dict[str, int]
    ranking: RankingRule = LESIONS

    @property
    def warnings(self) -> list[str]:
        """What has to be said beside the figures, one sentence each."""
        if not self.text_leak_share:
            return []
        return [
            f"text-leak: {self.text_leak_share:.0%} of the lesions' query and gallery clips carry the very "
            "same sentence, so the text alone may solve the task."
        ]

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``evaluate``.

        ``frame``, ``clip`` and ``within_patient`` are the model's; each baseline holds the same, and its
        frame-level figures also at its top; what can't be computed is null with a reason.
        """
        baselines = {
            name: _baseline(figures, self.reasons.get(name)) for name, figures in self.baselines.items()
        }
        own: dict[str, Any] = msgspec.to_builtins(self.figures)
        return own | {
            "baselines": baselines,
            "text_leak": self.text_leak,
            "text_leak_share": self.text_leak_share,
            "reasons": {} if self.text_leak is not None else {"text_leak": _NO_TEXTS},
            "part": self.part,
            "full_frame": self.full_frame,
            "counts": self.counts,
            "ranking_rule": {"name": self.ranking.name, "words": self.ranking.words},
            "warnings": self.warnings,
        }


def evaluate_manifest(
    manifest: Manifest | Path | str,
    embedder: PairEmbedder,
    full_frame: bool = False,
    split: str = "test",
    baselines: Sequence[str] = BASELINES,
    rule: NoMatch | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Evaluation:
    """Evaluates a model on a manifest: every clip with its own exam's text.

    Args:
        manifest: the CSV file, or what a layout's reader made of a data set.
        embedder: the model.
        full_frame: whole pictures instead of lesion crops.
        split: ``test`` (rows marked query and gallery), ``val`` or ``train`` (last exam against earlier
            ones).
        baselines: which of :data:`BASELINES` to compute beside the model.
        rule: the model's "no good match", for its calibration error; by default the one of its bundle.
        progress: told after each batch of frames.
        cancel: looked at before each batch.

    Raises:
        PolypTraceError: the manifest or a picture of it can't be read, or there is nothing to rank.
        Cancelled: ``cancel`` was set.
        ValueError: an unknown baseline.
    """
    if unknown := set(baselines) - set(BASELINES):
        raise ValueError(f"unknown baselines: {sorted(unknown)}")
    data = manifest if isinstance(manifest, Manifest) else read_manifest(manifest)
    query, gallery = choose_sides(data, split)
    vectors = row_vectors(query, gallery, embedder, full_frame, baselines, progress, cancel)
    own = rule or rule_from(getattr(getattr(embedder, "manifest", None), "no_match", None))
    leak = text_leak(query, gallery)
    shown = {
        name: _figures(query, gallery, vectors[name], data.ranking) if name in vectors else None
        for name in baselines
    }
    return Evaluation(
        figures=_figures(query, gallery, vectors["model"], data.ranking, own),
        baselines=shown,
        reasons=missing_baselines(query, gallery, baselines),
        text_leak=None if leak is None else leak > 0,
        text_leak_share=leak,
        part=split,
        full_frame=full_frame,
        counts=_counts(query, gallery, _sides(query, gallery, vectors["model"], clips=True), data.ranking),
        ranking=data.ranking,
    )


def _figures(
    query: list[Row],
    gallery: list[Row],
    vectors: Vectors,
    ranking: RankingRule,
    rule: NoMatch | None = None,
) -> Figures:
    frame = compare(*_sides(query, gallery, vectors, clips=False), ranking)
    clip = compare(*_sides(query, gallery, vectors, clips=True), ranking)
    ranks, answers = catalogue_ranks(clip), ask_all(clip)
    return Figures(
        frame=catalogue(frame),
        clip=figures_with_intervals(ranks, clip.query.patients),
        within_patient=within_patient(answers, rule),
        other_patients=other_patients(answers),
        strata=strata(clip, ranks, answers, {row.clip_id: row for row in [*query, *gallery]}),
    )


def _sides(query: list[Row], gallery: list[Row], vectors: Vectors, clips: bool) -> tuple[Items, Items]:
    both = frames(query, vectors[: len(query)]), frames(gallery, vectors[len(query) :])
    return (pool(both[0]), pool(both[1])) if clips else both


def _counts(
    query: list[Row], gallery: list[Row], clips: tuple[Items, Items], ranking: RankingRule
) -> dict[str, int]:
    ignored = ignored_pairs(*clips, ranking)
    asked = set(clips[0].identities) - {None}
    kept = [who for who, junk in zip(clips[1].identities, clips[1].junk, strict=True) if not junk]
    return {
        "query_frames": len(query),
        "gallery_frames": len(gallery),
        "query_clips": len({row.clip_id for row in query}),
        "gallery_clips": len({row.clip_id for row in gallery}),
        "patients": len({row.patient_id for row in query + gallery}),
        "identities": len({row.identity for row in query + gallery} - {None}),
        "pairs_left_out": ignored.own_pairs,
        "junk_clips": len(ignored.junk),
        "distractor_clips": sum(who not in asked for who in kept),
        "rows_without_identity": sum(row.identity is None for row in query + gallery),
    }


def _baseline(figures: Figures | None, reason: str | None) -> dict[str, Any]:
    if figures is None:
        nothing: dict[str, Any] = dict.fromkeys(("mAP", "mAP_trapezoid", "rank1", "rank5", "rank10"))
        return nothing | {"frame": None, "clip": None, "within_patient": None, "reason": reason}
    plain: dict[str, Any] = msgspec.to_builtins(figures)
    return {**plain["frame"], **plain}
