"""``polyptrace phantom``: rendered exams in files, away from the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from core.cli.interrupt import cancel_by_interrupt
from core.cli.options import DataDirPath, JsonFlag
from core.cli.output import Output
from core.counting import count

if TYPE_CHECKING:
    from core.phantom.benchmark import BenchmarkSpec
    from core.phantom.benchmark_run import BenchmarkSummary
    from core.phantom.generate import PhantomSummary


def register(app: typer.Typer) -> None:
    """Adds this file's command."""
    app.command()(phantom)


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
    exams, frames = count(len(made.exams), "exam"), count(made.frames, "frame")
    output.say(f"{count(made.patients, 'patient')}, {exams}, {frames}: {state}")
    _say_queries(output, made)


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
    told = _difference(made, spec)
    if told is not None:
        output.warn(told)
    output.document(
        {
            "out": str(made.out),
            "manifest": str(made.manifest),
            "benchmark": msgspec.to_builtins(record),
            "drifted": made.drifted,
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
    split = ", ".join(f"{number} {name}" for name, number in made.parts.items())
    output.say(f"Phantom benchmark {record.version}, seed {record.seed}, {record.form}: {state}")
    output.say(
        f"{count(sum(made.parts.values()), 'patient')} ({split}), {count(made.clips, 'clip')}, "
        f"{count(made.rows, 'picture')}"
    )
    _say_queries(output, made)
    state = {True: ", as published", False: ", not as published", None: ""}[record.identical]
    state = "" if made.drifted else state  # the manifest's hash knows nothing of colours
    output.say(f"SHA-256 of the manifest: {record.manifest_sha256}{state}")


def _say_queries(output: Output, made: BenchmarkSummary | PhantomSummary) -> None:
    queries = count(made.queries, "query", "queries")
    output.say(f"{queries}, {made.queries_without_match} of them without a match: {made.manifest}")


def _difference(made: BenchmarkSummary, spec: BenchmarkSpec) -> str | None:
    """What isn't as published about a rendered benchmark, in the user's words; None where nothing is."""
    record = made.record
    if record.seed != spec.seed:
        return (
            f"Seed {record.seed} gives an instance of your own, "
            f"not the published benchmark (seed {spec.seed})."
        )
    if made.drifted:
        return (
            f"These are not the published pictures: {made.drifted} of {len(spec.samples)} samples look "
            "different or are missing. Don't compare figures with others'; use the release that published "
            f"version {spec.version}."
        )
    if record.identical is not False:
        return None
    if made.drifted == 0:
        return (
            "Patients, lesions and texts are the published ones and the sampled pictures look the same, but "
            "boxes differ by rounding: this machine computes a little differently. Figures stay comparable, "
            "hashes don't."
        )
    return (
        "The manifest is not the published one, and no picture was compared. Figures may not be comparable: "
        "render the pictures of the lesions (without --videos) to see whether this machine gives the same."
    )
