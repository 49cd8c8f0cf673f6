"""``polyptrace phantom`` and ``evaluate``: data in files, away from the catalogue."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from core.cli.interrupt import cancel_by_interrupt
from core.cli.options import DataDirPath, Device, JsonFlag, Model, data_dir, embedder
from core.cli.output import Output
from core.errors import PolypTraceError


class Part(StrEnum):
    """Which part of a manifest is evaluated (see :data:`core.evaluation.items.PARTS`)."""

    TEST = "test"
    VAL = "val"
    TRAIN = "train"


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.command()(phantom)
    app.command()(evaluate)


def phantom(
    out: Annotated[Path, typer.Option("--out", help="Folder for videos, masks, truth and manifest.csv.")],
    patients: Annotated[
        int | None, typer.Option("--patients", help="How many invented patients.  [default: 12]", min=1)
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            help="The same seed gives the same frames.  [default: 0, or the published benchmark's]",
            min=0,
        ),
    ] = None,
    benchmark: Annotated[
        bool, typer.Option("--benchmark", help="The frozen benchmark: train, val and test by patient.")
    ] = False,
    videos: Annotated[
        bool,
        typer.Option("--videos", help="With --benchmark: films of the exams instead of pictures of lesions."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes. Default: one a core.", min=1)
    ] = None,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Render colonoscopy exams of invented patients.

    With the truth beside them: who is who, boxes, masks, descriptions.

    --benchmark renders the published benchmark: 80 patients in the parts train, val and test, as pictures of
    the lesions (about ten minutes on two cores) or with --videos as films (about an hour). Stopped or killed,
    the same command goes on where it was. Another --seed gives an instance of your own.
    """
    from core.phantom.generate import generate  # here: scipy would cost every other command a second

    output = Output(json)
    if benchmark:
        if patients is not None:
            raise typer.BadParameter("the benchmark's patients are fixed: leave out --patients")
        _benchmark(output, out, seed, videos, workers)
        return
    if videos:
        raise typer.BadParameter("--videos goes with --benchmark")
    with output.progress() as progress, cancel_by_interrupt() as cancel:
        made = generate(out, patients or 12, seed or 0, workers=workers, progress=progress, cancel=cancel)
    films = [
        {"path": str(made.out / exam.video), "patient": exam.patient_id, "exam": exam.exam}
        for exam in made.exams
    ]
    output.document(
        {
            "out": str(made.out),
            "manifest": str(made.manifest),
            "patients": made.patients,
            "exams": len(made.exams),
            "queries": made.queries,
            "queries_without_match": made.queries_without_match,
            "frames": made.frames,
            "rendered": made.rendered,
            "seconds": round(made.seconds, 1),
            "videos": films,
        }
    )
    state = f"rendered in {made.seconds:.0f} s" if made.rendered else "already there"
    output.say(f"{made.patients} patients, {len(made.exams)} exams, {made.frames} frames: {state}")
    output.say(
        f"{made.queries} queries, {made.queries_without_match} of them without a match: {made.manifest}"
    )


def _benchmark(output: Output, out: Path, seed: int | None, videos: bool, workers: int | None) -> None:
    from core.phantom.benchmark import CROPS, VIDEOS, load_spec
    from core.phantom.benchmark_run import render_benchmark

    spec = load_spec()
    with output.progress() as progress, cancel_by_interrupt() as cancel:
        made = render_benchmark(
            out,
            spec,
            seed=seed,
            form=VIDEOS if videos else CROPS,
            workers=workers,
            progress=progress,
            cancel=cancel,
        )
    record = made.record
    if made.drifted:
        output.warn(f"{made.drifted} of {len(spec.samples)} pictures look different from the published ones.")
    if record.seed != spec.seed:
        output.warn(
            f"Seed {record.seed} gives an instance of your own, "
            f"not the published benchmark (seed {spec.seed})."
        )
    elif record.identical is False:
        output.warn(
            "Patients, lesions and texts are the published ones, but rendered boxes differ by rounding: "
            "this machine computes a little differently. Figures stay comparable, hashes don't."
        )
    output.document(
        {
            "out": str(made.out),
            "manifest": str(made.manifest),
            "benchmark": msgspec.to_builtins(record),
            "patients": sum(made.parts.values()),
            "parts": made.parts,
            "rows": made.rows,
            "clips": made.clips,
            "queries": made.queries,
            "queries_without_match": made.queries_without_match,
            "rendered": made.rendered,
            "seconds": round(made.seconds, 1),
        }
    )
    state = f"rendered in {made.seconds:.0f} s" if made.rendered else "already there"
    split = ", ".join(f"{count} {name}" for name, count in made.parts.items())
    output.say(f"Phantom benchmark {record.version}, seed {record.seed}, {record.form}: {state}")
    output.say(f"{sum(made.parts.values())} patients ({split}), {made.clips} clips, {made.rows} pictures")
    output.say(
        f"{made.queries} queries, {made.queries_without_match} of them without a match: {made.manifest}"
    )
    state = {True: ", as published", False: ", not as published", None: ""}[record.identical]
    output.say(f"SHA-256 of the manifest: {record.manifest_sha256}{state}")


