"""Makes the next starter model that is shipped in ``resources/models/starter``, with one command.

``python -m core.training.starter [--out DIR] [--work-dir DIR] [--parent DIR] [--real DIR] [--steps N] …``

Stages: crops of invented patients are rendered; DMCL goes on from the version shipped before it, or, with
``--scratch``, from random weights and a vocabulary and a small BERT trained on descriptions; the result is
measured on held-back patients, on the benchmark's test patients and, where a folder with them is given, on
real polyps, and published with its card. Whatever is finished stays in the work folder, and checkpoints are
written on the way: started again with the same options, the command goes on where it was stopped or killed.
One JSON object a line on stderr says how far it is; the result comes as one JSON document on stdout. The
shipped weights learn from no real picture; settings were chosen on some (see the recipe).
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec

from core.data.manifest import read_manifest
from core.errors import PolypTraceError
from core.inference.bundle import BundleInfo, amend_bundle, read_bundle
from core.phantom.benchmark import BenchmarkSpec, load_spec
from core.phantom.benchmark_run import render_benchmark
from core.progress import CancelToken
from core.training.command import EventLog, claim, run_command
from core.training.config import Start
from core.training.dmcl import TrainResult, train_dmcl
from core.training.masked_language import MlmResult, pretrain_text, read_result
from core.training.publish import ship
from core.training.starter_card import starter_card
from core.training.starter_figures import (
    BENCHMARK,
    VALIDATION,
    Part,
    keep_figures,
    known_figures,
    measure,
    real_parts,
    tuned_parts,
    tuning_manifest,
)
from core.training.starter_recipe import Recipe, training_patients
from core.training.trainer import StepSink

LIMIT_BYTES = 40_000_000
"""All files of the shipped starter model together."""
LEARNT_ON = "held-back rendered exams of invented patients"
OUT, WORK = Path("resources/models/starter"), Path("build/starter")
_PARENT = "parent"
SEEDS = "seeds"
"""Of whose patients a version and those before it have learnt."""


def make_starter(
    out: Path,
    work: Path,
    recipe: Recipe,
    *,
    parent: Path | None = None,
    spec: BenchmarkSpec | None = None,
    real: Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    on_event: StepSink = lambda _: None,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Runs all stages that aren't finished yet.

    Args:
        out: the bundle's folder; replaced at the very end.
        work: what is made on the way; a run goes on from there.
        parent: a bundle to go on from, copied into the work folder; None = from random weights.
        spec: the benchmark whose test patients it is measured on; None = the published one.
        real: folder with real polyps to measure on, see :func:`core.training.starter_figures.real_parts`.
        device: of training and measuring.
        workers: processes that render; None = one a core.
        on_event: one JSON-able dictionary a progress step.

    Returns:
        ``{run, model, metrics, seconds, bytes, bundle}``, the document of ``train`` and the bundle's size.

    Raises:
        PolypTraceError: ``starter-other-recipe``, ``starter-seed-used``, ``bundle-too-large``, or what a
            stage refuses.
        Cancelled: checkpoints are left.
    """
    token, log = cancel or CancelToken(), EventLog("starter", on_event)
    measured_on = {} if real is None else real_parts(real)
    recipe = msgspec.structs.replace(recipe, parent=_parent_id(work, parent))
    known = None if recipe.parent is None else read_bundle(work / _PARENT)
    seeds = _seeds(recipe, known)
    claim(work, recipe, "starter-other-recipe")
    crops = training_patients(work, recipe, workers, log.progress, token)
    if recipe.parent is None:
        text: MlmResult | None = _text_encoder(work, crops, recipe, device, log, token)
        start = Start(text_folder=str(work / "text"))
    else:
        text, start = None, Start(model=str(work / _PARENT))
    trained = train_dmcl(
        crops,
        work / "starter",
        msgspec.structs.replace(recipe.training, seed=recipe.seed, start=start),
        device,
        on_step=on_event,
        cancel=token,
        learnt_on=LEARNT_ON,
    )
    benchmark = render_benchmark(
        work / "benchmark", spec or load_spec(), workers=workers, progress=log.progress, cancel=token
    )
    parts = {VALIDATION: Part(crops, "val"), BENCHMARK: Part(benchmark.manifest, "test"), **measured_on}
    figures = known_figures(work, trained.model)
    missing = {name: part for name, part in parts.items() if name not in figures}
    figures |= measure(trained.bundle, missing, work / "cache", device, log.progress, token)
    keep_figures(work, trained.model, figures)
    if real is not None and not tuned_parts(real).keys() <= figures.keys():
        figures |= _tuned(work, trained.bundle, real, recipe, device, log, on_event, token)
        keep_figures(work, trained.model, figures)
    info = _described(trained, figures, text, known, seeds)
    shipped, size = ship(info, out, LIMIT_BYTES)
    return {
        "run": trained.run.name,
        "model": shipped.manifest.model_id,
        "metrics": shipped.manifest.metrics,
        "seconds": round(trained.seconds + (text.seconds if text else 0.0), 1),
        "bytes": size,
        "bundle": str(shipped.folder),
    }


