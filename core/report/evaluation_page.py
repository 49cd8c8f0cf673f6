"""An evaluation as one HTML file: tables, charts and pictures, no script, nothing from outside."""

from __future__ import annotations

import datetime as dt

import msgspec

from core.report.templates import template


class Table(msgspec.Struct, frozen=True):
    """Cells as they are shown; the first column names the row."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Figure(msgspec.Struct, frozen=True):
    """A drawing: ``name`` is that of its file without the ending, ``svg`` one SVG element."""

    name: str
    svg: str
    caption: str


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A heading with what stands below it, in this order."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()


class EvaluationPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page.

    Args:
        facts: pairs of a word and what it is here: model, data, protocol.
        warnings: what has to be said before any figure is read.
        made: when.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    made: dt.datetime

    @property
    def figures(self) -> list[Figure]:
        """All drawings of the page."""
        return [figure for section in self.sections for figure in section.figures]


def render_evaluation_page(page: EvaluationPage) -> str:
    """The page as HTML: every text escaped, every drawing inside."""
    return template("evaluation.html.j2", {}).render(page=page, made=page.made)


def with_interval(value: float | None, interval: tuple[float, float] | None = None, digits: int = 3) -> str:
    """``0.676 (0.52–0.81)``; a dash for what can't be computed."""
    if value is None:
        return "–"
    if interval is None:
        return f"{value:.{digits}f}"
    fewer = digits - 1 if digits > 1 else digits  # one digit stays: half a rank counts
    low, high = (f"{end:.{fewer}f}" for end in interval)
    return f"{value:.{digits}f} ({low}–{high})"
