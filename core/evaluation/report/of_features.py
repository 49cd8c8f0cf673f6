"""The report of ready features: the catalogue's figures, or those across modalities."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from core.evaluation.metrics import RetrievalFigures
from core.evaluation.report.drawings import curve_of
from core.evaluation.report.tables import CATALOGUE_COLUMNS, catalogue_cells
from core.report.charts import cmc_chart
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
    rows = tuple(
        (way, with_interval(document["map_all"][way]), with_interval(document["map_50"][way]))
        for way in document["map_all"]
    )
    caption = "Mean average precision; a query without a hit scores 0."
    return Section(heading="Across modalities", tables=(Table(caption, ("", "MAP@all", "MAP@50"), rows),))


def _catalogue(document: Mapping[str, Any]) -> Section:
    own = msgspec.convert({**document, "intervals": document.get("intervals") or {}}, RetrievalFigures)
    caption = f"{own.queries} queries with a true match, {own.queries_without_match} without one."
    table = Table(caption, ("", *CATALOGUE_COLUMNS), (("features", *catalogue_cells(own)),))
    notes = tuple(document[key] for key in ("reason", "intervals_reason") if document.get(key))
    if not own.cmc:
        return Section(heading="Whole gallery", tables=(table,), notes=notes)
    curves = [curve_of("features", own.cmc, with_band=True)]
    svg = cmc_chart(curves, own.queries, int(document["gallery_items"]))
    figure = Figure("cmc", svg, "Share of the queries whose first true match is among the first k.")
    return Section(heading="Whole gallery", tables=(table,), figures=(figure,), notes=notes)