def _parent_id(work: Path, parent: Path | None) -> str | None:
    """The id of the model to go on from; the first start keeps a copy, since the new one may replace it."""
    kept = work / _PARENT
    if parent is not None and not kept.exists():
        read_bundle(parent)
        draft = work / f".{_PARENT}"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(parent, draft)
        draft.rename(kept)
    return None if parent is None else read_bundle(kept).manifest.model_id


def _seeds(recipe: Recipe, parent: BundleInfo | None) -> list[int]:
    """The seeds of a line of versions, the new one's last.

    Raises:
        PolypTraceError: ``starter-seed-used``.
    """
    used = [int(seed) for seed in parent.manifest.metrics.get(SEEDS, ())] if parent else []
    if recipe.seed < 1 or recipe.seed in used:
        raise PolypTraceError(
            "starter-seed-used",
            f"Seed {recipe.seed} made the patients that a version before learnt from, or is below 1.",
            f"Choose another one: --seed {max(used, default=0) + 1}.",
        )
    return [*used, recipe.seed]


def _text_encoder(
    work: Path, crops: Path, recipe: Recipe, device: str, log: EventLog, cancel: CancelToken
) -> MlmResult:
    """Vocabulary and BERT; of the phantom's own descriptions only those of training patients are read."""
    done = read_result(work / "text")
    if done is not None:
        return done
    texts = sorted({row.text for row in read_manifest(crops).rows if row.split == "train" and row.text})
    settings = msgspec.structs.replace(recipe.text, seed=recipe.seed)
    max_tokens = recipe.training.model.max_tokens
    on = "cpu" if device == "auto" else device
    return pretrain_text(work / "text", texts, settings, max_tokens, on, log.progress, cancel)


def _tuned(
    work: Path,
    bundle: Path,
    real: Path,
    recipe: Recipe,
    device: str,
    log: EventLog,
    on_event: StepSink,
    cancel: CancelToken,
) -> dict[str, dict[str, Any]]:
    """Figures on real polyps of a model that went on learning from others of them."""
    config = msgspec.structs.replace(recipe.tuning, seed=recipe.seed, start=Start(model=str(bundle)))
    manifest = tuning_manifest(real)
    tuned = train_dmcl(manifest, work / "tuned", config, device, on_step=on_event, cancel=cancel)
    return measure(tuned.bundle, tuned_parts(real), work / "cache", device, log.progress, cancel)


def _described(
    trained: TrainResult,
    figures: dict[str, dict[str, Any]],
    text: MlmResult | None,
    parent: BundleInfo | None,
    seeds: list[int],
) -> BundleInfo:
    """The run's bundle with figures and card."""
    metrics = {
        SEEDS: seeds,
        "validation": figures[VALIDATION],
        "benchmark": figures[BENCHMARK],
        "real": {name: own for name, own in figures.items() if name not in (VALIDATION, BENCHMARK)},
        "chosen": trained.metrics,
    }
    if text is not None:
        metrics["text_encoder"] = msgspec.to_builtins(text)
    info = amend_bundle(trained.bundle, metrics)
    return amend_bundle(
        trained.bundle, card=starter_card(info, trained.run, text, figures, trained.notes, parent)
    )


def main(arguments: list[str] | None = None) -> int:
    """Entry point of ``python -m core.training.starter``; 0, or 1 after an error or a cancel."""
    options = _parser().parse_args(arguments)

    def work(on_event: StepSink, cancel: CancelToken) -> dict[str, Any]:
        return make_starter(
            options.out,
            options.work_dir,
            _recipe(options),
            parent=None if options.scratch else options.parent,
            real=options.real,
            device=options.device,
            workers=options.workers,
            on_event=on_event,
            cancel=cancel,
        )

    return run_command(work)


def _parser() -> argparse.ArgumentParser:
    plain = Recipe()
    parser = argparse.ArgumentParser(
        prog="python -m core.training.starter", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--out", type=Path, default=OUT, help="the bundle's folder (default: %(default)s)")
    parser.add_argument("--work-dir", type=Path, default=WORK, help="kept between starts (%(default)s)")
    parser.add_argument("--parent", type=Path, default=OUT, help="model to go on from (%(default)s)")
    parser.add_argument("--scratch", action="store_true", help="begin with random weights instead")
    parser.add_argument("--patients", type=int, default=plain.patients, help="to learn from (%(default)s)")
    parser.add_argument("--real", type=Path, default=None, help="folder with CVC-ClinicDB as sequences")
    parser.add_argument("--views", type=int, default=plain.views, help="a lesion and exam (%(default)s)")
    parser.add_argument("--steps", type=int, default=plain.training.steps, help="of DMCL (%(default)s)")
    parser.add_argument("--text-steps", type=int, default=plain.text.steps, help="of BERT (%(default)s)")
    parser.add_argument("--seed", type=int, default=plain.seed, help="of everything (%(default)s)")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda (%(default)s)")
    parser.add_argument("--workers", type=int, default=None, help="rendering processes (one a core)")
    return parser


def _recipe(options: argparse.Namespace) -> Recipe:
    plain = Recipe()
    return msgspec.structs.replace(
        plain,
        patients=options.patients,
        views=options.views,
        seed=options.seed,
        text=msgspec.structs.replace(plain.text, steps=options.text_steps),
        training=msgspec.structs.replace(plain.training, steps=options.steps),
    )


if __name__ == "__main__":
    sys.exit(main())
