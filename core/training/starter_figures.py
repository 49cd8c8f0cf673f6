"""What the finished starter model reaches, measured through the same path as in use: bundle and ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from core.errors import PolypTraceError
from core.evaluation.run import Evaluation, Figures, evaluate_manifest
from core.inference.bundle import replace_file
from core.inference.embedder import Embedder
from core.models.export import ensure_onnx
from core.progress import CancelToken, Progress, ProgressSink

WAYS = ("model", "image_only", "text_only", "shuffled_text", "location_only", "colour_histogram")
VALIDATION, BENCHMARK = "held-back patients", "test patients of the benchmark"


class Part(msgspec.Struct, frozen=True):
    """Patients to measure on.

    Args:
        manifest: their manifest.
        split: its part, as in :func:`core.evaluation.run.evaluate_manifest`.
        note: a sentence beside the figures.
    """

    manifest: Path
    split: str
    note: str = ""


TUNED = ", after fine-tuning"
"""Ends the names of figures of a model that went on learning."""
_TUNED = ("reid_split.csv", "reid_split_shift.csv")
_SEEN = "20 of the 29 were used for choosing renderer and settings."
_REAL = {
    "real polyps": ("reid_split.csv", "9 sequences that nothing was chosen on."),
    "real polyps, other processor": ("reid_split_shift.csv", "The same 9, asked for under the shift."),
    "all real polyps": ("reid_all_test.csv", _SEEN),
    "all real polyps, other processor": ("reid_all_test_shift.csv", _SEEN),
}


def real_parts(folder: Path) -> dict[str, Part]:
    """The parts of a folder with CVC-ClinicDB (Bernal 2015) cut into sequences, one a polyp.

    The earlier frames of a sequence are the gallery, the later ones ask; in the ``…_shift`` manifests these
    are changed as another processor and another view would.

    Raises:
        PolypTraceError: ``real-data-missing``.
    """
    missing = [file for file, _ in _REAL.values() if not (folder / file).is_file()]
    if missing:
        raise PolypTraceError(
            "real-data-missing",
            f"{folder.name} lacks {', '.join(missing)}.",
            "Give the folder that holds these manifests and their frames, or leave --real out.",
        )
    return {name: Part(folder / file, "test", note) for name, (file, note) in _REAL.items()}


def tuned_parts(folder: Path) -> dict[str, Part]:
    """The two parts on polyps that nothing was chosen on, for a model that learnt from the others."""
    note = "This model went on learning from 15 other real polyps, 5 chose its checkpoint; it isn't shipped."
    return {
        f"{name}{TUNED}": Part(folder / file, "test", note)
        for name, (file, _) in _REAL.items()
        if file in _TUNED
    }


def tuning_manifest(folder: Path) -> Path:
    """The manifest whose train and val rows a model may go on from."""
    return folder / _TUNED[0]


def measure(
    bundle: Path,
    parts: Mapping[str, Part],
    cache: Path,
    device: str,
    progress: ProgressSink,
    cancel: CancelToken,
) -> dict[str, dict[str, Any]]:
    """Evaluates a bundle on several parts.

    Args:
        bundle: the bundle's folder.
        parts: by name.
        cache: where the ONNX file may lie.

    Returns:
        Name → figures as :func:`short_figures` makes them.
    """
    ensure_onnx(bundle, cache)  # torch is loaded here already; the embedder would start a process for it
    embedder = Embedder.open(bundle, device, cache)
    figures: dict[str, dict[str, Any]] = {}
    for name, part in parts.items():

        def sink(step: Progress, name: str = name) -> None:
            progress(msgspec.structs.replace(step, stage=f"measuring: {name}"))

        result = evaluate_manifest(part.manifest, embedder, split=part.split, progress=sink, cancel=cancel)
        figures[name] = short_figures(result) | {"note": part.note}
    return figures


_FIGURES = "figures.json"


def known_figures(work: Path, model: str) -> dict[str, dict[str, Any]]:
    """What was measured of this model before: its test polyps are asked once, not at every start.

    Args:
        model: id of the bundle.
    """
    file = work / _FIGURES
    kept = msgspec.json.decode(file.read_bytes()) if file.is_file() else {}
    return dict(kept["figures"]) if kept.get("model") == model else {}


def keep_figures(work: Path, model: str, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes them for :func:`known_figures`."""
    kept = msgspec.json.encode({"model": model, "figures": figures})
    replace_file(work / _FIGURES, msgspec.json.format(kept, indent=2) + b"\n")


def short_figures(result: Evaluation) -> dict[str, Any]:
    """What the card and the bundle's manifest keep of an evaluation.

    Returns:
        Counts, each way of :data:`WAYS` with its figures (None where it can't be computed) and their
        intervals, and how well "no good match" holds.
    """
    ways = {"model": result.figures, **result.baselines}
    own = result.figures.within_patient
    short: dict[str, Any] = {
        "queries": result.counts["query_clips"],
        "gallery": result.counts["gallery_clips"],
        "patients": result.counts["patients"],
        "chance": own.chance,
        "text_leak_share": result.text_leak_share,
        "text_read": result.baselines.get("text_only") is not None,
    }
    for name in WAYS:
        found = ways.get(name)
        short[name] = found and _figures(found)
    return short | {
        "new": own.queries_without_match,
        "known": own.queries,
        "no_match_recognised": own.no_match_recognised,
        "no_match_missed": own.no_match_missed,
        "fnir_at_fpir5": own.fnir_at_fpir5,
        "ece": own.ece,
        "intervals": {
            name: own.intervals[name] for name in ("fnir_at_fpir5", "ece") if name in own.intervals
        },
    }


def _figures(found: Figures) -> dict[str, Any]:
    """Clips of the whole catalogue, single frames, galleries A and C; 95 % intervals by the same names."""
    within, others = found.within_patient, found.other_patients
    clip, frame = (
        {"mAP": level.mean_average_precision, "rank1": level.rank1} for level in (found.clip, found.frame)
    )
    values = {
        **clip,
        "rank5": found.clip.rank5,
        **{f"frame_{name}": value for name, value in frame.items()},
        "within_rank1": within.rank1,
        "no_match_auroc": within.no_match_auroc,
        "wrong_patient": others.wrong_patient,
    }
    intervals = {
        **{name: found.clip.intervals.get(name) for name in ("mAP", "rank1", "rank5")},
        **{f"frame_{name}": found.frame.intervals.get(name) for name in frame},
        "within_rank1": within.intervals.get("rank1"),
        "no_match_auroc": within.intervals.get("no_match_auroc"),
        "wrong_patient": others.interval,
    }
    return values | {"intervals": {name: own for name, own in intervals.items() if own is not None}}
