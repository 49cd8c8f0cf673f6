"""The tables of the report: each figure with its interval, the model first, then what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.counting import count
from core.evaluation.metrics import RetrievalFigures
from core.evaluation.protocols import WithinPatient
from core.evaluation.report.words import REASONS, STRATA, way_words
from core.evaluation.result import Evaluation, Figures
from core.evaluation.strata import KINDS, Stratum
from core.report.evaluation_page import Table, with_interval

_CATALOGUE = ("mAP", "mAP_trapezoid", "rank1", "rank5", "rank10")


def ways(result: Evaluation) -> dict[str, Figures]:
    """The model, then every baseline that could be computed."""
    return {"model": result.figures} | {name: own for name, own in result.baselines.items() if own}


def within_table(result: Evaluation) -> Table:
    """Gallery A."""
    rows = []
    for name, figures in ways(result).items():
        own = figures.within_patient
        cells = [with_interval(own.rank1, own.intervals.get("rank1")), with_interval(own.chance)]
        for key in ("no_match_auroc", "fnir_at_fpir5"):
            cells.append(with_interval(getattr(own, key), own.intervals.get(key)))
        rows.append((way_words(name), *cells))
    own = result.figures.within_patient
    caption = (
        f"{count(own.queries, 'query clip')} whose lesion is in an earlier exam of the patient, "
        f"{own.queries_without_match} whose lesion is new. In brackets: 95 % interval over patients."
    )
    columns = ("compared by", "Rank-1", "chance", "known or new: AUROC", "FNIR at FPIR 5 %")
    return Table(caption, columns, tuple(rows))


def rule_table(own: WithinPatient) -> Table | None:
    """The model's own "no good match" and its probability; None for a model without either."""
    names = ("no_match_recognised", "no_match_missed", "ece")
    if all(getattr(own, name) is None for name in names):
        return None
    rows = [(REASONS[name], with_interval(getattr(own, name), own.intervals.get(name))) for name in names]
    return Table("The model's own threshold and probability", ("", "share or error"), tuple(rows))


def catalogue_table(result: Evaluation, level: str) -> Table:
    """Gallery B, of ``clip`` or ``frame``."""
    rows = [
        (way_words(name), *catalogue_cells(getattr(figures, level))) for name, figures in ways(result).items()
    ]
    own: RetrievalFigures = getattr(result.figures, level)
    words = "clips" if level == "clip" else "frames"
    caption = (
        f"{own.queries} query {words} with a true match among "
        f"{result.counts[f'gallery_{level}s']} {words}; {own.queries_without_match} have none and count here "
        "for nothing. In brackets: 95 % interval over patients."
    )
    return Table(caption, ("compared by", *CATALOGUE_COLUMNS), tuple(rows))


CATALOGUE_COLUMNS = ("mAP", "mAP, trapezoid", "Rank-1", "Rank-5", "Rank-10", "median rank")


def catalogue_cells(own: RetrievalFigures) -> list[str]:
    """The figures of :data:`CATALOGUE_COLUMNS`."""
    values = {
        "mAP": own.mean_average_precision,
        "mAP_trapezoid": own.mean_average_precision_trapezoid,
        "rank1": own.rank1,
        "rank5": own.rank5,
        "rank10": own.rank10,
    }
    cells = [with_interval(values[name], own.intervals.get(name)) for name in _CATALOGUE]
    return [*cells, with_interval(own.median_rank, own.intervals.get("median_rank"), digits=1)]


def published_tables(published: Sequence[Mapping[str, Any]]) -> list[Table]:
    """What others reached on the same data, as they published it; no table where there is nothing."""
    names = ("mAP", "rank1", "rank5", "rank10")
    rows = tuple((str(one["method"]), *(with_interval(one.get(name)) for name in names)) for one in published)
    columns = ("method", "mAP", "Rank-1", "Rank-5", "Rank-10")
    return [Table("As others published it", columns, rows)] if rows else []


def alarm_table(result: Evaluation) -> Table:
    """Gallery C."""
    rows = [
        (way_words(name), with_interval(own.other_patients.wrong_patient, own.other_patients.interval))
        for name, own in ways(result).items()
    ]
    asked = result.figures.other_patients.queries
    caption = (
        f"{count(asked, 'query clip')} whose lesion is in an earlier exam. "
        "In brackets: 95 % interval over patients."
    )
    return Table(caption, ("compared by", "somebody else's clip comes first"), tuple(rows))


def strata_tables(result: Evaluation) -> list[Table]:
    """One table a kind of stratum that is known."""
    made = []
    for kind in KINDS:
        groups: dict[str, Stratum] | None = getattr(result.figures.strata, kind)
        if groups:
            rows = tuple((name, *_stratum_cells(own)) for name, own in groups.items())
            made.append(Table(STRATA[kind], ("", *_STRATUM_COLUMNS), rows))
    return made


_STRATUM_COLUMNS = (
    "known lesions", "new lesions", "patients", "mAP", "Rank-1", "Rank-1 within the patient", "chance",
)  # fmt: skip


def _stratum_cells(own: Stratum) -> list[str]:
    return [
        str(own.queries),
        str(own.new),
        str(own.patients),
        with_interval(own.mean_average_precision, own.intervals.get("mAP")),
        with_interval(own.rank1, own.intervals.get("rank1")),
        with_interval(own.within_rank1, own.intervals.get("within_rank1")),
        with_interval(own.chance),
    ]


def missing_notes(result: Evaluation) -> list[str]:
    """What can't be computed, and why, one sentence each reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in result.figures.within_patient.reasons.items():
        by_reason.setdefault(reason, []).append(REASONS.get(name, name))
    for name, reason in result.reasons.items():
        by_reason.setdefault(reason, []).append(way_words(name))
    for name, reason in result.figures.strata.reasons.items():
        by_reason.setdefault(reason, []).append(f"by {STRATA[name][0].lower()}{STRATA[name][1:]}")
    return [f"Not computed: {', '.join(names)}. {reason}" for reason, names in by_reason.items()]
