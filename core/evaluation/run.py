"""The evaluation of a model on a manifest, with its baselines beside it: one result, one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from core.data.manifest import Manifest, Row, load_crop, read_manifest
from core.evaluation.baselines import colour_histogram, location_vectors, shuffled_texts, text_leak
from core.evaluation.calibration import NoMatch, rule_from
from core.evaluation.items import Items, Vectors, choose_sides, frames, normalised, pool
from core.evaluation.metrics import RetrievalFigures
from core.evaluation.protocols import (
    OtherPatients,
    WithinPatient,
    catalogue,
    no_match_pairs,
    other_patients,
    within_patient,
)
from core.progress import CancelToken, Progress, ProgressSink, no_progress

Picture = npt.NDArray[np.uint8]

BASELINES = ("colour_histogram", "location_only", "image_only", "text_only", "shuffled_text")
NO_TEXT = "No row of the manifest's query and gallery has a text."

_CHUNK = 64


class PairEmbedder(Protocol):
    """What the evaluation needs of a model (see :class:`core.inference.embedder.Embedder`)."""

    def embed_pairs(
        self, images: Sequence[Picture | None], texts: Sequence[str | None]
    ) -> npt.NDArray[np.float32]:
        """N crops (h, w, 3) uint8 RGB and N texts, either of which may be None → (N, d) float32, L2 rows."""
        ...


class Figures(msgspec.Struct, frozen=True):
    """The figures of one way to make vectors."""

    frame: RetrievalFigures
    clip: RetrievalFigures
    within_patient: WithinPatient
    other_patients: OtherPatients


class Evaluation(msgspec.Struct, frozen=True):
    """The result of :func:`evaluate_manifest`.

    ``baselines`` holds None where ``reasons`` says why a baseline can't be computed. ``text_leak`` is True
    when any lesion's query and gallery clips carry the same sentence; ``text_leak_share`` is the share of
    such pairs.
    """

    figures: Figures
    baselines: dict[str, Figures | None]
    reasons: dict[str, str]
    text_leak: bool
    text_leak_share: float | None
    part: str
    full_frame: bool
    counts: dict[str, int]

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
            "part": self.part,
            "full_frame": self.full_frame,
            "counts": self.counts,
        }


def evaluate_manifest(
    manifest_path: Path | str,
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
        manifest_path: the CSV file.
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
    query, gallery = choose_sides(read_manifest(manifest_path), split)
    vectors = _all_vectors(query, gallery, embedder, full_frame, baselines, progress, cancel or CancelToken())
    own = rule or rule_from(getattr(getattr(embedder, "manifest", None), "no_match", None))
    leak = text_leak(query, gallery)
    shown = {name: _figures(query, gallery, vectors[name]) if name in vectors else None for name in baselines}
    return Evaluation(
        figures=_figures(query, gallery, vectors["model"], own),
        baselines=shown,
        reasons={name: NO_TEXT for name, figures in shown.items() if figures is None},
        text_leak=bool(leak),
        text_leak_share=leak,
        part=split,
        full_frame=full_frame,
        counts=_counts(query, gallery),
    )


def collect_no_match_pairs(
    manifest: Manifest,
    embedder: PairEmbedder,
    split: str = "val",
    full_frame: bool = False,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[list[float], list[bool]]:
    """Best cosine and "is a match there" of each validation query: what the no-match rule is learnt from.

    Raises:
        PolypTraceError: as :func:`evaluate_manifest`; so does ``Cancelled``.
    """
    query, gallery = choose_sides(manifest, split)
    vectors = _all_vectors(query, gallery, embedder, full_frame, (), progress, cancel or CancelToken())
    return no_match_pairs(*_sides(query, gallery, vectors["model"], clips=True))


def _all_vectors(
    query: list[Row],
    gallery: list[Row],
    embedder: PairEmbedder,
    full_frame: bool,
    baselines: Sequence[str],
    progress: ProgressSink,
    cancel: CancelToken,
) -> dict[str, Vectors]:
    """Vectors of query rows, then gallery rows, by the way they were made; each picture is read once."""
    rows = query + gallery
    own = [row.text or None for row in rows]
    with_text = any(text for text in own)
    pictured: dict[str, list[str | None]] = {"model": own}
    if "image_only" in baselines and with_text:
        pictured["image_only"] = [None] * len(rows)
    if "shuffled_text" in baselines and with_text:
        dealt = shuffled_texts(query, seed=1) + shuffled_texts(gallery, seed=2)
        pictured["shuffled_text"] = [text or None for text in dealt]
    parts: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in (*pictured, "colour_histogram")}
    for start in range(0, len(rows), _CHUNK):
        cancel.raise_if_cancelled()
        stop = min(start + _CHUNK, len(rows))
        crops = [load_crop(row, full_frame) for row in rows[start:stop]]
        for name, texts in pictured.items():
            parts[name].append(embedder.embed_pairs(crops, texts[start:stop]))
        if "colour_histogram" in baselines:
            parts["colour_histogram"].append(np.stack([colour_histogram(crop) for crop in crops]))
        progress(Progress("Embedding frames", stop, len(rows)))
    vectors = {name: normalised(np.concatenate(chunks)) for name, chunks in parts.items() if chunks}
    if "image_only" in baselines and not with_text:
        vectors["image_only"] = vectors["model"]
    if with_text and "location_only" in baselines:
        vectors["location_only"] = location_vectors([row.text for row in rows])
    if with_text and "text_only" in baselines:
        vectors["text_only"] = _text_vectors(own, embedder)
    return vectors


def _text_vectors(texts: Sequence[str | None], embedder: PairEmbedder) -> Vectors:
    """Texts alone, each different one embedded once; a row without text is like nothing."""
    different = sorted({text for text in texts if text})
    made = normalised(embedder.embed_pairs([None] * len(different), list(different)))
    place = {text: at for at, text in enumerate(different)}
    vectors = np.zeros((len(texts), made.shape[1]), dtype=np.float32)
    for at, text in enumerate(texts):
        if text:
            vectors[at] = made[place[text]]
    return vectors


def _figures(query: list[Row], gallery: list[Row], vectors: Vectors, rule: NoMatch | None = None) -> Figures:
    asked, answering = _sides(query, gallery, vectors, clips=True)
    return Figures(
        frame=catalogue(*_sides(query, gallery, vectors, clips=False)),
        clip=catalogue(asked, answering),
        within_patient=within_patient(asked, answering, rule),
        other_patients=other_patients(asked, answering),
    )


def _sides(query: list[Row], gallery: list[Row], vectors: Vectors, clips: bool) -> tuple[Items, Items]:
    both = frames(query, vectors[: len(query)]), frames(gallery, vectors[len(query) :])
    return (pool(both[0]), pool(both[1])) if clips else both


def _counts(query: list[Row], gallery: list[Row]) -> dict[str, int]:
    return {
        "query_frames": len(query),
        "gallery_frames": len(gallery),
        "query_clips": len({row.clip_id for row in query}),
        "gallery_clips": len({row.clip_id for row in gallery}),
        "patients": len({row.patient_id for row in query + gallery}),
        "rows_without_identity": sum(row.identity is None for row in query + gallery),
    }


def _baseline(figures: Figures | None, reason: str | None) -> dict[str, Any]:
    if figures is None:
        nothing: dict[str, Any] = dict.fromkeys(("mAP", "mAP_trapezoid", "rank1", "rank5", "rank10"))
        return nothing | {"frame": None, "clip": None, "within_patient": None, "reason": reason}
    plain: dict[str, Any] = msgspec.to_builtins(figures)
    return {**plain["frame"], **plain}
