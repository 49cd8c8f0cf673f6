"""Freezes a version of the benchmark: ``python -m core.phantom.benchmark_freeze crops videos``.

Run by who publishes it: whoever changes plan, texts or renderer counts ``VERSION`` in
:mod:`core.phantom.benchmark` up, copies the file in ``resources/benchmark/`` and runs this, which writes
hashes and samples into it. The manifest's hash needs the whole instance: ten minutes on two cores for the
crops, an hour for the videos; a form that isn't named keeps its hash while plan and texts stay the same.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from core.data.manifest import Row
from core.paths import resource
from core.phantom.benchmark import (
    FORMS,
    VERSION,
    BenchmarkPatient,
    BenchmarkSpec,
    load_spec,
    plan_benchmark,
    plan_sha256,
)
from core.phantom.benchmark_check import sample_of, sampled_exams
from core.phantom.benchmark_run import crop_job, render_benchmark
from core.phantom.crops import render_patient

_VIEWS = 2
"""Sampled views of a lesion and exam."""


def freeze(spec: BenchmarkSpec, forms: tuple[str, ...], work: Path) -> BenchmarkSpec:
    """The specification with the hashes and samples of what this program renders from it now.

    Args:
        forms: whose manifests are hashed, of :data:`core.phantom.benchmark.FORMS`.
        work: a folder for the pictures; what it holds already isn't rendered again.
    """
    known = spec
    spec = msgspec.structs.replace(spec, plan_sha256="", manifest_sha256={}, samples=())
    planned = plan_benchmark(spec, spec.seed)
    plan = plan_sha256(planned)
    rows = render_samples(work / "samples", spec, planned)
    made = {form: render_benchmark(work / form, spec, form=form).record.manifest_sha256 for form in forms}
    kept = known.manifest_sha256 if plan == known.plan_sha256 else {}
    return msgspec.structs.replace(
        spec,
        plan_sha256=plan,
        manifest_sha256=kept | made,
        samples=tuple(sample_of(row) for row in rows),
    )


def render_samples(work: Path, spec: BenchmarkSpec, planned: Sequence[BenchmarkPatient]) -> list[Row]:
    """The crops that samples are made of, rendered into ``work``: first views of :func:`sampled_exams`."""
    rows = []
    for one, exam in sampled_exams(planned):
        home = work / f"{one.patient.code}-E{exam.number}"
        (home / "crops").mkdir(parents=True)
        job = msgspec.structs.replace(
            crop_job(home, spec, one),
            patient=msgspec.structs.replace(one.patient, exams=(exam,)),
            splits=(one.split(exam.number),),
            views=min(_VIEWS, spec.rendering.views),
        )
        rows += render_patient(job, lambda: None)
    return rows


if __name__ == "__main__":
    asked = tuple(form for form in FORMS if form in sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        done = freeze(load_spec(), asked, Path(folder))
    file = resource("benchmark", f"phantom-{VERSION}.json")
    file.write_bytes(msgspec.json.format(msgspec.json.encode(done), indent=1) + b"\n")
