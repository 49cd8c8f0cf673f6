"""The evaluation of a model on a manifest, with its baselines beside it: one result, one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from core.data.manifest import Manifest, Row, read_manifest
from core.data.rules import RankingRule
from core.evaluation.asking import ask_all
from core.evaluation.baselines import shared_text, text_leak
from core.evaluation.calibration import NoMatch, rule_from
from core.evaluation.comparison import Comparison, compare
from core.evaluation.items import Vectors, choose_sides, frames, part_rows, pool
from core.evaluation.protocols import (
    catalogue,
    catalogue_ranks,
    other_patients,
    within_patient,
)
from core.evaluation.query_text import Level, QueryText, query_text_scores
from core.evaluation.result import OWN_TEXT, QUERY_TEXT, Evaluation, Evidence, Figures
from core.evaluation.strata import strata
from core.evaluation.vectors import (
    BASELINES,
    ONE_TEXT,
    PairEmbedder,
    RowVectors,
    missing_baselines,
    row_vectors,
)
from core.progress import CancelToken, ProgressSink, no_progress

__all__ = ["BASELINES", "Evaluation", "Figures", "PairEmbedder", "evaluate_manifest"]

_OTHER_PROTOCOL = "The model's threshold and probability were learnt with every clip's own text."


class _Way(msgspec.Struct, frozen=True):
    """One way to make vectors: its comparisons of frames and of clips."""

    frames: Comparison
    clips: Comparison


def evaluate_manifest(
    manifest: Manifest | Path | str,
    embedder: PairEmbedder,
    full_frame: bool = False,
    split: str = "test",
    baselines: Sequence[str] = BASELINES,
    rule: NoMatch | None = None,
    query_text: QueryText | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Evaluation:
    """Evaluates a model on a manifest: every clip with its own exam's text, unless ``query_text`` is given.

    Args:
        manifest: the CSV file, or what a layout's reader made of a data set.
        embedder: the model.
        full_frame: whole pictures instead of lesion crops.
        split: ``test`` (rows marked query and gallery), ``val`` or ``train`` (last exam against earlier
            ones).
        baselines: which of :data:`BASELINES` to compute beside the model.
        rule: the model's "no good match", for its calibration error; by default the one of its bundle.
        query_text: the reference's protocol; the usual one then stands among the baselines (``own_text``).
        progress: told after each batch of frames, and after each text that was fused with the gallery.
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
    fuser = None if query_text is None else query_text.fuser
    made = row_vectors(query, gallery, embedder, full_frame, baselines, fuser, progress, cancel)
    ways = {name: _way(query, gallery, own, data.ranking) for name, own in made.by_way.items()}
    reasons = missing_baselines(query, gallery, baselines)
    own_rule = rule or rule_from(getattr(getattr(embedder, "manifest", None), "no_match", None))
    names: Sequence[str] = baselines
    if query_text is not None:
        names, own_rule = ("own_text", *baselines), None
        ways |= _with_query_text(query, gallery, ways, made, query_text, progress, cancel)
        if ways.pop("text_only", None) is not None:
            reasons["text_only"] = ONE_TEXT
    rows = {row.clip_id: row for row in [*query, *gallery]}
    figures = _figures(ways["model"], rows, own_rule)
    leak = text_leak(query, gallery)
    return Evaluation(
        figures=figures if query_text is None else _without_rule(figures),
        baselines={name: _figures(ways[name], rows) if name in ways else None for name in names},
        reasons=reasons,
        text_leak=None if leak is None else leak > 0,
        text_leak_share=leak,
        shared_text_share=shared_text([*query, *gallery]),
        part=split,
        full_frame=full_frame,
        counts=_counts(query, gallery, ways["model"].clips)
        | {"junk_query_frames": len(part_rows(data, split)) - len(query) - len(gallery)},
        evidence=Evidence(query, gallery, ways["model"].clips, made.by_way),
        ranking=data.ranking,
        protocol=OWN_TEXT if query_text is None else QUERY_TEXT,
        rerank=None if query_text is None else query_text.first,
    )


def _way(query: list[Row], gallery: list[Row], vectors: Vectors, ranking: RankingRule) -> _Way:
    both = frames(query, vectors[: len(query)]), frames(gallery, vectors[len(query) :])
    return _Way(compare(*both, ranking), compare(pool(both[0]), pool(both[1]), ranking))


def _with_query_text(
    query: list[Row],
    gallery: list[Row],
    ways: dict[str, _Way],
    made: RowVectors,
    settings: QueryText,
    progress: ProgressSink,
    cancel: CancelToken | None,
) -> dict[str, _Way]:
    """The ways that the other protocol changes: ``model``, and ``shuffled_text`` where it was asked for."""
    assert made.looks is not None
    tokens = made.looks[len(query) :]
    changed = {"own_text": ways["model"]}
    for name, texts in (("model", [row.text for row in query]), ("shuffled_text", made.dealt)):
        if name not in ways:
            continue
        way, text_of = ways[name], dict(zip([row.clip_id for row in query], texts, strict=False))
        places: dict[str, int] = {}
        clip_of = np.array([places.setdefault(row.clip_id, len(places)) for row in gallery], dtype=np.int64)
        levels = [
            Level(own, [text_of[clip] for clip in own.query.clips], item_of)
            for own, item_of in ((way.frames, np.arange(len(gallery))), (way.clips, clip_of))
        ]
        scores = query_text_scores(levels, tokens, settings, progress, cancel)
        both = [
            msgspec.structs.replace(level.compared, scores=own)
            for level, own in zip(levels, scores, strict=True)
        ]
        changed[name] = _Way(*both)
    return changed


def _figures(way: _Way, rows: dict[str, Row], rule: NoMatch | None = None) -> Figures:
    ranks, answers = catalogue_ranks(way.clips), ask_all(way.clips)
    return Figures(
        frame=catalogue(way.frames),
        clip=catalogue(way.clips, ranks),
        within_patient=within_patient(answers, rule),
        other_patients=other_patients(answers),
        strata=strata(way.clips, ranks, answers, rows),
    )


def _without_rule(figures: Figures) -> Figures:
    """Says why the other protocol has no threshold and no probability."""
    within = figures.within_patient
    names = [name for name in ("no_match_recognised", "no_match_missed", "ece") if name in within.reasons]
    reasons = within.reasons | dict.fromkeys(names, _OTHER_PROTOCOL)
    return msgspec.structs.replace(figures, within_patient=msgspec.structs.replace(within, reasons=reasons))


def _counts(query: list[Row], gallery: list[Row], clips: Comparison) -> dict[str, int]:
    ignored, theirs = clips.left_out, clips.gallery
    asked = set(clips.query.identities) - {None}
    kept = [who for who, junk in zip(theirs.identities, theirs.junk, strict=True) if not junk]
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
