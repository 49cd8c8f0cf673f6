"""``polyptrace demo``."""

from __future__ import annotations

import typer

from core.catalog.engine import Catalog
from core.cli.matching import show_match
from core.cli.options import DataDirPath, Device, JsonFlag, Model, data_dir, embedder
from core.cli.output import Output
from core.demo import DemoRun, run_demo
from core.matching.reporting import write_demo_report


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.command()(demo)


def demo(
    model: Model = None, device: Device = "auto", json: JsonFlag = False, data_dir_: DataDirPath = None
) -> None:
    """Fill the catalogue with the demo exams and recognise every follow-up clip of them."""
    output, folder = Output(json), data_dir(data_dir_)
    out = folder.root / "demo"
    with Catalog.open(folder) as catalog, output.progress() as progress:
        loaded = embedder(folder, model, device)
        done = run_demo(catalog, loaded, out, progress)
        report = write_demo_report(catalog, done, out / "report.html")
    document = {**done.as_dict(), "report": str(report)}
    output.document(document)
    show_match(output, done.first.result)
    _say(output, done, document)


def _say(output: Output, done: DemoRun, document: dict[str, object]) -> None:
    right = sum(bool(query.correct) for query in done.with_match)
    near = sum(bool(query.correct_in_patient) for query in done.with_match)
    output.say()
    output.say(
        f"{document['queries']} follow-up clips of invented patients, {len(done.with_match)} seen before:"
    )
    output.say(
        f"  the true lesion is first in the whole catalogue for {right}, among the patient's own for {near}"
    )
    said = document["new_lesions_without_good_match"]
    output.say(f"  of {document['new_lesions']} new lesions {said} got the answer “no good match”")
    output.say(f"overlays: {'  '.join(done.overlays)}")
    output.say(f"report:   {document['report']}")
