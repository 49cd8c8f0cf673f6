"""What learning without labels brings, measured source by source, one after the other.

``python -m core.training.pretrain_figures [--clinicdb DIR] [--stills DIR] [--work-dir DIR] [--seeds N] …``

From random weights, from unlabelled clips of invented patients, from the training sequences of real polyps
and from a folder of real stills: each image encoder is measured as it is (cosine of its features), and after
the same training on the phantom's crops as all others; on the phantom's validation patients and, where they
are given, on the five validation polyps of CVC-ClinicDB, as they are and as another processor would show
them. No picture of a test polyp is opened. Finished parts are kept, a killed one goes on. ``figures.json``
and ``figures.md`` are written into the work folder; weights that learnt from others' pictures are for these
figures alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from core.data.manifest import read_manifest
from core.errors import PolypTraceError
from core.phantom.benchmark import BenchmarkSpec, load_spec
from core.progress import CancelToken
from core.training.ablation_recipe import TRAINING, AblationRecipe, benchmark_crops, unlabelled_clips
from core.training.command import EventLog, claim, run_command
from core.training.config import TrainConfig
from core.training.overrides import with_assignments
from core.training.pretrain_parts import folder_mark, training_sequences, validation_polyps
from core.training.pretrain_runs import CLIPS, NOTHING, PretrainRuns
from core.training.tracklet_sources import TrackletSources
from core.training.trainer import StepSink, no_steps

WORK = Path("build/pretraining")
SEQUENCES, STILLS = "ClinicDB sequences", "open stills"


class FiguresRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides the figures; sources and seeds may be added later.

    Args:
        training: of every run, apart from seed and first weights.
        patients: invented patients of whom there are unlabelled clips.
        manifest_sha256: of the crops that every run trains on.
    """

    training: TrainConfig = TRAINING
    patients: int = 80
    manifest_sha256: str = ""


class SourceMark(msgspec.Struct, frozen=True):
    """Which folder a source was: :func:`core.training.pretrain_parts.folder_mark` of it."""

    mark: str


def measure_pretraining(
    work: Path,
    recipe: FiguresRecipe,
    seeds: int = 1,
    *,
    clinicdb: Path | None = None,
    stills: Path | None = None,
    manifest: Path | None = None,
    videos: Path | None = None,
    spec: BenchmarkSpec | None = None,
    table: Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    on_event: StepSink = no_steps,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Does the parts that are missing and returns all figures.

    Args:
        work: kept between starts.
        seeds: how many runs of each source.
        clinicdb: folder of the real sequences; None leaves them out, as source and as measure.
        stills: folder of real stills; None leaves them out.
        manifest: crops to train on, with a validation part; None = the benchmark's.
        videos: unlabelled ones; None = rendered clips.
        spec: None = the published benchmark.
        table: finished Table 3 of the same training, whose runs are taken where they are the same.

    Raises:
        PolypTraceError: ``figures-other-recipe``, ``figures-other-table``, or what a part refuses.
        Cancelled: what is finished stays, checkpoints are left.
    """
    token, log = cancel or CancelToken(), EventLog("pretraining", on_event)
    work.mkdir(parents=True, exist_ok=True)
    for name, folder in (("clinicdb", clinicdb), ("stills", stills), ("videos", videos)):
        if folder is not None:  # each may be added later, but not become another one
            claim(work / "sources" / name, SourceMark(folder_mark(folder)), "figures-other-recipe")
    spec = spec or load_spec()
    measured = validation_polyps(clinicdb, work) if clinicdb else {}
    sequences = training_sequences(clinicdb, work) if clinicdb else None
    crops = manifest or benchmark_crops(work, spec, workers, log.progress, token)
    recipe = msgspec.structs.replace(recipe, manifest_sha256=read_manifest(crops).sha256())
    claim(work, recipe, "figures-other-recipe")
    if table is not None:
        _check_table(table, recipe)
    if videos is None:
        clips = unlabelled_clips(work, spec, recipe.patients, workers, log.progress, token)
    else:
        clips = TrackletSources(videos=(str(videos.absolute()),))
    sources: dict[str, TrackletSources | None] = {
        NOTHING: None,
        CLIPS: clips,
    }
    if sequences:
        sources[SEQUENCES] = TrackletSources(manifest=str(sequences))
    if stills:
        sources[STILLS] = TrackletSources(images=(str(stills.absolute()),))
    runs = PretrainRuns(work, recipe.training, crops, measured, device, on_event, token, table)
    return runs.run(sources, range(seeds))


def _check_table(table: Path, recipe: FiguresRecipe) -> None:
    """Raises:
    PolypTraceError: ``figures-other-table``.
    """
    try:
        known = msgspec.json.decode((table / "recipe.json").read_bytes(), type=AblationRecipe)
    except (OSError, msgspec.MsgspecError):
        known = None
    same = known is not None and (known.training, known.patients, known.manifest_sha256) == (
        recipe.training,
        recipe.patients,
        recipe.manifest_sha256,
    )
    if not same:
        raise PolypTraceError(
            "figures-other-table",
            f"{table.name} holds no Table 3 of the same training and pictures.",
            "Name its work folder, or leave --table3 out: then everything is trained here.",
        )


def main(arguments: list[str] | None = None) -> int:
    """Entry point of ``python -m core.training.pretrain_figures``; 0, or 1 after an error or a cancel."""
    options = _parser().parse_args(arguments)

    def work(on_event: StepSink, cancel: CancelToken) -> dict[str, Any]:
        for folder in (options.clinicdb, options.stills):
            if folder is not None and not folder.is_dir():
                raise PolypTraceError(
                    "real-data-missing", f"There is no folder {folder}.", "Check the path, or leave it out."
                )
        return measure_pretraining(
            options.work_dir,
            FiguresRecipe(training=with_assignments(TRAINING, options.changes), patients=options.patients),
            options.seeds,
            clinicdb=options.clinicdb,
            stills=options.stills,
            manifest=options.manifest,
            videos=options.videos,
            table=options.table3,
            device=options.device,
            workers=options.workers,
            on_event=on_event,
            cancel=cancel,
        )

    return run_command(work)


def _parser() -> argparse.ArgumentParser:
    plain = FiguresRecipe()
    parser = argparse.ArgumentParser(
        prog="python -m core.training.pretrain_figures", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--work-dir", type=Path, default=WORK, help="kept between starts (%(default)s)")
    parser.add_argument("--clinicdb", type=Path, help="folder of CVC-ClinicDB as sequences")
    parser.add_argument("--stills", type=Path, help="folder of real stills")
    parser.add_argument("--manifest", type=Path, help="instead of the benchmark's crops")
    parser.add_argument("--videos", type=Path, help="folder of unlabelled videos instead of clips")
    parser.add_argument("--table3", type=Path, help="work folder of Table 3, whose runs are taken over")
    parser.add_argument("--patients", type=int, default=plain.patients, help="unlabelled ones (%(default)s)")
    parser.add_argument("--seeds", type=int, default=1, help="how many (%(default)s)")
    parser.add_argument(
        "--set", action="append", default=[], dest="changes", metavar="NAME=VALUE", help="as `train --set`"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (%(default)s)")
    parser.add_argument("--workers", type=int, default=None, help="rendering processes (one a core)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
