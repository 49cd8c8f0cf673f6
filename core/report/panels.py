"""Pictures side by side: ranked examples with right and wrong marked, and maps of the score's sensitivity."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.counting import count
from core.domain import OVERLAY_CAPTION
from core.report.svg import GREEN, GRID, INK, QUIET, RED, Svg, wrapped

JPEG = "image/jpeg"


class Shown(msgspec.Struct, frozen=True):
    """A square picture as JPEG, and what stands below it."""

    picture: bytes
    lines: Sequence[str] = ()


class Candidate(msgspec.Struct, frozen=True):
    """One of a ranking's first: ``right`` is whether it shows the query's lesion."""

    shown: Shown
    right: bool


class RankedQuery(msgspec.Struct, frozen=True):
    """A query with the first of its ranking; ``verdict`` says in words how it went."""

    query: Shown
    text: str
    verdict: str
    candidates: Sequence[Candidate]


class AttentionRow(msgspec.Struct, frozen=True):
    """One pair: for the query, then for the candidate, crop, map without text and map with it."""

    query: tuple[Shown, Shown, Shown]
    candidate: tuple[Shown, Shown, Shown]


_EDGE, _SIDE, _GAP = 20.0, 132.0, 14.0
_TEXT_WIDTH = 232.0
_LINE = 11.0
_MARGIN = "#eef1f4"
"""Fills the square where a crop is long or tall."""


def ranked_panel(rows: Sequence[RankedQuery], chosen: str) -> str:
    """Queries down, the first candidates of each across: right ones in a solid green frame with a tick,
    wrong ones in a dashed red one with a cross.

    Args:
        rows: the examples.
        chosen: how they were chosen.
    """
    most = max(len(row.candidates) for row in rows)
    first = _EDGE + _SIDE + _GAP + _TEXT_WIDTH
    width, high, top = first + most * (_SIDE + _GAP) + _EDGE, _SIDE + 62, 84.0
    drawn = Svg(
        width,
        top + len(rows) * high,
        f"Ranked examples: {count(len(rows), 'query', 'queries')}, first {most} candidates",
    )
    drawn.text(_EDGE, 26, "Ranked examples", size=15, bold=True)
    drawn.text(_EDGE, 45, chosen, size=12.5, colour=QUIET)
    drawn.text(_EDGE, top - 12, "Query", size=12.5, bold=True)
    drawn.text(_EDGE + _SIDE + _GAP, top - 12, "Its text", size=12.5, bold=True)
    for number in range(most):
        drawn.text(first + number * (_SIDE + _GAP), top - 12, f"Rank {number + 1}", size=12.5, bold=True)
    for number, row in enumerate(rows):
        _ranked_row(drawn, row, top + number * high, first)
    return drawn.render()


def _ranked_row(drawn: Svg, row: RankedQuery, y: float, first: float) -> None:
    _shown(drawn, row.query, _EDGE, y)
    drawn.rect(_EDGE, y, _SIDE, _SIDE, stroke=INK)
    left = _EDGE + _SIDE + _GAP
    drawn.paragraph(left, y + 12, row.text or "no text", _TEXT_WIDTH - _GAP, 6, colour=INK)
    drawn.paragraph(left, y + 112, row.verdict, _TEXT_WIDTH - _GAP, 5)
    for number, candidate in enumerate(row.candidates):
        x = first + number * (_SIDE + _GAP)
        _shown(drawn, candidate.shown, x, y)
        colour, dash = (GREEN, "") if candidate.right else (RED, "9 5")
        drawn.rect(x - 1, y - 1, _SIDE + 2, _SIDE + 2, stroke=colour, stroke_width=4, dash=dash)
        drawn.rect(x + _SIDE - 25, y + 3, 22, 22, fill=colour)
        _sign(drawn, x + _SIDE - 14, y + 14, candidate.right)


def _sign(drawn: Svg, x: float, y: float, right: bool) -> None:
    """A white tick or cross around x, y."""
    if right:
        drawn.polyline([(x - 6, y), (x - 2, y + 5), (x + 6, y - 5)], "#ffffff", 3)
    else:
        drawn.line(x - 5, y - 5, x + 5, y + 5, colour="#ffffff", width=3)
        drawn.line(x - 5, y + 5, x + 5, y - 5, colour="#ffffff", width=3)


def _shown(drawn: Svg, shown: Shown, x: float, y: float) -> None:
    drawn.rect(x, y, _SIDE, _SIDE, fill=_MARGIN)
    drawn.picture(x, y, _SIDE, _SIDE, shown.picture, JPEG)
    below = y + _SIDE + 15
    for number, line in enumerate(shown.lines):
        colour = INK if number == 0 else QUIET
        for words in wrapped(line, _SIDE, _LINE, 2):  # what is longer would run into the next one's
            drawn.text(x, below, words, size=_LINE, colour=colour)
            below += 14


def attention_panel(rows: Sequence[AttentionRow], chosen: str) -> str:
    """Where the score is sensitive, without the texts and with them, on both pictures of a pair.

    Args:
        rows: the pairs.
        chosen: how they were chosen.
    """
    columns = ("crop", "without text", "with text")
    half = 3 * (_SIDE + _GAP) + 16
    width, high, top = _EDGE + 2 * half + _EDGE, _SIDE + 58, 108.0
    drawn = Svg(width, top + len(rows) * high + 10, "EigenGradCAM with and without text")
    drawn.text(_EDGE, 26, "EigenGradCAM without and with text", size=15, bold=True)
    drawn.text(_EDGE, 45, f"{OVERLAY_CAPTION}. {chosen}", size=12.5, colour=QUIET)
    for side, name in enumerate(("Query", "Candidate of the same lesion")):
        left = _EDGE + side * half
        drawn.text(left, top - 32, name, size=13, bold=True)
        for number, column in enumerate(columns):
            drawn.text(left + number * (_SIDE + _GAP), top - 12, column, size=12.5, colour=QUIET)
    for number, row in enumerate(rows):
        for side, pictures in enumerate((row.query, row.candidate)):
            for at, shown in enumerate(pictures):
                _shown(drawn, shown, _EDGE + side * half + at * (_SIDE + _GAP), top + number * high)
    drawn.line(_EDGE + half - 15, top - 40, _EDGE + half - 15, top + len(rows) * high - 20, colour=GRID)
    return drawn.render()
