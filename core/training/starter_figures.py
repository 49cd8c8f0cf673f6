"""What the finished starter model reaches, measured through the same path as in use: bundle and ONNX file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from core.evaluation.run import Evaluation, evaluate_manifest
from core.inference.bundle import BundleInfo
from core.inference.embedder import Embedder
from core.models.export import ensure_onnx
from core.progress import CancelToken, Progress, ProgressSink
from core.training.config import read_config
from core.training.masked_language import MlmResult, summary
from core.training.publish import LIMITS, CardFacts, card

WAYS = {
    "model": "picture and text",
    "image_only": "picture alone",
    "text_only": "text alone",
    "shuffled_text": "picture with another lesion's text",
    "location_only": "baseline: segment and size as recorded",
    "colour_histogram": "baseline: colour histogram",
}
PHANTOM_LIMITS = (
    "It has learnt from rendered pictures and invented descriptions alone: on real pictures expect much "
    "lower figures than those above.",
    "It was made so that the software can be tried out; train on data of your own before you study anything.",
    *LIMITS,
)


def measure(
    bundle: Path,
    manifests: Mapping[str, tuple[Path, str]],
    cache: Path,
    device: str,
    progress: ProgressSink,
    cancel: CancelToken,
) -> dict[str, dict[str, Any]]:
    """Evaluates a bundle on several manifests.

    Args:
        bundle: the bundle's folder.
        manifests: name of the patients → manifest and its part (``val`` or ``test``).
        cache: where the ONNX file may lie.

    Returns:
        Name of the patients → ``{way: {mAP, rank1, rank5, within_rank1}, chance, queries, gallery}``; a
        figure that can't be computed is None.
    """
    ensure_onnx(bundle, cache)  # torch is loaded here already; the embedder would start a process for it
    embedder = Embedder.open(bundle, device, cache)
    figures: dict[str, dict[str, Any]] = {}
    for name, (manifest, part) in manifests.items():

        def sink(step: Progress, name: str = name) -> None:
            progress(msgspec.structs.replace(step, stage=f"measuring: {name}"))

        result = evaluate_manifest(manifest, embedder, split=part, progress=sink, cancel=cancel)
        figures[name] = _short(result)
    return figures


def _short(result: Evaluation) -> dict[str, Any]:
    ways = {"model": result.figures, **result.baselines}
    own = result.figures.within_patient
    short: dict[str, Any] = {
        "queries": result.counts["query_clips"],
        "gallery": result.counts["gallery_clips"],
        "patients": result.counts["patients"],
        "chance": own.chance,
        "text_leak_share": result.text_leak_share,
    }
    for name in WAYS:
        found = ways.get(name)
        short[name] = found and {
            "mAP": found.clip.mean_average_precision,
            "rank1": found.clip.rank1,
            "rank5": found.clip.rank5,
            "within_rank1": found.within_patient.rank1,
            "no_match_auroc": found.within_patient.no_match_auroc,
        }
    short |= {
        "new": own.queries_without_match,
        "known": own.queries,
        "no_match_recognised": own.no_match_recognised,
        "no_match_missed": own.no_match_missed,
        "fnir_at_fpir5": own.fnir_at_fpir5,
        "ece": own.ece,
    }
    return short


def starter_card(
    info: BundleInfo,
    run: Path,
    text: MlmResult,
    figures: Mapping[str, Mapping[str, Any]],
    notes: Sequence[str],
) -> str:
    """The starter model's card: data, settings, figures as they are, limits.

    Args:
        info: the bundle.
        run: the training run's folder.
        figures: as :func:`measure` returns them.
    """
    splits = msgspec.json.decode((run / "data.json").read_bytes())["splits"]
    rule = info.manifest.no_match
    facts = CardFacts(
        name="PolypTrace starter model",
        data=[
            f"{splits['train_pictures']} rendered crops of {splits['train_lesions']} lesions of "
            f"{splits['train_patients']} invented patients (the phantom); no picture of a real patient.",
            f"Held back: {splits['val_lesions']} lesions of {splits['val_patients']} other such patients; "
            "the checkpoint and the threshold were chosen on them.",
            f"Text encoder: {summary(text)}.",
        ],
        config=read_config(run / "config.json"),
        tables=[table for name in figures for table in _table(name, figures[name])],
        limits=PHANTOM_LIMITS,
        notes=[
            *notes,
            "No threshold for “no good match” could be learnt."
            if rule is None
            else f"“No good match” below a cosine of {rule.threshold:.3f}, learnt from {rule.queries} "
            "queries of the held-back patients, each with and without its lesion in the gallery; the "
            f"probability of a match from their {rule.pairs} pairs with earlier lesions of the same patient.",
        ],
    )
    return card(facts)


def _table(name: str, figures: Mapping[str, Any]) -> list[str]:
    """One table: ways down, figures across."""
    lines = [
        f"### {name[0].upper()}{name[1:]}",
        "",
        f"{figures['queries']} query clips (last exams) of {figures['patients']} patients against "
        f"{figures['gallery']} clips of earlier exams. Rank-1 within the patient by chance: "
        f"{_shown(figures['chance'])}.",
        "",
        "| compared by | mAP | Rank-1 | Rank-5 | Rank-1 within the patient | known or new lesion: AUROC |",
        "|---|---|---|---|---|---|",
    ]
    for way, words in WAYS.items():
        row = figures[way] or {}
        cells = [_shown(row.get(key)) for key in ("mAP", "rank1", "rank5", "within_rank1", "no_match_auroc")]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    if figures["new"]:
        lines += ["", _no_match_line(figures)]
    return [*lines, ""]


def _no_match_line(figures: Mapping[str, Any]) -> str:
    new, known = figures["new"], figures["known"]
    right, wrong = figures["no_match_recognised"], figures["no_match_missed"]
    if right is None or wrong is None:
        return "The model has no threshold for “no good match”."
    return (
        f"“No good match” was said of {round(right * new)} of {new} new lesions, and wrongly of "
        f"{round(wrong * known)} of {known} known ones. "
        f"FNIR at FPIR 5 %: {_shown(figures['fnir_at_fpir5'])}. "
        f"Calibration error of the probability: {_shown(figures['ece'])}."
    )


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
