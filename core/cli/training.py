"""``polyptrace train``: from a manifest to a model of one's own."""

from __future__ import annotations

import json as json_
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.interrupt import cancel_by_interrupt
from core.cli.layouts import (
    Fold,
    Layout,
    Root,
    TextsFile,
    chosen_layout,
    source_words,
    tested_fold,
    training_manifest,
)
from core.cli.options import NOBODY, Author, DataDirPath, Device, JsonFlag, data_dir
from core.cli.output import Output
from core.cli.pretraining import (
    CatalogueFlag,
    Images,
    Pretrain,
    Videos,
    say_learnt,
    unlabelled_sources,
)
from core.cli.retraining import train_from_catalogue
from core.errors import PolypTraceError
from core.inference.bundle import read_bundle
from core.matching.model_choice import bundle_in_use
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
    root: Root = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="CSV file with one row a frame.")
    ] = None,
    layout: Layout = None,
    texts: TextsFile = None,
    fold: Fold = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            help="quick, compact, ablation, paper, table3-none|text|image|both. Default: quick; compact "
            "after --pretrain.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="JSON with settings to change.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Change one setting, e.g. loss.miner=batch-hard; repeatable."
        ),
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with this run, by its own settings.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--start", metavar="MODEL", help="Go on from this model: id or folder.")
    ] = None,
    image_weights: Annotated[
        str | None,
        typer.Option("--image-weights", help="A ResNet's weights: a file, or torchvision (its cache)."),
    ] = None,
    text_folder: Annotated[str | None, typer.Option("--text-folder", help="A local BERT folder.")] = None,
    processes: Annotated[
        int, typer.Option("--processes", help="Train with this many processes, each on a device of its own.")
    ] = 1,
    pretrain: Pretrain = None,
    videos: Videos = None,
    images: Images = None,
    catalogue: CatalogueFlag = False,
    from_catalogue: Annotated[
        bool, typer.Option("--from-catalogue", help="Learn from the catalogue's confirmed links.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --from-catalogue: only say what would train.")
    ] = False,
    print_settings: Annotated[
        bool, typer.Option("--print-settings", help="Print the settings as JSON and end.")
    ] = False,
    device: Device = "auto",
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Train a model on a manifest, the catalogue's confirmed links, or a public data set (--layout).

    It becomes a candidate, the active model stays as it is. The manifest's columns and the layouts: see
    `evaluate --help`. Of Colo-Pair one fold of four is left for testing, the first without --fold.
    With --pretrain tracklets the image encoder first learns without labels, from videos or stills; without
    labels that is all.
    """
    output, folder = Output(json), data_dir(data_dir_)
    known = None if resume is None else _known_run(folder, resume)
    begun = {
        "--preset": preset,
        "--config": config,
        "--set": changes,
        "--start": start,
        "--image-weights": image_weights,
        "--text-folder": text_folder,
        "--pretrain": pretrain,
        "--videos": videos,
        "--images": images,
        "--catalogue": catalogue,
        "--print-settings": print_settings,
        "--dry-run": dry_run,
    }
    if known and (given := [name for name, value in begun.items() if value]):
        raise typer.BadParameter(
            f"{', '.join(given)} can't go with --resume: a run goes on with the settings and sources that it "
            "began with; leave out --resume to start a new one"
        )
    if from_catalogue or (known is not None and is_catalogue_run(known)):
        data_named = manifest or layout or root or texts or fold
        others = data_named or start or image_weights or text_folder or pretrain or catalogue or processes > 1
        if others or print_settings:
            raise typer.BadParameter(
                "--from-catalogue goes on from the model in use, in one process: with it go --preset, "
                "--config, --set, --resume, --device and --dry-run"
            )
        wish = (preset or "quick", config, tuple(changes or ()))
        train_from_catalogue(output, folder, wish, known, device=device, author=author, dry_run=dry_run)
        return
    if dry_run:
        raise typer.BadParameter("--dry-run belongs to --from-catalogue")
    unlabelled = unlabelled_sources(pretrain, videos, images, folder if catalogue else None, manifest)
    if not (print_settings or manifest or layout or resume or unlabelled):
        raise typer.BadParameter(
            "give --manifest, --layout or --from-catalogue, or --resume with the name of a run"
        )
    if layout and (manifest or resume or unlabelled):
        raise typer.BadParameter(
            "--layout goes without --manifest, --resume and --pretrain (learn without labels first, then "
            "give what it wrote as --image-weights)"
        )
    # Here: torch takes seconds to load.
    from core.training.chosen import chosen_settings
    from core.training.devices import join
    from core.training.dmcl import assist_training, train_dmcl
    from core.training.overrides import as_text
    from core.training.pretraining import TRACKLETS, holds_pretraining, learn_first, train_from_tracklets
    from core.training.processes import launched, several
    from core.training.publish import ship
    from core.training.run_folder import new_run_folder
    from core.training.tracklet_sources import TrackletSources

    model = str(bundle_in_use(folder, start).folder) if start else None
    settings = chosen_settings(
        preset or ("compact" if unlabelled else "quick"),
        config,
        changes or (),
        model=model,
        image_weights=TRACKLETS if unlabelled else image_weights,
        text_folder=text_folder,
    )
    if print_settings:
        typer.echo(as_text(settings))
        return
    data = chosen_layout(output, layout, root, texts, tested_fold(layout, fold))
    run = known or new_run_folder(folder.runs, method.value)
    begins = bool(unlabelled) or (holds_pretraining(run) and not (run / "config.json").exists())
    if begins and processes > 1 and not launched():
        # Alone: it may take longer than the others would wait.
        with output.progress() as progress, cancel_by_interrupt() as cancel:
            first = (unlabelled or TrackletSources(), image_weights, device, progress, _step_sink(output))
            _, following = learn_first(run, settings, *first, cancel)
        processes = processes if following else 1
    with several(processes, sys.argv[1:]), output.progress() as progress, cancel_by_interrupt() as cancel:
        devices = join(device)
        if not devices.main:
            assist_training(devices)
            return
        sink = _step_sink(output)
        learnt, done = None, None
        if begins:
            learnt, done = train_from_tracklets(
                run,
                settings,
                unlabelled or TrackletSources(),
                image_weights,
                device,
                progress,
                sink,
                cancel,
                devices=devices,
            )
        else:
            with training_manifest(data, manifest, run) as rows:
                words = source_words(data)
                done = train_dmcl(
                    rows, run, settings, device, progress, sink, cancel, devices=devices, source=words
                )
    if learnt is not None:
        say_learnt(output, run.name, learnt, alone=done is None)
    if done is None:
        return
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
            "data": done.data,
            "seconds": round(done.seconds, 1),
            "bundle": str(kept.folder),
            "notes": done.notes,
            "device": done.device.name,
            "device_reason": done.device.reason,
            **({} if learnt is None else {"image_weights": learnt.weights}),
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
        if event.get("stage") in ("start", "pretrain-start"):
            output.say(f"run {event['run']}; cancel with Ctrl+C, go on with --resume {event['run']}")
        if event.get("stage") == "start":
            _say_splits(output, event)
        if event.get("stage") == "note":
            output.warn(event["note"])
        if output.as_json:
            sys.stderr.write(json_.dumps(event, ensure_ascii=False) + "\n")
            sys.stderr.flush()

    return tell


def _say_splits(output: Output, event: dict[str, Any]) -> None:
    for name, words in (("train", "to learn from"), ("val", "held back")):
        counts = ", ".join(
            f"{event[f'{name}_{kind}']} {kind}" for kind in ("patients", "lesions", "pictures")
        )
        output.say(f"  {words}: {counts}; patients' hash {event['split_sha256'][name][:12]}")
    output.say("  no patient is on more than one side")


def _known_run(folder: DataDir, resume: str) -> Path:
    found = Path(resume) if Path(resume).is_dir() else folder.runs / resume
    if not any(
        (found / part / "config.json").is_file() for part in ("", "pretrain")
    ) and not is_catalogue_run(found):
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
