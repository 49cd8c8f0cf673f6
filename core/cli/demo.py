"""``polyptrace demo``."""

from __future__ import annotations

import typer

from core.catalog.engine import Catalog
from core.cli.interrupt import cancel_by_interrupt
from core.cli.matching import show_match
from core.cli.options import DataDirPath, Device, JsonFlag, Model, data_dir, embedder
from core.cli.output import Output
from core.counting import count
from core.demo import DemoRun, run_demo
from core.matching.reporting import write_match_report
from core.report.match_report import DemoScore


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.command()(demo)


def demo(
    model: Model = None, device: Device = "auto", json: JsonFlag = False, data_dir_: DataDirPath = None
) -> None:
    """Run the main job on the demo exams.

    Fills the catalogue with them and recognises every follow-up clip.
    """
    output, folder = Output(json), data_dir(data_dir_)
    out = folder.root / "demo"
    with Catalog.open(folder) as catalog, output.progress() as progress, cancel_by_interrupt() as cancel:
        loaded = embedder(folder, model, device)
        done = run_demo(catalog, loaded, out, progress, cancel)
        report = write_match_report(
            catalog, done.first.result, out / "report.html", done.explanation, _score(done)
        )
    document = {**done.as_dict(), "report": str(report)}
    output.document(document)
    show_match(output, done.first.result)
    _say(output, done, document)


def _score(done: DemoRun) -> DemoScore:
    right = sum(bool(query.correct) for query in done.with_match)
    return DemoScore(right=right, queries=len(done.with_match), lines=_lines(done)[1:])


def _lines(done: DemoRun) -> tuple[str, ...]:
    right = sum(bool(query.correct) for query in done.with_match)
    near = sum(bool(query.correct_in_patient) for query in done.with_match)
    facts = done.as_dict()
    said = facts["new_lesions_without_good_match"]
    first = {None: "lesion is new", True: "true lesion is first", False: "true lesion isn't first"}
    asked = done.first.result.query.clip
    return (
        "In the whole catalogue the true lesion is first for "
        f"{right} of {count(len(done.with_match), 'clip')}.",
        f"Among the patient's own earlier clips it is first for {near} of {len(done.with_match)}.",
        f"{said} of {count(facts['new_lesions'], 'new lesion')} got the answer “no good match”.",
        f"Clip {asked}, shown here: its {first[done.first.correct]}.",
    )


def _say(output: Output, done: DemoRun, document: dict[str, object]) -> None:
    output.say()
    output.say("Follow-up clips of invented patients, rendered by PolypTrace's own code:")
    for line in _lines(done):
        output.say(line)
    output.say(f"overlays: {'  '.join(done.overlays)}")
    output.say(f"report:   {document['report']}")
