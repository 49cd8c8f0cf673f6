"""The report of ready features: the catalogue's figures, or those across modalities."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from core.counting import count
from core.evaluation.cross_modal import RECALLS
from core.evaluation.metrics import RetrievalFigures
from core.evaluation.peers import cca_words
from core.evaluation.report.drawings import curve_of
from core.evaluation.report.tables import CATALOGUE_COLUMNS, catalogue_cells
from core.report.charts import Curve, cmc_chart, precision_recall_chart
from core.report.evaluation_page import EvaluationPage, Figure, Section, Table, with_interval


def features_page(document: Mapping[str, Any], name: str) -> EvaluationPage:
    """The page of a feature file.

    Args:
        document: of :func:`core.evaluation.features.evaluate_features`.
        name: of the file.
    """
    section = _across(document) if "map_all" in document else _catalogue(document)
    return EvaluationPage(
        title=name,
        facts=(("Features", name),),
        warnings=tuple(document.get("warnings", ())),
        sections=(section,),
        made=dt.datetime.now(),
    )


def _across(document: Mapping[str, Any]) -> Section:
    peer = (document.get("baselines") or {}).get("cca")
    columns = ("", "queries", "MAP@all", "MAP@50", *(("CCA: MAP@all",) if peer else ()))
    rows = tuple(
        (
            way,
            str(document["queries"][way]),
            with_interval(document["map_all"][way]),
            with_interval(document["map_50"][way]),
            *((with_interval(peer["map_all"][way]),) if peer else ()),
        )
        for way in document["map_all"]
    )
    caption = "Mean average precision; a query without a hit scores 0."
    notes = ((f"{cca_words(peer)}.",) if peer else ()) + tuple(
        f"Published: {method}: {', '.join(f'{way} {value:.3f}' for way, value in own.items())}."
        for method, own in (document.get("published") or {}).items()
    )
    return Section(
        heading="Across modalities",
        tables=(Table(caption, columns, rows),),
        figures=_recall_figures(document, peer),
        notes=notes,
    )


def _recall_figures(document: Mapping[str, Any], peer: Mapping[str, Any] | None) -> tuple[Figure, ...]:
    """One chart for each modality that asks."""
    asking = dict.fromkeys(way.partition("->")[0] for way in document["precision_recall"])
    figures = []
    for name in asking:
        ways = [way for way in document["precision_recall"] if way.startswith(f"{name}->")]
        curves = [_recall_curve(way, document) for way in ways]
        curves += [_recall_curve(way, peer, "CCA, ") for way in ways] if peer else []
        svg = precision_recall_chart(f"{name} asks", curves, document["queries"][ways[0]])
        words = "Mean precision over the queries, interpolated: the best at that recall or beyond."
        figures.append(Figure(f"precision-recall-{name}", svg, words))
    return tuple(figures)


def _recall_curve(way: str, figures: Mapping[str, Any], before: str = "") -> Curve:
    points = zip(RECALLS, figures["precision_recall"][way], strict=False)
    return Curve(f"{before}{way}", list(points))


def _catalogue(document: Mapping[str, Any]) -> Section:
    own = msgspec.convert({**document, "intervals": document.get("intervals") or {}}, RetrievalFigures)
    asked = count(own.queries, "query", "queries")
    caption = f"{asked} with a true match, {own.queries_without_match} without one."
    table = Table(caption, ("", *CATALOGUE_COLUMNS), (("features", *catalogue_cells(own)),))
    notes = tuple(document[key] for key in ("reason", "intervals_reason") if document.get(key))
    if not own.cmc:
        return Section(heading="Whole gallery", tables=(table,), notes=notes)
    curves = [curve_of("features", own.cmc, with_band=True)]
    svg = cmc_chart(curves, own.queries, int(document["gallery_items"]))
    figure = Figure("cmc", svg, "Share of the queries whose first true match is among the first k.")
    return Section(heading="Whole gallery", tables=(table,), figures=(figure,), notes=notes)
