"""``polyptrace index``, ``match`` and ``explain``: the main job."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core.cli.interrupt import cancel_by_interrupt
from core.cli.options import (
    NOBODY,
    Author,
    DataDirPath,
    Device,
    JsonFlag,
    Model,
    data_dir,
    embedder,
    existing,
)
from core.cli.output import Output
from core.counting import count
from core.errors import PolypTraceError
from core.explain.overlay import OPACITY
from core.matching.deciding import note_shown
from core.matching.explaining import explain_clips
from core.matching.indexing import index_clips
from core.matching.model_choice import bundle_in_use
from core.matching.ranking import match_clip
from core.matching.reporting import write_match_report
from core.matching.values import Candidate, MatchResult


class Scope(StrEnum):
    """What a clip is compared with."""

    PATIENT = "patient"
    CATALOGUE = "catalogue"


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.command()(index)
    app.command()(match)
    app.command()(explain)


def index(
    model: Model = None, device: Device = "auto", json: JsonFlag = False, data_dir_: DataDirPath = None
) -> None:
    """Embed every clip whose embedding is missing or stale."""
    output, folder = Output(json), data_dir(data_dir_)
    with existing(folder) as catalog, output.progress() as progress, cancel_by_interrupt() as cancel:
        loaded = embedder(folder, model, device)
        summary = index_clips(catalog, loaded, progress=progress, cancel=cancel)
    for failure in summary.failed:
        output.warn(f"clip {failure.clip}: {failure.reason}")
    document = {**summary.as_dict(), "device": loaded.device.name, "device_reason": loaded.device.reason}
    if not summary.failed:
        output.document(document)
    output.say(
        f"{count(summary.embedded, 'clip')} embedded, {summary.current} up to date before, "
        f"{len(summary.failed)} failed."
    )
    output.say(f"{summary.model} on {loaded.device.name}: {loaded.device.reason}", style="dim")
    if summary.failed:
        message = f"{count(len(summary.failed), 'clip')} couldn't be embedded."
        output.error(PolypTraceError("index-failed", message, "The list says why each failed."), document)
        raise typer.Exit(1)


def match(
    clip: Annotated[int, typer.Argument(help="Id of the clip to recognise.")],
    scope: Annotated[Scope, typer.Option("--scope", help="Also rank the whole catalogue?")] = Scope.PATIENT,
    top: Annotated[int, typer.Option("--top", help="Length of the catalogue's ranking.", min=1)] = 10,
    report: Annotated[Path | None, typer.Option("--report", help="Also write an HTML page.")] = None,
    author: Author = NOBODY,
    model: Model = None,
    device: Device = "auto",
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Rank the patient's earlier lesions for a described clip.

    Or say that none fits.
    """
    output, folder = Output(json), data_dir(data_dir_)
    with existing(folder) as catalog, output.progress() as progress, cancel_by_interrupt() as cancel:
        loaded = embedder(folder, model, device)
        result = match_clip(
            catalog,
            loaded,
            clip,
            everywhere=scope is Scope.CATALOGUE,
            top=top,
            progress=progress,
            cancel=cancel,
        )
        note_shown(catalog, result, author=author)
        if report is not None:
            write_match_report(catalog, result, report)
    for warning in result.warnings:
        output.warn(warning)
    output.document(result.as_dict() | ({"report": str(report)} if report else {}))
    show_match(output, result)
    if report is not None:
        output.say(f"report: {report}")


def show_match(output: Output, result: MatchResult) -> None:
    """A match as tables for people."""
    query = result.query
    output.say(f"Clip {query.clip}, patient {query.patient}, exam of {query.exam_date}")
    output.say(query.report)
    evidence = query.evidence
    output.say(
        f"The model saw: {evidence.source}, {count(evidence.crops, 'frame')}; text: {evidence.text}",
        style="dim",
    )
    if result.patient:
        output.table("The patient's earlier findings", *_rows(result.patient))
    else:
        output.say("The patient has no earlier described clip.")
    answer = result.no_match
    verdict = {True: "NO GOOD MATCH. ", False: "A good match is there. ", None: ""}[answer.is_no_match]
    output.say(verdict + answer.reason)
    if result.catalogue is not None:
        output.table("All clips outside this exam", *_rows(result.catalogue))
    output.say(f"{result.model.id} on {result.device.name}: {result.device.reason}", style="dim")
    output.banner()


def _rows(candidates: Sequence[Candidate]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    columns = ("", "clip", "lesion", "patient", "exam", "what", "seen", "score", "probability", "note")
    rows: list[tuple[object, ...]] = []
    for place, one in enumerate(candidates, start=1):
        score = "–" if one.score is None else f"{one.score:.3f}"
        chance = (one.band or "–") if one.probability is None else f"{one.probability:.0%}, {one.band}"
        lesion = "–" if one.lesion is None else one.lesion
        who = (one.clip, lesion, one.patient, str(one.exam_date), one.place)
        rows.append((place if one.possible else "–", *who, one.source.value, score, chance, one.note))
    if not any(row[-1] for row in rows):
        return columns[:-1], [row[:-1] for row in rows]
    return columns, rows


def explain(
    clip: Annotated[int, typer.Argument(help="Id of the query clip.")],
    other: Annotated[int, typer.Option("--with", help="Id of the clip that it is compared with.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for query.png and candidate.png.")],
    opacity: Annotated[
        float, typer.Option("--opacity", help="Of the map over the picture.", min=0, max=1)
    ] = OPACITY,
    model: Model = None,
    device: Device = "auto",
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Show where the similarity score is sensitive (EigenGradCAM).

    On the best crop of both clips.
    """
    output, folder = Output(json), data_dir(data_dir_)
    with existing(folder) as catalog, output.progress() as progress, cancel_by_interrupt() as cancel:
        chosen = bundle_in_use(folder, model)
        document = explain_clips(
            catalog,
            chosen,
            clip,
            other,
            out,
            device=device,
            opacity=opacity,
            progress=progress,
            cancel=cancel,
        )
    output.document(document)
    for side in ("query", "candidate"):
        shown = document[side]
        output.say(
            f"{side}: {shown['path']}  strength {shown['strength']:.3g} ({shown['words']}), {shown['source']}"
        )
    output.say(
        f"similarity of these two crops {document['similarity']:.3f}; the ranking pools up to six a clip"
    )
    output.say(f"{document['model']} on {document['device']}: {document['device_reason']}", style="dim")
    output.say("The colours show where the model's score is sensitive – not the outline of the lesion.")
    output.banner()
