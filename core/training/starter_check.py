"""Judges a starter model on invented patients that no version has learnt from, and learns its rule there.

``python -m core.training.starter_check [--bundle DIR] [--work-dir DIR] [--note TEXT …]``

The threshold for “no good match” and the curve of the probability are learnt anew from those patients, the
figures on them and on the benchmark's test patients are measured anew, and manifest and card say so; weights
and id stay. Real polyps aren't asked: of them the figures stay that need no rule. For a bundle whose
held-back patients turn out to be known to a version before it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from tokenizers import Tokenizer

from core.data.manifest import Row, read_manifest
from core.data.splits import identities_of, patients_of
from core.errors import PolypTraceError
from core.inference.bundle import BundleInfo, NoMatchSettings, amend_bundle, read_bundle
from core.models.bundle import load_model
from core.models.device import usable_device
from core.phantom.benchmark import load_spec
from core.phantom.benchmark_run import render_benchmark
from core.progress import CancelToken
from core.training.command import EventLog, run_command
from core.training.no_match import fit_threshold
from core.training.starter import LEARNT_ON, OUT, SEEDS
from core.training.starter_card import with_check
from core.training.starter_figures import BENCHMARK, TUNED, VALIDATION, Part, measure
from core.training.starter_recipe import Recipe, held_back_patients
from core.training.text_reader import TextReader
from core.training.tokens import TokenTable
from core.training.trainer import StepSink, no_steps
from core.training.validation import FUSED, Validator

WORK = Path("build/starter-check")


def check_starter(
    bundle: Path,
    work: Path,
    recipe: Recipe,
    seeds: Sequence[int],
    notes: Sequence[str] = (),
    *,
    benchmark: Path | None = None,
    workers: int | None = None,
    on_event: StepSink = no_steps,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Learns the rule anew and brings manifest and card up to date.

    Args:
        bundle: the model's folder, changed in place.
        work: where the patients are rendered; kept.
        recipe: how.
        seeds: whose patients this version and those before it learnt from, for later versions; none = as
            the bundle says.
        notes: sentences for the card's data section.
        benchmark: manifest of the rendered benchmark; None renders it.

    Raises:
        PolypTraceError: ``starter-check-impossible`` where no rule can be learnt; what a stage refuses.
        Cancelled: what was rendered stays.
    """
    token, log = cancel or CancelToken(), EventLog("starter-check", on_event)
    crops = held_back_patients(work / "crops" / "held-back", recipe, workers, log.progress, token)
    rows = read_manifest(crops).split("val").rows
    rule = _rule(read_bundle(bundle), rows)
    if rule is None:
        raise PolypTraceError(
            "starter-check-impossible", "These patients hold one kind of query only.", "Take more of them."
        )
    draft = work / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(bundle, draft)
    info = amend_bundle(draft, no_match=rule)
    asked = (
        benchmark
        or render_benchmark(
            work / "benchmark", load_spec(), workers=workers, progress=log.progress, cancel=token
        ).manifest
    )
    parts = {VALIDATION: Part(crops, "val"), BENCHMARK: Part(asked, "test")}
    figures = measure(draft, parts, work / "cache", "cpu", log.progress, token)
    known = info.manifest.metrics
    metrics = known | {
        SEEDS: list(seeds) or known.get(SEEDS, [1]),
        "validation": figures[VALIDATION],
        "benchmark": figures[BENCHMARK],
        "real": {name: _without_rule(name, own) for name, own in known.get("real", {}).items()},
    }
    held = (
        f"Held back: {len(identities_of(rows))} lesions of {len(patients_of(rows))} such patients whom no "
        "version learns from; threshold and probability were learnt on them."
    )
    card = with_check(info.card, info, figures, [held, *notes])
    done = amend_bundle(bundle, metrics, no_match=rule, card=card)
    return {"model": done.manifest.model_id, "no_match": msgspec.to_builtins(rule), "metrics": metrics}


def _without_rule(name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Figures without those of a rule that the model no longer has; a tuned model has one of its own."""
    if name.endswith(TUNED):
        return dict(figures)
    gone = dict.fromkeys(("no_match_recognised", "no_match_missed", "ece"))
    intervals = {key: own for key, own in figures.get("intervals", {}).items() if key != "ece"}
    return {**figures, **gone, "intervals": intervals}


def _rule(info: BundleInfo, rows: list[Row]) -> NoMatchSettings | None:
    model = load_model(info.folder)
    choice = usable_device("cpu")
    table = TokenTable(
        Tokenizer.from_file(str(info.tokenizer)), info.manifest.reads.max_tokens, model.config.text.pad_id
    )
    validator = Validator(rows, TextReader(table, 0), info.manifest.reads.image_size)
    clips = validator.embed(model, torch.device(choice.name))
    return fit_threshold(clips[FUSED], validator, LEARNT_ON)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of ``python -m core.training.starter_check``; 0, or 1 after an error or a cancel."""
    parser = argparse.ArgumentParser(
        prog="python -m core.training.starter_check", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--bundle", type=Path, default=OUT, help="the model's folder (%(default)s)")
    parser.add_argument("--work-dir", type=Path, default=WORK, help="kept between starts (%(default)s)")
    parser.add_argument("--benchmark", type=Path, help="manifest of the rendered benchmark")
    parser.add_argument("--seeds", type=int, nargs="*", default=[], help="that taught the line (as recorded)")
    parser.add_argument("--note", action="append", default=[], help="a sentence for the card")
    parser.add_argument("--workers", type=int, default=None, help="rendering processes (one a core)")
    options = parser.parse_args(arguments)

    def work(on_event: StepSink, cancel: CancelToken) -> dict[str, Any]:
        return check_starter(
            options.bundle,
            options.work_dir,
            Recipe(),
            options.seeds,
            options.note,
            benchmark=options.benchmark,
            workers=options.workers,
            on_event=on_event,
            cancel=cancel,
        )

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
