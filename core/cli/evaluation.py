"""``polyptrace evaluate``: what a model is worth, beside simple baselines."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.across import asked_samples, evaluate_across, refuse_idle
from core.cli.figures import keep_features, keep_report, show_figures
from core.cli.interrupt import cancel_by_interrupt
from core.cli.layouts import Fold, Layout, Root, TextsFile, chosen_layout, layout_facts
from core.cli.options import DataDirPath, Device, JsonFlag, Model, data_dir, embedder
from core.cli.output import Output

if TYPE_CHECKING:  # what reads pictures would cost every other command its time
    from core.data.manifest import Manifest
    from core.evaluation.query_text import QueryText
    from core.evaluation.result import Evaluation
    from core.inference.embedder import Embedder


class Part(StrEnum):
    """Which part of a manifest is evaluated (see :data:`core.evaluation.items.PARTS`)."""

    TEST = "test"
    VAL = "val"
    TRAIN = "train"


class Protocol(StrEnum):
    """Whose text a gallery clip is fused with (see :data:`core.evaluation.result.PROTOCOLS`)."""

    OWN_TEXT = "own-text"
    QUERY_TEXT = "query-text"
    CROSS_MODAL = "cross-modal"


def register(app: typer.Typer) -> None:
    """Adds this file's command."""
    app.command()(evaluate)


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
    protocol: Annotated[
        Protocol | None,
        typer.Option(
            "--protocol",
            help="Fuse gallery clips with their own exam's text, or with the query's (slow: nothing can be "
            "computed ahead). Default: own-text; --rerank means query-text. cross-modal: every modality of "
            "--features or --layout wikipedia, nus-wide, … asks every other one, as --model encodes them; "
            "without --model the vectors of --features as they are.",
        ),
    ] = None,
    rerank: Annotated[
        int | None,
        typer.Option("--rerank", help="With query-text: only the first K of the usual ranking.", min=1),
    ] = None,
    baselines: Annotated[bool, typer.Option(help="Also the baselines.")] = True,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for an HTML report, its drawings and the JSON.")
    ] = None,
    model: Model = None,
    device: Device = "auto",
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Retrieval figures of a model, beside simple baselines.

    A manifest is a CSV file with one row a frame and the columns clip_id, path, frame, patient_id,
    polyp_id, exam, split, text, and x, y, w, h where lesion boxes are known. Columns date and light (of the
    exam) give figures by months and by light. A column camera leaves the same polyp by the same camera out
    of a ranking, a column junk (1) leaves a row out of all, and such a query isn't asked.

    --layout reads public data as they are published: colopair (ROOT/NAME/1 and 2, and a sheet with id and
    Eng_text), market1501, duke (bounding_box_train, query, bounding_box_test) and cuhk03 (new protocol,
    labelled). What others published on them is printed beside.

    With --protocol cross-modal and --model, --features is a file as `train drcl` reads it, of which the part
    --split is asked, or one with NAME_features and NAME_labels for each modality.
    """
    from core.data.manifest import read_manifest  # here: scipy and OpenCV would cost every other command
    from core.evaluation.features import evaluate_features
    from core.evaluation.report.writing import check_folder

    output = Output(json)
    if sum(one is not None for one in (manifest, features, layout)) != 1:
        raise typer.BadParameter("give one of --manifest, --features and --layout")
    if rerank is not None and protocol is Protocol.OWN_TEXT:
        raise typer.BadParameter("--rerank needs --protocol query-text")
    if features is not None and model is not None and protocol is not Protocol.CROSS_MODAL:
        raise typer.BadParameter(
            "ready features are ranked as they are: --model goes with them by --protocol cross-modal alone"
        )
    if protocol is Protocol.CROSS_MODAL:
        idle = {"--rerank": rerank is not None, "--full-frame": full_frame, "--texts": texts is not None}
        refuse_idle(idle | {"--fold": fold is not None, "ROOT": root is not None and layout is None})
    if out is not None:
        check_folder(out)
    if protocol is Protocol.CROSS_MODAL and (features is None or model is not None):
        if model is None:
            raise typer.BadParameter("give a model of `train drcl` with --model: an id, a folder or a run")
        samples = asked_samples(layout, root, features, part.value)
        home = data_dir(data_dir_)
        with output.progress() as progress, cancel_by_interrupt() as cancel:
            document = evaluate_across(home, samples, model, part.value, device, baselines, progress, cancel)
        document |= keep_features(out, document, Path(document["data"]["name"]), output)
        output.document(document)
        show_figures(output, document)
        return
    data = chosen_layout(output, layout, root, texts, fold)
    if features is not None:
        document = evaluate_features(features)
        document |= keep_features(out, document, features, output)
    else:
        rows = data.manifest if data else read_manifest(manifest or Path())
        loaded = embedder(data_dir(data_dir_), model, device)
        by_query = rerank is not None or protocol is Protocol.QUERY_TEXT
        query_text = _query_text(loaded, rerank) if by_query else None
        result = _measured(rows, loaded, full_frame, part, query_text, baselines, output)
        facts = {"device": loaded.device.name, "device_reason": loaded.device.reason}
        document = {"model": loaded.model_id, **facts, **result.as_dict()}
        document |= layout_facts(data, fold) if data else {}
        document["warnings"] += _seen(rows, part, data_dir(data_dir_).runs, loaded)
        for warning in document["warnings"]:
            output.warn(warning)
        name = data.title if data else rows.path.name
        document |= keep_report(out, result, document, loaded, name, output)
    output.document(document)
    show_figures(output, document)


def _query_text(loaded: Embedder, rerank: int | None) -> QueryText:
    from core.evaluation.query_text import QueryText
    from core.models.text_fuser import TextFuser  # torch: seconds that nobody else should wait for

    return QueryText(TextFuser.open(loaded.info.folder, loaded.device.name), rerank)


def _measured(
    rows: Manifest,
    loaded: Embedder,
    full_frame: bool,
    part: Part,
    query_text: QueryText | None,
    baselines: bool,
    output: Output,
) -> Evaluation:
    from core.evaluation.run import BASELINES, evaluate_manifest

    with output.progress() as progress, cancel_by_interrupt() as cancel:
        return evaluate_manifest(
            rows,
            loaded,
            full_frame,
            part.value,
            BASELINES if baselines else (),
            query_text=query_text,
            progress=progress,
            cancel=cancel,
        )


def _seen(rows: Manifest, part: Part, runs: Path, loaded: Embedder) -> list[str]:
    """What to say when the model learnt from the pictures that it is tested on."""
    from core.evaluation.seen import seen_in_training, seen_warnings

    if part is not Part.TEST:
        return []
    tested = rows.split("query", "gallery").rows
    return seen_warnings(seen_in_training(runs, loaded.manifest.name, tested), len(tested))
