"""The table: means over the seeds with intervals over patients and seeds, and what each row adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.evaluation.bootstrap import runs_interval
from core.training.ablation_figures import FIGURES, WAYS, RunFigures
from core.training.ablation_recipe import ROW_WORDS

Runs = Mapping[str, Mapping[int, RunFigures]]
"""Row → seed → figures."""
BASELINE = "none"


def table(runs: Runs) -> dict[str, Any]:
    """All figures, JSON-able.

    Returns:
        ``rows``: row → way → figure → ``{mean, seeds, patients, patients_and_seeds}``, where ``seeds`` are
        the single runs and the other two 95 % intervals; ``against_none`` likewise for the difference to the
        baseline, query by query, on the seeds that both have; ``runs``: steps and seconds of each run.
    """
    return {
        "rows": {
            row: {way: {name: _own(own, way, name) for name in FIGURES} for way in _ways(own)}
            for row, own in runs.items()
            if own
        },
        "against_none": {
            row: {
                way: {name: _gain(own, runs[BASELINE], way, name) for name in FIGURES} for way in _ways(own)
            }
            for row, own in runs.items()
            if row != BASELINE and own.keys() & runs.get(BASELINE, {}).keys()
        },
        "runs": {
            row: {
                str(seed): {
                    "steps": run.steps,
                    "planned": run.planned,
                    "seconds": run.seconds,
                    "model": run.model,
                }
                for seed, run in own.items()
            }
            for row, own in runs.items()
        },
    }


def markdown(found: Mapping[str, Any], runs: Runs, size: int, missing: Sequence[str]) -> str:
    """The table for readers, with what must be known beside it.

    Args:
        found: as :func:`table` makes it.
        size: side of the pictures, pixels.
        missing: runs that aren't finished, in words.
    """
    every = [run for own in runs.values() for run in own.values()]
    lines = [f"# Table 3 on the phantom, {size} px", ""]
    if missing:
        lines += [f"**Not finished:** {', '.join(missing)}.", ""]
    if not every:
        return "\n".join([*lines, "No run is finished yet.", ""])
    first = every[0]
    chance = "–" if first.chance is None else f"{first.chance:.3f}"
    lines += [
        f"{first.queries} query clips of {first.patients} invented patients against {first.gallery} clips of "
        f"earlier exams; chance within the patient: {chance}. Means over the seeds; in brackets 95 % "
        "intervals by bootstrap over patients and seeds.",
        "",
    ]
    for way in _ways_of(runs):
        lines += _way_table(found, runs, way)
    return "\n".join([*lines, *_notes(every), *_encoder_notes(found)])


def _way_table(found: Mapping[str, Any], runs: Runs, way: str) -> list[str]:
    names = list(FIGURES)
    lines = [
        f"## {WAYS[way][0].upper()}{WAYS[way][1:]}",
        "",
        f"| pre-trained | seeds | {' | '.join(FIGURES.values())} | mAP gained over neither |",
        f"|---|---|{'---|' * (len(names) + 1)}",
    ]
    for row, own in found["rows"].items():
        cells = [_cell(own[way][name]) for name in names]
        gain = found["against_none"].get(row, {}).get(way, {}).get("mAP")
        lines.append(
            f"| {ROW_WORDS[row]} | {len(runs[row])} | {' | '.join(cells)} | {_cell(gain, sign=True)} |"
        )
    return [*lines, ""]


def _notes(every: Sequence[RunFigures]) -> list[str]:
    cut = [run for run in every if run.steps < run.planned]
    if not cut:
        return [f"Every run learnt from {every[0].planned} batches.", ""]
    least = min(run.steps for run in cut)
    return [
        f"**{len(cut)} of {len(every)} runs were ended by the time limit**, after {least} of "
        f"{cut[0].planned} batches at the least: they are not quite alike.",
        "",
    ]


def _encoder_notes(found: Mapping[str, Any]) -> list[str]:
    """Whether the image encoders learnt anything before the rows that begin with them."""
    known = [one for one in found.get("image_encoders", {}).values() if one["found"] is not None]
    if not known:
        return []
    shares = ", ".join(f"{one['found']:.3f}" for one in known)
    return [
        f"Before that the image encoders had learnt to find, among held-out views, the other one of the same "
        f"clip: {shares} of them (by guessing {known[0]['chance']:.3f}).",
        "",
    ]


def _cell(figure: Mapping[str, Any] | None, sign: bool = False) -> str:
    if figure is None:
        return "–"
    form = "{:+.3f}" if sign else "{:.3f}"
    both = figure["patients_and_seeds"]
    shown = "" if both is None else f" [{form.format(both[0])}, {form.format(both[1])}]"
    return form.format(figure["mean"]) + shown


def _ways(own: Mapping[int, RunFigures]) -> list[str]:
    return [way for way in WAYS if all(way in run.ways for run in own.values())]


def _ways_of(runs: Runs) -> list[str]:
    return [way for way in WAYS if all(way in _ways(own) for own in runs.values() if own)]


def _own(own: Mapping[int, RunFigures], way: str, name: str) -> dict[str, Any] | None:
    seeds = sorted(own)
    return _figure(_values(own, seeds, way, name), _patients(own, way, name), seeds)


def _gain(
    own: Mapping[int, RunFigures], base: Mapping[int, RunFigures], way: str, name: str
) -> dict[str, Any] | None:
    seeds = sorted(own.keys() & base.keys())
    return _figure(
        _values(own, seeds, way, name) - _values(base, seeds, way, name), _patients(own, way, name), seeds
    )


def _values(own: Mapping[int, RunFigures], seeds: Sequence[int], way: str, name: str) -> np.ndarray:
    """(Q, seeds)."""
    return np.array([own[seed].ways[way][name].values for seed in seeds], dtype=np.float64).T


def _patients(own: Mapping[int, RunFigures], way: str, name: str) -> list[str]:
    return next(iter(own.values())).ways[way][name].patients


def _figure(values: np.ndarray, patients: Sequence[str], seeds: Sequence[int]) -> dict[str, Any] | None:
    if not len(values):
        return None
    return {
        "mean": float(values.mean()),
        "seeds": {str(seed): float(mean) for seed, mean in zip(seeds, values.mean(axis=0), strict=True)},
        "patients": runs_interval(values, patients, over_runs=False),
        "patients_and_seeds": runs_interval(values, patients),
    }
