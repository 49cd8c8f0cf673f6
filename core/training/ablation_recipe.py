"""Table 3 on the phantom: its four rows, its settings, and the invented patients that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec

from core.data.manifest import Row, read_manifest, write_manifest
from core.phantom.benchmark import CROPS, BenchmarkSpec
from core.phantom.benchmark_run import render_benchmark
from core.progress import CancelToken, ProgressSink
from core.training.config import Pretrained, TrainConfig
from core.training.mlm_loop import MlmSettings
from core.training.presets import ABLATION
from core.training.tracklet_config import TrackletConfig
from core.training.tracklet_sources import TrackletSources

ROWS: tuple[Pretrained, ...] = get_args(Pretrained)
ROW_WORDS = {"none": "neither (baseline)", "text": "text only", "image": "image only", "both": "both"}
OTHERS = 1000
"""The unlabelled clips are of an instance of the benchmark whose seed lies this far from its own: others."""
TRAINING = msgspec.structs.replace(
    ABLATION,
    max_seconds=None,
    tracklets=TrackletConfig(tracklets=12, views=4, steps=600, augmentation=ABLATION.augmentation),
)
"""The preset ``ablation``, but never ended by the clock: the rows may differ in nothing but first weights.

Before, the image encoder sees four pictures of each clip. With views changed as strongly as neighbouring
frames of a film need it and a rate of 1e-3, all features came out alike within 25 steps.
"""


class AblationRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides what stands in the table; seeds and rows may be added later.

    Args:
        training: of every run, apart from seed and first weights; its ``tracklets`` are the image encoder's.
        text: masked-language training of the text encoder.
        patients: invented patients of whom there are unlabelled clips; None with videos.
        manifest_sha256: of the manifest that is trained and tested on.
        videos: folder with unlabelled videos instead, as given.
    """

    training: TrainConfig = TRAINING
    text: MlmSettings = MlmSettings(steps=500)
    patients: int | None = 80
    manifest_sha256: str = ""
    videos: str | None = None


def benchmark_crops(
    work: Path, spec: BenchmarkSpec, workers: int | None, progress: ProgressSink, cancel: CancelToken
) -> Path:
    """The benchmark's manifest (splits train, val, query, gallery), rendered where it isn't there yet.

    Raises:
        Cancelled: the patients that were ready stay.
        PolypTraceError: as :func:`core.phantom.benchmark_run.render_benchmark`.
    """
    folder = work / "benchmark"
    return render_benchmark(
        folder, spec, form=CROPS, workers=workers, progress=progress, cancel=cancel
    ).manifest


def unlabelled_clips(
    work: Path,
    spec: BenchmarkSpec,
    patients: int,
    workers: int | None,
    progress: ProgressSink,
    cancel: CancelToken,
) -> TrackletSources:
    """Clips of other invented patients, a few pictures each, with nothing said about who or what they show.

    Raises:
        Cancelled, PolypTraceError: as :func:`benchmark_crops`.
    """
    manifest = other_crops(work, spec, patients, workers, progress, cancel)
    rows: list[Row] = []
    names: dict[tuple[tuple[str, str] | None, int], str] = {}
    for row in read_manifest(manifest).rows:
        # There every picture is a clip of its own, described by another observer.
        name = names.setdefault((row.identity, row.exam), row.clip_id)
        rows.append(msgspec.structs.replace(row, clip_id=name, polyp_id=None, text="", split="train"))
    return TrackletSources(manifest=str(write_manifest(manifest.with_name("clips.csv"), rows).absolute()))


def other_crops(
    work: Path,
    spec: BenchmarkSpec,
    patients: int,
    workers: int | None,
    progress: ProgressSink,
    cancel: CancelToken,
) -> Path:
    """The manifest of pictures of patients who aren't the benchmark's, rendered where it isn't there yet.

    Raises:
        Cancelled, PolypTraceError: as :func:`benchmark_crops`.
    """
    return render_benchmark(
        work / "unlabelled",
        others(spec, patients),
        seed=spec.seed + OTHERS,
        form=CROPS,
        workers=workers,
        progress=progress,
        cancel=cancel,
    ).manifest


def others(spec: BenchmarkSpec, patients: int) -> BenchmarkSpec:
    """The specification of that many patients who all train."""
    return msgspec.structs.replace(spec, patients=patients, val=0, test=0)
