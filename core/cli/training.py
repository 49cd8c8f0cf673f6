"""``polyptrace train``: from a manifest to a model of one's own."""

from __future__ import annotations

import json as json_
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.interrupt import cancel_by_interrupt
from core.cli.options import NOBODY, Author, DataDirPath, Device, JsonFlag, data_dir
from core.cli.output import Output
from core.cli.retraining import train_from_catalogue
from core.errors import PolypTraceError
from core.inference.bundle import read_bundle
from core.paths import DataDir
from core.retraining.runs import is_catalogue_run

LARGEST_BYTES = 4_000_000_000
"""More than the largest setting's weights; a bundle beyond it is a mistake."""


class Method(StrEnum):
    """What is trained."""

    DMCL = "dmcl"


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.command()(train)


def train(
    method: Annotated[Method, typer.Argument(help="What to train.")],
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="CSV file with one row a frame.")
    ] = None,
    preset: Annotated[str, typer.Option("--preset", help="quick, compact or paper.")] = "quick",
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with this run.")
    ] = None,
    image_weights: Annotated[
        str | None,
        typer.Option("--image-weights", help="A ResNet's weights: a file, or torchvision (its cache)."),
    ] = None,
    text_folder: Annotated[Path | None, typer.Option("--text-folder", help="A local BERT folder.")] = None,
    from_catalogue: Annotated[
        bool, typer.Option("--from-catalogue", help="Learn from the catalogue's confirmed links.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --from-catalogue: only say what would train.")
    ] = False,
    device: Device = "auto",
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Train a model on a manifest, or on the catalogue's confirmed links.

    It becomes a candidate, the active model stays as it is. The manifest's columns: see `evaluate --help`.
    """
    output, folder = Output(json), data_dir(data_dir_)
    if method is not Method.DMCL or (manifest is None and resume is None and not from_catalogue):
        raise typer.BadParameter("give --manifest, --from-catalogue, or --resume with the name of a run")
    if from_catalogue and (manifest is not None or image_weights or text_folder):
        raise typer.BadParameter(
            "--from-catalogue starts from the model in use: give no manifest and no weights"
        )
    if dry_run and not from_catalogue:
        raise typer.BadParameter("--dry-run belongs to --from-catalogue")
    known = None if resume is None else _known_run(folder, resume)
    if from_catalogue or (known is not None and is_catalogue_run(known)):
        train_from_catalogue(
            output,
            folder,
            preset,
            name=preset,
            resume=known,
            device=device,
            author=author,
            dry_run=dry_run,
        )
        return
    from core.training.dmcl import Start, train_dmcl  # here: torch takes seconds to load
    from core.training.publish import ship
    from core.training.run_folder import new_run_folder

    run = known or new_run_folder(folder.runs, method.value)

    weights: str | Path | None = image_weights
    if image_weights and image_weights != "torchvision":
        weights = Path(image_weights)
    own = bool(image_weights or text_folder)
    start = Start(image_weights=weights, text_folder=text_folder) if own else None
    with output.progress() as progress, cancel_by_interrupt() as cancel:
        sink = _step_sink(output)
        done = train_dmcl(manifest, run, preset, start, device, progress, sink, cancel)
    # Beside the other models, so that it is listed and can be chosen; without the files derived from it.
    kept, _ = ship(read_bundle(done.bundle), folder.models / done.model, LARGEST_BYTES)
    for note in done.notes:
        if note:
            output.say(note)
    output.document(
        {
            "run": run.name,
            "model": done.model,
            "metrics": done.metrics,
            "seconds": round(done.seconds, 1),
            "bundle": str(kept.folder),
            "notes": done.notes,
            "device": done.device.name,
            "device_reason": done.device.reason,
        }
    )
    output.say(f"trained on {done.device.name}: {done.device.reason}", style="dim")
    output.say(f"candidate model {done.model} after {done.seconds:.0f} s: {kept.folder}")
    for name, value in sorted(_numbers(done.metrics).items()):
        output.say(f"  {name}: {value:.3f}")
    output.banner()


def _step_sink(output: Output) -> Any:
    """One JSON object a step on stderr where a program listens; people see the bar."""

    def tell(event: dict[str, Any]) -> None:
        if event.get("stage") == "start":
            output.say(f"run {event['run']}; cancel with Ctrl+C, go on with --resume {event['run']}")
        if output.as_json:
            sys.stderr.write(json_.dumps(event, ensure_ascii=False) + "\n")
            sys.stderr.flush()

    return tell


def _known_run(folder: DataDir, resume: str) -> Path:
    found = Path(resume) if Path(resume).is_dir() else folder.runs / resume
    if not (found / "config.json").is_file() and not is_catalogue_run(found):
        raise PolypTraceError(
            "run-unknown", f"There is no run “{resume}” to go on with.", f"Runs lie in {folder.runs}."
        )
    return found


def _numbers(metrics: dict[str, Any], prefix: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, dict):
            found |= _numbers(value, f"{prefix}{name} ")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[prefix + name] = float(value)
    return found
