"""Charts with named axes and counts: CMC and precision–recall curves, reliability diagram, map of vectors."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.counting import count
from core.report.svg import BLUE, COLOURS, DASHES, GRID, INK, PAPER, QUIET, Svg

_LEFT, _TOP, _BOTTOM = 66, 46, 56
_TICK = 12.5


class Curve(msgspec.Struct, frozen=True):
    """One line of a chart: (rank, share) steps of the CMC, for the model with (rank, low, high) of its
    interval, or (recall, precision) points."""

    name: str
    steps: Sequence[tuple[float, float]]
    band: Sequence[tuple[int, float, float]] = ()


class Bar(msgspec.Struct, frozen=True):
    """One bin of the reliability diagram, all in 0…1 but ``count``; ``interval`` is that of ``observed``."""

    low: float
    high: float
    shown: float
    observed: float
    count: int
    interval: tuple[float, float] | None


class Dot(msgspec.Struct, frozen=True):
    """A vector on the map: place in 0…1, which lesion of the legend (None: another one), asking or not."""

    x: float
    y: float
    lesion: int | None
    query: bool


class Dots(msgspec.Struct, frozen=True):
    """One map of the chart."""

    title: str
    dots: Sequence[Dot]


def cmc_chart(curves: Sequence[Curve], queries: int, gallery: int) -> str:
    """The CMC curves of a model and what stands beside it, the first curve with its interval.

    Args:
        curves: the model first.
        queries: how many query clips have a true match.
        gallery: how many clips there are to rank.
    """
    furthest = max((int(steps[-1][0]) for steps in (curve.steps for curve in curves) if steps), default=1)
    last = max(10, min(furthest, 50))
    width, height, right = 800.0, 430.0, 250.0
    asked, ranked = count(queries, "query clip"), count(gallery, "gallery clip")
    drawn = Svg(width, height, f"CMC curve of {asked} against {ranked}")
    plot = _Plot(drawn, _LEFT, _TOP, width - _LEFT - right, height - _TOP - _BOTTOM, (1, last))
    ticks = [1, *(k for k in (5, 10, 20, 30, 40, 50) if k <= last)]
    plot.frame("Rank k", "Share of queries found within rank k", [(k, str(k)) for k in ticks])
    drawn.text(_LEFT, 26, f"CMC: {asked}, {ranked}", size=15, bold=True)
    for number, curve in reversed(list(enumerate(curves))):
        colour = COLOURS[number % len(COLOURS)]
        if curve.band:
            low = plot.steps([(rank, share) for rank, share, _ in curve.band])
            high = plot.steps([(rank, share) for rank, _, share in curve.band])
            drawn.polygon([*low, *reversed(high)], fill=colour, opacity=0.16)
        drawn.polyline(
            plot.steps(curve.steps), colour, 3.0 if number == 0 else 1.8, DASHES[number % len(DASHES)]
        )
    _legend(drawn, curves, width - right + 18)
    return drawn.render()


def _legend(drawn: Svg, curves: Sequence[Curve], x: float) -> None:
    for number, curve in enumerate(curves):
        y, colour = _TOP + 10 + 24 * number, COLOURS[number % len(COLOURS)]
        dash = DASHES[number % len(DASHES)]
        drawn.polyline([(x, y), (x + 34, y)], colour, 3.0 if number == 0 else 1.8, dash)
        drawn.text(x + 42, y + 4.5, curve.name, size=12.5, bold=number == 0)
    if curves and curves[0].band:
        y = _TOP + 10 + 24 * len(curves)
        drawn.rect(x, y - 7, 34, 14, fill=COLOURS[0], opacity=0.16)
        drawn.text(x + 42, y + 4.5, "95 % interval of the first", size=12.5)


def precision_recall_chart(title: str, curves: Sequence[Curve], queries: int) -> str:
    """Mean precision at each recall, one line a direction or method.

    Args:
        title: what asks.
        curves: (recall, precision), both in 0…1.
        queries: how many asked.
    """
    width, height, right = 800.0, 430.0, 250.0
    asked = count(queries, "query", "queries")
    drawn = Svg(width, height, f"Precision and recall of {asked}: {title}")
    plot = _Plot(drawn, _LEFT, _TOP, width - _LEFT - right, height - _TOP - _BOTTOM, (0, 1))
    plot.frame("Recall", "Precision", [(k / 5, f"{k / 5:.1f}") for k in range(6)])
    drawn.text(_LEFT, 26, f"{title}: {asked}", size=15, bold=True)
    for number, curve in enumerate(curves):
        points = [plot.at(recall, precision) for recall, precision in curve.steps]
        thick = 3.0 if number == 0 else 1.8
        drawn.polyline(points, COLOURS[number % len(COLOURS)], thick, DASHES[number % len(DASHES)])
    _legend(drawn, curves, width - right + 18)
    return drawn.render()


def reliability_chart(bars: Sequence[Bar], ece: float, queries: int) -> str:
    """Shown probability against observed share, with how many probabilities stand behind each point.

    Args:
        bars: bins that hold anything.
        ece: the expected calibration error.
        queries: how many query clips showed them.
    """
    width, height, below = 560.0, 560.0, 110.0
    pairs, asked = sum(bar.count for bar in bars), count(queries, "query clip")
    drawn = Svg(width, height, f"Reliability diagram: expected calibration error {ece:.3f}")
    plot = _Plot(drawn, _LEFT, _TOP, width - _LEFT - 24, height - _TOP - below - _BOTTOM, (0, 1))
    tenths = [(k / 5, f"{k / 5:.1f}") for k in range(6)]
    plot.frame("", "Observed share of “this lesion”", tenths)
    drawn.line(*plot.at(0, 0), *plot.at(1, 1), colour=QUIET, dash="4 4")
    heading = f"Calibration error {ece:.3f}: {count(pairs, 'probability', 'probabilities')} of {asked}"
    drawn.text(_LEFT, 26, heading, size=15, bold=True)
    for bar in bars:
        if bar.interval is not None:
            drawn.line(
                *plot.at(bar.shown, bar.interval[0]), *plot.at(bar.shown, bar.interval[1]), colour=BLUE
            )
        drawn.circle(*plot.at(bar.shown, bar.observed), 5.0, fill=BLUE)
    most = max(bar.count for bar in bars)
    base = height - _BOTTOM + 4
    for bar in bars:
        x, high = plot.at(bar.low, 0)[0], (below - 44) * bar.count / most
        drawn.rect(x + 2, base - high, plot.width * (bar.high - bar.low) - 4, high, fill=GRID, stroke=QUIET)
        drawn.text(x + plot.width * (bar.high - bar.low) / 2, base - high - 4, str(bar.count), 11, "middle")
    drawn.line(_LEFT, base, width - 24, base, colour=INK)
    for place, word in tenths:
        drawn.text(plot.at(place, 0)[0], base + 17, word, _TICK, "middle", QUIET)
    drawn.text(
        _LEFT + plot.width / 2,
        base + 40,
        "Shown probability (points: mean of the bin; bars: how many)",
        13,
        "middle",
    )
    return drawn.render()


def map_chart(maps: Sequence[Dots], lesions: Sequence[str], note: str) -> str:
    """Vectors in the plane, one panel a way to make them; lesions by colour, queries by shape.

    Args:
        maps: panels side by side.
        lesions: names of the coloured ones.
        note: how many frames of how many lesions, and what made the map.
    """
    side, gap, top = 370.0, 22.0, 66.0
    # Never narrower than the legend of the lesions.
    width = max(gap + len(maps) * (side + gap), 2 * gap + 84 * len(lesions), 560.0)
    height = top + side + 92
    drawn = Svg(width, height, f"Map of the vectors: {note}")
    drawn.text(gap, 24, "t-SNE of the frames' vectors", size=15, bold=True)
    drawn.text(gap, 43, note, size=12.5, colour=QUIET)
    for number, panel in enumerate(maps):
        left = gap + number * (side + gap)
        drawn.rect(left, top, side, side, stroke=GRID)
        drawn.text(left, top + side + 18, f"({'abcdef'[number]}) {panel.title}", size=13, bold=True)
        for dot in sorted(panel.dots, key=lambda dot: dot.lesion is not None):
            _mark(drawn, left + 12 + dot.x * (side - 24), top + 12 + (1 - dot.y) * (side - 24), dot)
    _key(drawn, lesions, gap, top + side + 44)
    return drawn.render()


def _key(drawn: Svg, lesions: Sequence[str], x: float, y: float) -> None:
    for number, name in enumerate(lesions):
        _mark(drawn, x + 6 + 84 * number, y, Dot(0, 0, number, False))
        drawn.text(x + 16 + 84 * number, y + 4, name, size=11.5)
    words = "disc: earlier exam · triangle: query · grey: frames of other lesions"
    drawn.text(x, y + 26, words, size=12, colour=QUIET)


def _mark(drawn: Svg, x: float, y: float, dot: Dot) -> None:
    colour = GRID if dot.lesion is None else COLOURS[dot.lesion % len(COLOURS)]
    size = 3.0 if dot.lesion is None else 5.0
    if dot.query:
        up = [(x, y - 1.2 * size), (x + 1.1 * size, y + 0.8 * size), (x - 1.1 * size, y + 0.8 * size)]
        drawn.polygon(up, fill=colour, stroke=PAPER)
    else:
        drawn.circle(x, y, size, fill=colour, stroke=PAPER)


class _Plot:
    """A rectangle with x over ``span`` and y over 0…1."""

    def __init__(
        self, drawn: Svg, left: float, top: float, width: float, height: float, span: tuple[float, float]
    ) -> None:
        self.drawn, self.left, self.top, self.width, self.height = drawn, left, top, width, height
        self.first, self.last = span

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Values → pixels."""
        share = (x - self.first) / (self.last - self.first)
        return self.left + share * self.width, self.top + (1 - y) * self.height

    def steps(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        """A stair that holds each share until the next rank, cut at the right edge."""
        made: list[tuple[float, float]] = []
        for rank, share in points:
            x, y = self.at(min(rank, self.last), share)
            made += [(x, made[-1][1])] if made else []
            if rank <= self.last:
                made.append((x, y))
        right = self.left + self.width
        return [*made, (right, made[-1][1])] if made else []

    def frame(self, x_name: str, y_name: str, ticks: Sequence[tuple[float, str]]) -> None:
        """Axes with their names, ticks and a light grid."""
        for share in (0, 0.2, 0.4, 0.6, 0.8, 1.0):
            y = self.at(self.first, share)[1]
            self.drawn.line(self.left, y, self.left + self.width, y, colour=GRID)
            self.drawn.text(self.left - 8, y + 4, f"{share:.1f}", _TICK, "end", QUIET)
        base = self.top + self.height
        for place, word in ticks:
            x = self.at(place, 0)[0]
            self.drawn.line(x, base, x, base + 5)
            self.drawn.text(x, base + 19, word, _TICK, "middle", QUIET)
        self.drawn.line(self.left, base, self.left + self.width, base)
        self.drawn.line(self.left, self.top, self.left, base)
        middle = self.top + self.height / 2
        self.drawn.text(self.left + self.width / 2, base + 42, x_name, 13, "middle")
        self.drawn.text(18, middle, y_name, 13, "middle", turn=-90)
