"""Table 3 on the phantom, by one command that goes on where it was stopped, over days if need be.

``python -m core.training.ablation [--work-dir DIR] [--seeds N] [--rows none,text,…] [--size 128] …``

Four rows, each with several seeds, all trained alike: with neither encoder trained before, with the text
encoder (masked-language training on descriptions), with the image encoder (unlabelled clips of other
invented patients), with both. Stages: the benchmark's crops and the unlabelled clips are rendered; for
each seed both encoders learn, then the rows; each is measured on the benchmark's test patients. Finished runs
are kept, a killed one goes on from its checkpoint; after each run ``table.json`` and ``table.md`` are written
into the work folder. One JSON object a line on stderr says how far it is; the table comes as one JSON
document on stdout.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from core.data.manifest import read_manifest
from core.errors import PolypTraceError
from core.phantom.benchmark import BenchmarkSpec, load_spec
from core.progress import CancelToken
from core.training.ablation_recipe import ROWS, AblationRecipe, benchmark_crops, unlabelled_clips
from core.training.ablation_run import Ablation
from core.training.command import EventLog, claim, run_command
from core.training.config import Pretrained
from core.training.overrides import with_assignments
from core.training.tracklet_sources import TrackletSources
from core.training.trainer import StepSink, no_steps

WORK = Path("build/table3")
SEEDS = 3


def make_table(
    work: Path,
    recipe: AblationRecipe,
    rows: Sequence[Pretrained] = ROWS,
    seeds: Sequence[int] = tuple(range(SEEDS)),
    *,
    manifest: Path | None = None,
    spec: BenchmarkSpec | None = None,
    device: str = "auto",
    workers: int | None = None,
    on_event: StepSink = no_steps,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Renders what is needed, does the runs that are missing and returns the table.

    Args:
        work: kept between starts.
        recipe: its ``manifest_sha256`` is filled in.
        rows, seeds: which runs; finished ones of other rows and seeds stay as they are.
        manifest: None = the benchmark's crops.
        spec: None = the published benchmark.
        workers: processes that render; None = one a core.

    Raises:
        PolypTraceError: ``table-other-recipe``, or what a stage refuses.
        Cancelled: what is finished stays, checkpoints are left.
    """
    token, log = cancel or CancelToken(), EventLog("table3", on_event)
    spec = spec or load_spec()
    chosen = manifest or benchmark_crops(work, spec, workers, log.progress, token)
    recipe = msgspec.structs.replace(recipe, manifest_sha256=read_manifest(chosen).sha256())
    claim(work, recipe, "table-other-recipe")
    unlabelled = None
    if recipe.videos is not None:
        unlabelled = TrackletSources(videos=(recipe.videos,))
    elif {"image", "both"} & set(rows):
        unlabelled = unlabelled_clips(work, spec, recipe.patients or 1, workers, log.progress, token)
    runs = Ablation(work, recipe, chosen.absolute(), unlabelled, device, on_event, token)
    return runs.run(rows, seeds)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of ``python -m core.training.ablation``; 0, or 1 after an error or a cancel."""
    options = _parser().parse_args(arguments)

    def work(on_event: StepSink, cancel: CancelToken) -> dict[str, Any]:
        return make_table(
            options.work_dir or Path(f"{WORK}-{options.size}"),
            _recipe(options),
            _rows(options.rows),
            range(options.first_seed, options.first_seed + options.seeds),
            manifest=options.manifest,
            device=options.device,
            workers=options.workers,
            on_event=on_event,
            cancel=cancel,
        )

    return run_command(work)


def _rows(text: str) -> list[Pretrained]:
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    known = [row for row in ROWS if row in wanted]
    if len(known) != len(wanted) or not known:
        raise PolypTraceError(
            "table-rows", f"“{text}” names no rows of the table.", f"Choose from {', '.join(ROWS)}."
        )
    return known


def _recipe(options: argparse.Namespace) -> AblationRecipe:
    plain = AblationRecipe()
    model = msgspec.structs.replace(plain.training.model, image_size=options.size)
    training = with_assignments(msgspec.structs.replace(plain.training, model=model), options.changes)
    return msgspec.structs.replace(
        plain,
        training=training,
        text=msgspec.structs.replace(plain.text, steps=options.text_steps, texts=options.texts),
        patients=None if options.videos else options.patients,
        videos=str(options.videos.absolute()) if options.videos else None,
    )


def _parser() -> argparse.ArgumentParser:
    plain = AblationRecipe()
    parser = argparse.ArgumentParser(
        prog="python -m core.training.ablation", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--work-dir", type=Path, help=f"kept between starts ({WORK}-SIZE)")
    parser.add_argument("--size", type=int, default=plain.training.model.image_size, help="px (%(default)s)")
    parser.add_argument("--rows", default=",".join(ROWS), help="(%(default)s)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many (%(default)s)")
    parser.add_argument("--first-seed", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--manifest", type=Path, help="instead of the benchmark's crops")
    parser.add_argument("--videos", type=Path, help="folder of unlabelled videos instead of clips")
    parser.add_argument(
        "--patients", type=int, default=plain.patients, help="of unlabelled clips (%(default)s)"
    )
    parser.add_argument("--text-steps", type=int, default=plain.text.steps, help="of BERT (%(default)s)")
    parser.add_argument(
        "--texts", type=int, default=plain.text.texts, help="random descriptions (%(default)s)"
    )
    parser.add_argument(
        "--set", action="append", default=[], dest="changes", metavar="NAME=VALUE", help="as `train --set`"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (%(default)s)")
    parser.add_argument("--workers", type=int, default=None, help="rendering processes (one a core)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
