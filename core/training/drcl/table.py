"""Method, ablation and classic peer on a benchmark, by one command that goes on where it was stopped.

``python -m core.training.drcl.table LAYOUT ROOT [--work-dir DIR] [--seeds N] [--variant-seeds N] …``

The full method with several seeds, every variant of the ablation (table V of the paper), canonical
correlation, and for each modality what is reached where all others are told their categories. Each run lies
in the work folder and is kept; after each one ``table.json`` and ``table.md`` are written.
With ``--rates`` it only tries learning rates, each modality by itself, and says which is best.
One JSON object a line on stderr says how far it is; the table comes as one JSON document on stdout.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from core.data.cross_modal.benchmarks import BENCHMARKS, read_benchmark
from core.data.cross_modal.samples import TEST, CrossModal
from core.evaluation.peers import canonical_correlation, cca_words
from core.evaluation.told import with_categories_told
from core.inference.bundle import replace_file
from core.progress import CancelToken
from core.training.command import claim, run_command
from core.training.drcl.begun import data_sha256
from core.training.drcl.config import VARIANTS, DrclSettings
from core.training.drcl.presets import preset
from core.training.drcl.rates import RATES, try_rates
from core.training.drcl.run import train_drcl
from core.training.overrides import with_assignments
from core.training.run_folder import environment
from core.training.trainer import StepSink, no_steps

WORK = Path("build/cross-modal")
FULL = "full"
SEEDS, VARIANT_SEEDS = 3, 1
_NO_CHANCE = "deterministic"
"""CCA and the forest draw nothing by lot: one run stands for any number of seeds."""


class TableRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides the figures; seeds may be added later."""

    settings: DrclSettings
    data_sha256: str


def make_table(
    work: Path,
    data: CrossModal,
    settings: DrclSettings,
    seeds: int = SEEDS,
    variant_seeds: int = VARIANT_SEEDS,
    *,
    device: str = "auto",
    on_event: StepSink = no_steps,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Does the runs that are missing and returns the table.

    Raises:
        PolypTraceError: ``table-other-recipe``, or what a run refuses.
        Cancelled: stages that are finished stay.
    """
    claim(work, TableRecipe(settings=settings, data_sha256=data_sha256(data)), "table-other-recipe")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    others = {
        "cca": msgspec.to_builtins(canonical_correlation(data, TEST)),
        "told": {name: with_categories_told(data, TEST, name) for name in data.modalities},
    }
    document: dict[str, Any] = {}
    for name, changes in VARIANTS.items():
        for seed in range(seeds if name == FULL else variant_seeds):
            one = msgspec.structs.replace(settings, seed=seed, **changes)
            folder = work / _folder_name(name) / f"seed-{seed}"
            done = train_drcl(data, folder, one, device, _named(on_event, name, seed), cancel=cancel)
            found[name].append({**_figures(done.metrics), "seed": seed, "seconds": done.seconds})
            document = _document(data, settings, found, others)
            _write(work, document)
    return document


def _named(on_event: StepSink, name: str, seed: int) -> StepSink:
    return lambda event: on_event({**event, "run": f"{name}, seed {seed}"})


def _folder_name(variant: str) -> str:
    return variant.replace(" = ", "-").replace(" ", "-")


def _figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("map_all", "map_50", "average")
    own = {key: metrics[key] for key in kept}
    return {**own, "validation": metrics["validation"]["average"], "prior": metrics["prior"]["modality"]}


def _document(
    data: CrossModal,
    settings: DrclSettings,
    found: Mapping[str, Sequence[dict[str, Any]]],
    others: dict[str, Any],
) -> dict[str, Any]:
    return {
        "data": {"name": data.name, "sizes": data.sizes},
        "settings": msgspec.to_builtins(settings),
        "environment": environment(),
        "runs": {name: list(own) for name, own in found.items()},
        **others,
        "published": data.published,
    }


def _write(work: Path, document: dict[str, Any]) -> None:
    replace_file(work / "table.json", msgspec.json.format(msgspec.json.encode(document), indent=2))
    replace_file(work / "table.md", markdown(document).encode())


def markdown(document: Mapping[str, Any]) -> str:
    """The table for readers."""
    ways = list(next(run for own in document["runs"].values() for run in own)["map_all"])
    few = len(ways) <= 2
    shown = ways if few else []
    head = ["", "seeds"]
    head += [f"{figure} {way}" for figure in ("MAP@all", "MAP@50") for way in (*shown, "average")]
    sizes = document["data"]["sizes"][TEST]
    lines = [
        f"# Across modalities: {document['data']['name']}",
        "",
        f"Test part: {', '.join(f'{count} of {name}' for name, count in sizes.items())}. Means over the "
        "seeds, with the standard deviation where there are several.",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
    ]
    for name, runs in document["runs"].items():
        if runs:
            lines.append(_row(name, runs, shown))
    peer = document["cca"]["figures"]
    if peer is None:
        lines += ["", f"CCA: {document['cca']['reason']}"]
    else:
        lines.append(_row(cca_words(peer), [peer], shown, _NO_CHANCE))
    for name, figures in document["told"].items():
        if figures:
            lines.append(
                _row(f"{name} by a forest, all others' categories told", [figures], shown, _NO_CHANCE)
            )
    return "\n".join(lines) + "\n"


def _row(name: str, runs: Sequence[Mapping[str, Any]], ways: Sequence[str], seeds: str = "") -> str:
    """A line of the table; ``seeds`` says something else of them than how many there were."""
    columns = [[run["map_all"][way] for run in runs] for way in ways]
    columns += [[run["average"] for run in runs]]
    columns += [[run["map_50"][way] for run in runs] for way in ways]
    columns += [[statistics.mean(run["map_50"].values()) for run in runs]]
    return f"| {name} | {seeds or len(runs)} | {' | '.join(map(_cell, columns))} |"


def _cell(values: Sequence[float]) -> str:
    mean = f"{statistics.mean(values):.3f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.3f}"


def main(arguments: list[str] | None = None) -> int:
    """Entry point of ``python -m core.training.drcl.table``; 0, or 1 after an error or a cancel."""
    options = _parser().parse_args(arguments)

    def work(on_event: StepSink, cancel: CancelToken) -> dict[str, Any]:
        data = read_benchmark(options.layout, options.root)
        settings = with_assignments(preset(options.layout), options.changes)
        if options.rates:
            return try_rates(data, settings, RATES, options.device, on_event, cancel)
        return make_table(
            options.work_dir or WORK / options.layout,
            data,
            settings,
            options.seeds,
            options.variant_seeds,
            device=options.device,
            on_event=on_event,
            cancel=cancel,
        )

    return run_command(work)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core.training.drcl.table", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("layout", choices=list(BENCHMARKS), help="the benchmark")
    parser.add_argument("root", type=Path, help="the folder of its file")
    parser.add_argument("--work-dir", type=Path, help=f"kept between starts ({WORK}/LAYOUT)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of the full method (%(default)s)")
    parser.add_argument("--variant-seeds", type=int, default=VARIANT_SEEDS, help="of a variant (%(default)s)")
    parser.add_argument("--rates", action="store_true", help="only try learning rates on the validation part")
    parser.add_argument(
        "--set", action="append", default=[], dest="changes", metavar="NAME=VALUE", help="as `train --set`"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
