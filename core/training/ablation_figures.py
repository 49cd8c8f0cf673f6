"""What one run of the ablation reached, query by query: the table compares runs on the very same queries."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.data.rules import RankingRule
from core.evaluation.asking import ask_all
from core.evaluation.comparison import Comparison, compare
from core.evaluation.items import frames, pool
from core.evaluation.metrics import average_precision
from core.evaluation.protocols import catalogue_ranks
from core.evaluation.result import Evidence
from core.evaluation.run import evaluate_manifest
from core.inference.embedder import Embedder
from core.models.export import ensure_onnx
from core.progress import CancelToken, ProgressSink

WAYS = {"model": "picture and text", "image_only": "picture alone", "text_only": "text alone"}
FIGURES = {"mAP": "mAP", "rank1": "Rank-1", "within_rank1": "Rank-1 within the patient"}


class Scores(msgspec.Struct, frozen=True):
    """One figure: Q values, one a query that counts for it, and whose query each is."""

    patients: list[str]
    values: list[float]


class RunFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a run reached on the test part.

    Args:
        ways: way (:data:`WAYS`) → figure (:data:`FIGURES`) → scores of the clips.
        steps, planned: batches learnt from, and wished for.
        seconds: of training.
        model: id of its bundle.
        queries, gallery, patients: clips and patients of the test part.
        chance: Rank-1 within the patient of guessing.
    """

    ways: dict[str, dict[str, Scores]]
    steps: int
    planned: int
    seconds: float
    model: str
    queries: int
    gallery: int
    patients: int
    chance: float | None


def measure_run(
    bundle: Path,
    manifest: Path,
    part: str,
    cache: Path,
    device: str,
    progress: ProgressSink,
    cancel: CancelToken,
    **training: float,
) -> RunFigures:
    """Evaluates a run's bundle on a part of a manifest.

    Args:
        part: ``test`` or ``val``, see :func:`core.evaluation.items.choose_sides`.
        cache: where the ONNX file may lie.
        training: ``steps``, ``planned`` and ``seconds`` of the run.

    Raises:
        PolypTraceError: the manifest holds no such part, or a picture can't be read.
    """
    ensure_onnx(bundle, cache)  # torch is loaded here already; the embedder would start a process for it
    embedder = Embedder.open(bundle, device, cache)
    ways = tuple(way for way in WAYS if way != "model")
    result = evaluate_manifest(
        manifest, embedder, split=part, baselines=ways, progress=progress, cancel=cancel
    )
    evidence = result.evidence
    found = {way: _scores(_clips(evidence, way, result.ranking)) for way in WAYS if way in evidence.vectors}
    return RunFigures(
        ways=found,
        steps=int(training["steps"]),
        planned=int(training["planned"]),
        seconds=training["seconds"],
        model=embedder.model_id,
        queries=result.counts["query_clips"],
        gallery=result.counts["gallery_clips"],
        patients=result.counts["patients"],
        chance=result.figures.within_patient.chance,
    )


def _clips(evidence: Evidence, way: str, ranking: RankingRule) -> Comparison:
    vectors, asked = evidence.vectors[way], len(evidence.query)
    query, gallery = frames(evidence.query, vectors[:asked]), frames(evidence.gallery, vectors[asked:])
    return compare(pool(query), pool(gallery), ranking)


def _scores(clips: Comparison) -> dict[str, Scores]:
    """Queries without a match count for none of the figures."""
    ranks = catalogue_ranks(clips)
    found = [at for at, own in enumerate(ranks) if len(own)]
    patients = [clips.query.patients[at] for at in found]
    known = ask_all(clips).known
    return {
        "mAP": Scores(patients, [average_precision(ranks[at]) for at in found]),
        "rank1": Scores(patients, [float(ranks[at][0] == 1) for at in found]),
        "within_rank1": Scores([a.patient for a in known], [float(a.first_is_right) for a in known]),
    }
