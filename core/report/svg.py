"""Drawings as SVG: a few shapes with their words, no script, nothing from outside.

One drawing is both a file that prints at any size and a part of an HTML page. Colours are those of Okabe and
Ito (2008), which colour-blind eyes tell apart; whatever a colour says is also said by a shape or a word.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

INK, QUIET, GRID, PAPER = "#16202b", "#51606f", "#d8dee5", "#ffffff"
BLUE, ORANGE, GREEN, RED, SKY, PINK, YELLOW, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#B8A800", "#16202b",
)  # fmt: skip
"""Yellow is darker than theirs, so that a thin line shows on paper."""
COLOURS = (BLUE, ORANGE, GREEN, RED, PINK, SKY, BLACK, YELLOW)
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")

Anchor = Literal["start", "middle", "end"]
_FONT = 'system-ui, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif'
_GLYPH = 0.55
"""Mean width of a letter in parts of the font's size; texts are wrapped by it."""


class Svg:
    """A drawing that grows shape by shape; lengths in pixels, y downwards.

    Args:
        width, height: of the whole.
        title: what it shows, for those who can't see it.
    """

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self._parts: list[str] = []

    def line(self, *ends: float, colour: str = INK, width: float = 1.0, dash: str = "") -> None:
        """A stroke from x1, y1 to x2, y2."""
        x1, y1, x2, y2 = ends
        self._add(
            "line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, stroke_width=width, stroke_dasharray=dash
        )

    def rect(
        self, x: float, y: float, width: float, height: float,
        fill: str = "none", stroke: str = "none", stroke_width: float = 1.0, dash: str = "",
        opacity: float = 1.0,
    ) -> None:  # fmt: skip
        """A rectangle by its upper left corner."""
        self._add(
            "rect", x=x, y=y, width=width, height=height, fill=fill, stroke=stroke,
            stroke_width=stroke_width, stroke_dasharray=dash, fill_opacity=opacity,
        )  # fmt: skip

    def circle(self, x: float, y: float, radius: float, fill: str = INK, stroke: str = "none") -> None:
        """A disc around x, y."""
        self._add("circle", cx=x, cy=y, r=radius, fill=fill, stroke=stroke)

    def polygon(
        self, points: Sequence[tuple[float, float]], fill: str, stroke: str = "none", opacity: float = 1.0
    ) -> None:
        """A closed outline."""
        self._add("polygon", points=_points(points), fill=fill, stroke=stroke, fill_opacity=opacity)

    def polyline(
        self, points: Sequence[tuple[float, float]], colour: str, width: float = 2.0, dash: str = ""
    ) -> None:
        """An open line through points."""
        self._add(
            "polyline", points=_points(points), fill="none", stroke=colour, stroke_width=width,
            stroke_dasharray=dash, stroke_linejoin="round",
        )  # fmt: skip

    def text(
        self, x: float, y: float, words: str,
        size: float = 13, anchor: Anchor = "start", colour: str = INK, bold: bool = False, turn: float = 0,
    ) -> None:  # fmt: skip
        """A line of words whose base line is at y."""
        attributes = _attributes(
            x=x, y=y, font_size=size, text_anchor=anchor, fill=colour,
            font_weight="700" if bold else "", transform=f"rotate({turn:g} {x:g} {y:g})" if turn else "",
        )  # fmt: skip
        self._parts.append(f"<text{attributes}>{escape(words)}</text>")

    def paragraph(
        self, x: float, y: float, words: str, width: float, lines: int, size: float = 12, colour: str = QUIET
    ) -> None:
        """Words wrapped to a width; what doesn't fit into ``lines`` lines is cut with an ellipsis."""
        for number, line in enumerate(wrapped(words, width, size, lines)):
            self.text(x, y + number * size * 1.3, line, size=size, colour=colour)

    def picture(self, x: float, y: float, width: float, height: float, data: bytes, media: str) -> None:
        """An encoded picture (``image/jpeg`` or ``image/png``), fitted into a box."""
        uri = f"data:{media};base64,{base64.b64encode(data).decode('ascii')}"
        self._add("image", x=x, y=y, width=width, height=height, href=uri)

    def render(self) -> str:
        """The drawing as one SVG element."""
        size = f'viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" height="{self.height:g}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
            f"aria-label={quoteattr(self.title)} font-family={quoteattr(_FONT)}>"
            f"<title>{escape(self.title)}</title>"
            f'<rect width="{self.width:g}" height="{self.height:g}" fill="{PAPER}"/>'
            f"{''.join(self._parts)}</svg>\n"
        )

    def _add(self, name: str, **attributes: float | str) -> None:
        self._parts.append(f"<{name}{_attributes(**attributes)}/>")


def wrapped(words: str, width: float, size: float, lines: int) -> list[str]:
    """Words in at most ``lines`` lines of about ``width`` pixels."""
    room = max(4, int(width / (size * _GLYPH)))
    found = [""]
    for word in words.split():
        longer = f"{found[-1]} {word}".strip()
        if found[-1] and len(longer) > room:
            found.append(word)
        else:
            found[-1] = longer
    if len(found) > lines:
        found = [*found[: lines - 1], found[lines - 1][: room - 1] + "…"]
    return found


def _attributes(**values: float | str) -> str:
    shown = ((name.replace("_", "-"), value) for name, value in values.items() if value != "")
    return "".join(f" {name}={quoteattr(_plain(value))}" for name, value in shown)


def _plain(value: float | str) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