def evaluate(
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="CSV file with one row a frame.")
    ] = None,
    features: Annotated[Path | None, typer.Option("--features", help="Ready features, .npz or .mat.")] = None,
    part: Annotated[Part, typer.Option("--split", help="Which part of the manifest.")] = Part.TEST,
    full_frame: Annotated[
        bool, typer.Option("--full-frame", help="Whole pictures instead of lesion crops.")
    ] = False,
    baselines: Annotated[bool, typer.Option(help="Also the baselines.")] = True,
    out: Annotated[
        Path | None, typer.Option("--out", help="Also write the JSON document to this file.")
    ] = None,
    model: Model = None,
    device: Device = "auto",
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Retrieval figures of a model, beside simple baselines.

    A manifest is a CSV file with one row a frame and the columns clip_id, path, frame, patient_id,
    polyp_id, exam, split, text, and x, y, w, h where lesion boxes are known.
    """
    from core.evaluation.features import evaluate_features  # here, as above
    from core.evaluation.run import BASELINES, evaluate_manifest

    output = Output(json)
    if (manifest is None) == (features is None):
        raise typer.BadParameter("give one of --manifest and --features")
    if features is not None:
        document = evaluate_features(features)
    else:
        assert manifest is not None
        loaded = embedder(data_dir(data_dir_), model, device)
        with output.progress() as progress, cancel_by_interrupt() as cancel:
            wanted = BASELINES if baselines else ()
            result = evaluate_manifest(
                manifest, loaded, full_frame, part.value, wanted, progress=progress, cancel=cancel
            )
        for warning in result.warnings:
            output.warn(warning)
        device_ = {"device": loaded.device.name, "device_reason": loaded.device.reason}
        document = {"model": loaded.model_id, **device_, **result.as_dict()}
    _write(out, output, document)
    output.document(document)
    _show(output, document)


def _write(out: Path | None, output: Output, document: dict[str, Any]) -> None:
    if out is None:
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(output.as_text(document), "utf-8")
    except OSError as error:
        raise PolypTraceError(
            "evaluate-out", f"The result can't be written to “{out.name}”.", "Choose another --out."
        ) from error


def _show(output: Output, document: dict[str, Any]) -> None:
    """The figures as a table: the model first, then each baseline."""
    names = ("mAP", "rank1", "rank5", "rank10")
    if "map_all" in document:
        rows_ = [[way, document["map_all"][way], document["map_50"][way]] for way in document["map_all"]]
        output.table("Across modalities", ("", "MAP@all", "MAP@50"), rows_)
        return
    if "clip" not in document:
        output.table("Features", names, [[_cell(document.get(name)) for name in names]])
        return
    ways = {"model": document, **document["baselines"]}
    rows = []
    for way, figures in ways.items():
        clip, within = figures.get("clip") or {}, figures.get("within_patient") or {}
        rows.append([way.replace("_", " "), *(_cell(clip.get(name)) for name in names)])
        rows[-1] += [
            _cell(within.get("rank1")),
            _cell(within.get("chance")),
            _cell(within.get("no_match_auroc")),
        ]
    columns = ("", *names, "patient rank1", "chance", "no-match AUROC")
    output.table("Clips, whole catalogue; then within the patient", columns, rows)
    output.say(f"{document['model']} on {document['device']}: {document['device_reason']}", style="dim")
    output.banner()


def _cell(value: Any) -> object:
    return value if isinstance(value, int | float) else "–"
