"""``polyptrace phantom`` and ``evaluate``: data in files, away from the catalogue."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.interrupt import cancel_by_interrupt
from core.cli.layouts import Fold, Layout, Root, TextsFile, chosen_layout, layout_facts
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
    patients: Annotated[int, typer.Option("--patients", help="How many invented patients.", min=1)] = 12,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same frames.", min=0)] = 0,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes. Default: one a core.", min=1)
    ] = None,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Render colonoscopy exams of invented patients.

    With the truth beside them: who is who, boxes, masks, descriptions.
    """
    from core.phantom.generate import generate  # here: scipy would cost every other command a second

    output = Output(json)
    with output.progress() as progress, cancel_by_interrupt() as cancel:
        made = generate(out, patients, seed, workers=workers, progress=progress, cancel=cancel)
    videos = [
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
            "videos": videos,
        }
    )
    state = f"rendered in {made.seconds:.0f} s" if made.rendered else "already there"
    output.say(f"{made.patients} patients, {len(made.exams)} exams, {made.frames} frames: {state}")
    output.say(
        f"{made.queries} queries, {made.queries_without_match} of them without a match: {made.manifest}"
    )


def evaluate(
    root: Root = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="CSV file with one row a frame.")
    ] = None,
    features: Annotated[Path | None, typer.Option("--features", help="Ready features, .npz or .mat.")] = None,
    layout: Layout = None,
    texts: TextsFile = None,
    fold: Fold = None,
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
    polyp_id, exam, split, text, and x, y, w, h where lesion boxes are known. A column camera leaves the
    same polyp by the same camera out of a ranking, a column junk (1) leaves a row out of all.

    --layout reads public data as they are published: colopair (ROOT/NAME/1 and 2, and a sheet with id and
    Eng_text), market1501, duke (bounding_box_train, query, bounding_box_test) and cuhk03 (new protocol,
    labelled). What others published on them is printed beside.
    """
    from core.data.manifest import read_manifest  # here, as above
    from core.evaluation.features import evaluate_features
    from core.evaluation.run import BASELINES, evaluate_manifest
    from core.evaluation.seen import seen_in_training, seen_warnings

    output = Output(json)
    if sum(one is not None for one in (manifest, features, layout)) != 1:
        raise typer.BadParameter("give one of --manifest, --features and --layout")
    data = chosen_layout(output, layout, root, texts, fold)
    if features is not None:
        document = evaluate_features(features)
    else:
        rows = data.manifest if data else read_manifest(manifest or Path())
        folder = data_dir(data_dir_)
        loaded = embedder(folder, model, device)
        with output.progress() as progress, cancel_by_interrupt() as cancel:
            wanted = BASELINES if baselines else ()
            result = evaluate_manifest(
                rows, loaded, full_frame, part.value, wanted, progress=progress, cancel=cancel
            )
        device_ = {"device": loaded.device.name, "device_reason": loaded.device.reason}
        document = {"model": loaded.model_id, **device_, **result.as_dict()}
        document |= layout_facts(data, fold) if data else {}
        if part is Part.TEST:
            tested = rows.split("query", "gallery").rows
            seen = seen_in_training(folder.runs, loaded.manifest.name, tested)
            document["warnings"] += seen_warnings(seen, len(tested))
        for warning in document["warnings"]:
            output.warn(warning)
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
    rows += [
        [f"{one['method']} (published)", *(_cell(one.get(name)) for name in names), "–", "–", "–"]
        for one in document.get("published", ())
    ]
    columns = ("", *names, "patient rank1", "chance", "no-match AUROC")
    output.table("Clips, whole catalogue; then within the patient", columns, rows)
    output.say(f"{document['model']} on {document['device']}: {document['device_reason']}", style="dim")
    output.banner()


def _cell(value: Any) -> object:
    return value if isinstance(value, int | float) else "–"
