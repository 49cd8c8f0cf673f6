"""The match as one HTML file: no script, nothing from outside, readable on screen, paper and by ear."""

from __future__ import annotations

from pathlib import Path

from core.domain import OVERLAY_CAPTION
from core.report.page import (
    Answer,
    DemoScore,
    Explanation,
    MatchPage,
    Picture,
    Query,
    RankedRow,
)
from core.report.templates import template, write_text

__all__ = [
    "OVERLAY_CAPTION",
    "Answer",
    "DemoScore",
    "Explanation",
    "MatchPage",
    "Picture",
    "Query",
    "RankedRow",
    "render_match_page",
    "write_match_page",
]


def render_match_page(page: MatchPage) -> str:
    """The page as HTML; every text is escaped, every picture is inside as a data URI.

    Raises:
        PolypTraceError: ``report-picture`` when a picture is neither PNG nor JPEG.
    """
    return template("match.html.j2", {"score": score_text, "chance": chance_text}).render(
        page=page, made=page.made
    )


def write_match_page(page: MatchPage, path: Path) -> Path:
    """Writes the page; a page that stood there is replaced as a whole or not at all.

    Raises:
        PolypTraceError: ``report-picture``, or ``report-unwritable`` when the file can't be written.
    """
    return write_text(path, render_match_page(page))


def score_text(score: float | None) -> str:
    """A cosine with three decimals and a true minus sign."""
    return "–" if score is None else f"{score:.3f}".replace("-", "−")


def chance_text(row: RankedRow) -> str:
    """The probability with its band; the band alone where no probability may be shown."""
    parts = [] if row.probability is None else [f"{100 * row.probability:.0f} %"]
    return " · ".join([*parts, *([row.band] if row.band else [])]) or "–"
