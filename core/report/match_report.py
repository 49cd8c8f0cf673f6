"""The match as one HTML file: no script, nothing from outside, readable on screen, paper and by ear."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from pathlib import Path

import jinja2

from core.domain import OVERLAY_CAPTION, RESEARCH_BANNER
from core.errors import PolypTraceError
from core.paths import resource
from core.report.page import (
    Answer,
    DemoScore,
    Explanation,
    MatchPage,
    Picture,
    Query,
    RankedRow,
)
from core.text.vocabulary import load as load_vocabulary

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
    notice = " ".join(load_vocabulary().notice.text.split())
    return _template().render(page=page, banner=RESEARCH_BANNER, vocabulary_notice=notice)


def write_match_page(page: MatchPage, path: Path) -> Path:
    """Writes the page; a page that stood there is replaced as a whole or not at all.

    Raises:
        PolypTraceError: ``report-picture``, or ``report-unwritable`` when the file can't be written.
    """
    html = render_match_page(page)
    partial = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(html, encoding="utf-8")
        os.replace(partial, path)  # noqa: PTH105 - one call for all platforms
    except OSError as error:
        raise PolypTraceError(
            "report-unwritable", "The report can't be written there.", "Choose another folder or file name."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            partial.unlink(missing_ok=True)
    return path


def score_text(score: float | None) -> str:
    """A cosine with three decimals and a true minus sign."""
    return "–" if score is None else f"{score:.3f}".replace("-", "−")


def chance_text(row: RankedRow) -> str:
    """The probability with its band; the band alone where no probability may be shown."""
    parts = [] if row.probability is None else [f"{100 * row.probability:.0f} %"]
    return " · ".join([*parts, *([row.band] if row.band else [])]) or "–"


@cache
def _template() -> jinja2.Template:
    folder = resource("templates", "match.html.j2").parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"score": score_text, "chance": chance_text}
    return environment.get_template("match.html.j2")
