"""What ``train`` says while it learns, and at its end."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.options import named
from core.cli.output import Output
from core.counting import count
from core.paths import DataDir

if TYPE_CHECKING:  # torch takes seconds to load
    from core.training.dmcl import TrainResult
    from core.training.tracklets import PretrainResult


def go_on_hint(run: Path, folder: DataDir, method: str = "dmcl", processes: int = 1) -> str:
    """How a cancelled run is gone on with; nothing where it hadn't begun."""
    several = f" --processes {processes}" if processes > 1 else ""
    filed = run.absolute().parent == folder.runs.absolute()
    name = run.name if filed else shlex.quote(str(run.absolute()))
    words = f"Go on with: polyptrace train {method} --resume {name}{several}{named(folder)}"
    return words if run.is_dir() else ""


def say_done(
    output: Output, run: str, done: TrainResult, learnt: PretrainResult | None, bundle: Path
) -> None:
    """The candidate's document, and the same in words.

    Args:
        learnt: what came before, without labels.
        bundle: where the candidate is kept.
    """
    for note in done.notes:
        if note:
            output.say(note)
    output.document(
        {
            "run": run,
            "model": done.model,
            "metrics": done.metrics,
            "data": done.data,
            "seconds": round(done.seconds, 1),
            "bundle": str(bundle),
            "notes": done.notes,
            "device": done.device.name,
            "device_reason": done.device.reason,
            **({} if learnt is None else {"image_weights": learnt.weights}),
        }
    )
    output.say(f"trained on {done.device.name}: {done.device.reason}", style="dim")
    output.say(f"candidate model {done.model} after {done.seconds:.0f} s: {bundle}")
    counts = done.data["validation"]
    if counts is not None and done.metrics:
        output.say(
            f"On the patients held back, {count(counts['queries'], 'query', 'queries')} of "
            f"{count(counts['lesions'], 'lesion')} among {count(counts['clips'], 'other clip')}; "
            "the checkpoint was chosen on them:"
        )
    for name, value in sorted(_numbers(done.metrics).items()):
        output.say(f"  {name}: {value:.3f}")
    output.banner()


def step_sink(output: Output) -> Callable[[dict[str, Any]], None]:
    """One JSON object a step on stderr where a program listens; people see the bar."""

    def tell(event: dict[str, Any]) -> None:
        if event.get("stage") in ("start", "pretrain-start"):
            output.say(f"run {event['run']}; cancel with Ctrl+C, go on with --resume {event['run']}")
        if event.get("stage") == "start":
            _say_splits(output, event)
        if event.get("stage") == "note":
            output.warn(event["note"])
        output.event(event)

    return tell


def _say_splits(output: Output, event: dict[str, Any]) -> None:
    for name, words in (("train", "to learn from"), ("val", "held back")):
        counts = ", ".join(count(event[f"{name}_{kind}s"], kind) for kind in ("patient", "lesion", "picture"))
        output.say(f"  {words}: {counts}; patients' hash {event['split_sha256'][name][:12]}")
    output.say("  no patient is on more than one side")


def _numbers(metrics: dict[str, Any], prefix: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, dict):
            found |= _numbers(value, f"{prefix}{name} ")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[prefix + name] = float(value)
    return found
