"""``polyptrace train dmcl --from-catalogue``: what the catalogue's confirmed links teach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.cli.interrupt import cancel_by_interrupt
from core.cli.options import existing, named
from core.cli.output import Output
from core.cli.train_words import go_on_hint
from core.errors import Cancelled
from core.paths import DataDir
from core.progress import Progress
from core.retraining.figures import FIGURES

Wish = tuple[str, Path | None, tuple[str, ...]]


def train_from_catalogue(
    output: Output,
    folder: DataDir,
    wish: Wish,
    resume: Path | None,
    *,
    device: str,
    author: str,
    dry_run: bool,
) -> None:
    """Says what would train; unless that is all that was asked for, trains or goes on with a run.

    Args:
        wish: of a new run: preset, file with settings, and settings by name.
        resume: the run to go on with.
    """
    from core.training.pre_flight import pre_flight

    with existing(folder) as catalog:
        if resume is None:
            plan = pre_flight(catalog, wish, device=device)
            for words in plan.words:
                output.say(words)
            if dry_run:
                output.document(plan.as_dict())
                if plan.refused is not None:
                    output.say(f"{plan.refused['message']} {plan.refused['hint']}", style="yellow")
                return
        else:
            output.say("Going on with it: it learns from what was confirmed when it began.")
        from core.training.retrain import retrain  # here: torch takes seconds to load

        started: list[Path] = []

        def begun(run: Path) -> None:
            started.append(run)
            output.say(f"run {run.name}; cancel with Ctrl+C, go on with --resume {run.name}")

        with output.progress() as progress, cancel_by_interrupt() as cancel:
            latest: list[Progress] = []

            def show(step: Progress) -> None:
                latest[:] = [step]
                progress(step)

            def tell(event: dict[str, Any]) -> None:
                output.event({"left_s": latest[0].left_s if latest else None, **event})

            try:
                document = retrain(
                    catalog,
                    resume or wish,
                    device=device,
                    author=author,
                    progress=show,
                    on_step=tell,
                    cancel=cancel,
                    begun=begun,
                )
            except Cancelled as cancelled:
                raise Cancelled(go_on_hint(started[0], folder) if started else "") from cancelled
    output.document(document)
    _show(output, folder, document)


def _show(output: Output, folder: DataDir, document: dict[str, Any]) -> None:
    compared = document["comparison"]
    for words in (*document["left_out"], *document["notes"]):
        output.say(words)
    on = f" on {compared['patients']} {compared['on']}" if compared["on"] else ""
    rows = [
        (words, _cell(compared, "candidate", key), _cell(compared, "active", key))
        for key, words in FIGURES.items()
    ]
    output.table(f"Candidate and model in use{on}", ("figure", "candidate", document["start"]), rows)
    for words in compared["words"]:
        output.say(words)
    for reason in sorted(set(compared["reasons"].values())):
        output.say(f"–: {reason}", style="dim")
    output.say(f"trained on {document['device']}: {document['device_reason']}", style="dim")
    model = document["model"]
    output.say(f"candidate {model} after {document['seconds']:.0f} s: {document['bundle']}")
    output.say(f"The model in use stays {document['start']}. To put the candidate to use:")
    output.say(f"  polyptrace models promote {model} --confirm {model}{named(folder)}")
    output.banner()


def _cell(compared: dict[str, Any], side: str, key: str) -> str:
    value = compared[side][key]
    if value is None:
        return "–"
    interval = compared["intervals"].get(side, {}).get(key)
    return f"{value:.3f}" + (f"  {interval[0]:.2f}…{interval[1]:.2f}" if interval else "")
