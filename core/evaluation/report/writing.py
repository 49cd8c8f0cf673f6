"""The report of an evaluation in a folder: ``report.html``, its drawings, ``evaluation.json``."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.counting import count
from core.errors import PolypTraceError
from core.evaluation.bootstrap import DRAWS
from core.evaluation.calibration import NoMatch
from core.evaluation.report import drawings, tables
from core.evaluation.report.examples import Pictures
from core.evaluation.result import QUERY_TEXT, Evaluation
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.report.evaluation_page import EvaluationPage, Figure, Section, Table, render_evaluation_page
from core.report.templates import write_text

JSON, PAGE, DRAWINGS = "evaluation.json", "report.html", "figures"
_STAGE = "Drawing the report"


def check_folder(out: Path) -> None:
    """Refuses a place for a report before the work begins.

    Raises:
        PolypTraceError: ``evaluate-out``.
    """
    there = next((path for path in (out, *out.absolute().parents) if path.exists()), None)
    if there is None or not there.is_dir() or not os.access(there, os.W_OK):
        raise PolypTraceError(
            "evaluate-out",
            f"The report can't be written to “{out.name}”.",
            "Give --out a folder that you may write to; it is made when it isn't there.",
        )


def evaluation_page(
    result: Evaluation,
    facts: Sequence[tuple[str, str]],
    warnings: Sequence[str],
    rule: NoMatch | None = None,
    explainer: drawings.Explainer | None = None,
    published: Sequence[Mapping[str, Any]] = (),
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> EvaluationPage:
    """The page of an evaluation.

    Args:
        result: what was found.
        facts: what else to say at the top, pairs of a word and what it is here.
        warnings: shown before any figure.
        rule: the model's "no good match", for the examples.
        explainer: makes the EigenGradCAM pictures; None leaves them out.
        published: what others reached on the same data: ``method`` and figures by name.
        progress: told after each drawing and each explained pair.
        cancel: looked at between drawings.

    Raises:
        PolypTraceError: a picture can't be read.
        Cancelled: ``cancel`` was set.
    """
    token = cancel or CancelToken()
    pictures = Pictures(result.evidence, result.full_frame)
    steps: tuple[Callable[[], Figure | None], ...] = (
        lambda: drawings.cmc_figure(result),
        lambda: drawings.reliability_figure(result),
        lambda: drawings.ranked_figure(result, pictures, rule),
        lambda: drawings.map_figure(result),
        lambda: (
            None
            if explainer is None
            else drawings.attention_figure(result, pictures, explainer, progress, token)
        ),
    )
    made: list[Figure | None] = []
    for step in steps:
        token.raise_if_cancelled()
        made.append(step())
        progress(Progress(_STAGE, len(made), len(steps)))
    return EvaluationPage(
        title=next((value for word, value in facts if word == "Model"), "a model"),
        facts=(*facts, *_facts(result)),
        warnings=tuple(warnings),
        sections=tuple(_sections(result, tables.published_tables(published), *made)),
        made=dt.datetime.now(),
    )


def write_report(out: Path, page: EvaluationPage, document: str) -> dict[str, Any]:
    """Writes drawings, page and document, the document last; what stood there is replaced file by file.

    Args:
        out: the folder, made when it isn't there.
        page: from :func:`evaluation_page`.
        document: the JSON document as text.

    Returns:
        ``{report, figures: {name: path}}``.

    Raises:
        PolypTraceError: ``report-unwritable``.
    """
    html = render_evaluation_page(page)
    paths = {one.name: str(write_text(out / DRAWINGS / f"{one.name}.svg", one.svg)) for one in page.figures}
    report = write_text(out / PAGE, html)
    write_text(out / JSON, document)
    return {"report": str(report), "figures": paths}


def _facts(result: Evaluation) -> list[tuple[str, str]]:
    counts = result.counts
    text = (
        "the query's text for every gallery clip" if result.protocol == QUERY_TEXT else "each clip's own text"
    )
    if not any(row.text for row in (*result.evidence.query, *result.evidence.gallery)):
        text = "the data have no texts"
    first = f", the first {result.rerank} of each ranking" if result.rerank else ""
    return [
        ("Part", result.part),
        ("Queries", f"{count(counts['query_clips'], 'clip')}, {count(counts['query_frames'], 'frame')}"),
        ("Gallery", f"{count(counts['gallery_clips'], 'clip')}, {count(counts['gallery_frames'], 'frame')}"),
        ("Patients", f"{counts['patients']}, with {counts['identities']} known identities"),
        ("Pictures", "whole frames" if result.full_frame else "crops of the lesion boxes"),
        ("Texts", f"{result.protocol}: {text}{first}"),
        ("Ranking", result.ranking.words),
    ]


def _sections(
    result: Evaluation,
    published: list[Table],
    cmc: Figure | None,
    reliability: Figure | None,
    ranked: Figure | None,
    space: Figure | None,
    attention: Figure | None,
) -> list[Section]:
    within = result.figures.within_patient
    rule = tables.rule_table(within)
    made = [
        Section(
            heading="Within the patient: which of the earlier lesions is this, or none?",
            tables=(tables.within_table(result), *(() if rule is None else (rule,))),
            figures=_there(reliability),
            notes=(
                "Chance is the Rank-1 of guessing. FNIR at FPIR 5 %: share of known lesions that are missed "
                "when at most 5 % of the new ones may pass for known.",
            ),
        ),
        Section(
            heading="Whole catalogue",
            tables=(tables.catalogue_table(result, "clip"), *published),
            figures=_there(cmc),
            notes=(
                "mAP is the mean of the precision at each true match; “trapezoid” is the area under "
                "precision and recall as the Market-1501 toolkit has it, never above the other.",
            ),
        ),
        Section(
            heading="Other patients: how often does somebody else's clip come first?",
            tables=(tables.alarm_table(result),),
        ),
        Section(heading="By kind of lesion and exam", tables=tuple(tables.strata_tables(result))),
        Section(heading="Examples", figures=(*_there(ranked), *_there(space), *_there(attention))),
        Section(heading="Frame by frame", tables=(tables.catalogue_table(result, "frame"),)),
        Section(heading="How it was measured", paragraphs=(_METHOD, *tables.missing_notes(result))),
    ]
    filled = [one for one in made if one.tables or one.figures or one.paragraphs]
    return filled if result.ranking.patients else [one for one in filled if one not in (made[0], made[2])]


_METHOD = (
    "Unit is the clip: the mean of its frames' vectors, L2-normalised; scores are cosines, ties stand in the "
    f"order of the manifest. Intervals: {DRAWS} bootstrap draws of patients with all their queries, the "
    "gallery left whole. With few patients they are rough."
)


def _there(figure: Figure | None) -> tuple[Figure, ...]:
    return () if figure is None else (figure,)
