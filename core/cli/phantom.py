"""``polyptrace phantom``: rendered exams in files, away from the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.cli.interrupt import cancel_by_interrupt
from core.cli.options import DataDirPath, JsonFlag
from core.cli.output import Output


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.command()(phantom)


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
