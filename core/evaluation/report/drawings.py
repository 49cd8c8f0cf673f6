"""The drawings of the report, from the figures and from what they were made of."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.evaluation.calibration import NoMatch
from core.evaluation.metrics import CmcPoint
from core.evaluation.projection import chosen_frames, chosen_lesions, project
from core.evaluation.report.examples import EACH, Pictures, examples, jpeg, pairs_to_explain, ranked_query
from core.evaluation.report.tables import ways
from core.evaluation.report.words import identity_word, way_words
from core.evaluation.result import Evaluation
from core.progress import CancelToken, Progress, ProgressSink
from core.report.charts import Bar, Curve, Dot, Dots, cmc_chart, map_chart, reliability_chart
from core.report.evaluation_page import Figure
from core.report.panels import AttentionRow, Shown, attention_panel, ranked_panel

Picture = npt.NDArray[np.uint8]
_FEWEST_ON_MAP = 10
_NO_TEXT = "no text on record"


Overlays = tuple[tuple[Picture, str], tuple[Picture, str], float]
"""For query and candidate the crop with its map over it and the map's strength in words; and the cosine."""


class Explainer(Protocol):
    """What the report needs of an explanation (see :class:`core.explain.side_by_side.SideBySide`)."""

    def overlays(self, crops: tuple[Picture, Picture], texts: tuple[str | None, str | None]) -> Overlays:
        """Crops (h, w, 3) uint8 RGB and texts of query and candidate, None for no text."""
        ...


def cmc_figure(result: Evaluation) -> Figure | None:
    """The CMC curves at clip level; None where no query has a true match."""
    own = result.figures.clip
    if not own.cmc:
        return None
    curves = [
        curve_of(way_words(name), figures.clip.cmc, not at)
        for at, (name, figures) in enumerate(ways(result).items())
    ]
    svg = cmc_chart(curves, own.queries, result.counts["gallery_clips"])
    words = "Share of the query clips whose first true match is among the first k of the whole gallery."
    return Figure("cmc", svg, words)


def curve_of(name: str, points: Sequence[CmcPoint], with_band: bool) -> Curve:
    """A CMC curve for the chart."""
    band = [(p.rank, p.low, p.high) for p in points if p.low is not None and p.high is not None]
    return Curve(name, [(p.rank, p.share) for p in points], band if with_band else ())


def reliability_figure(result: Evaluation) -> Figure | None:
    """None for a model that shows no probability."""
    own = result.figures.within_patient
    if not own.reliability or own.ece is None:
        return None
    bars = [Bar(b.low, b.high, b.shown, b.observed, b.count, b.interval) for b in own.reliability]
    svg = reliability_chart(bars, own.ece, own.queries + own.queries_without_match)
    words = (
        "The probability that the model shows for each of a patient's earlier lesions, and how often that "
        "lesion was the one. On the dashed line both agree. Upright bars: 95 % interval over patients."
    )
    return Figure("reliability", svg, words)


def ranked_figure(result: Evaluation, pictures: Pictures, rule: NoMatch | None) -> Figure | None:
    """Ranked examples; None where nothing is asked."""
    shown = examples(result.evidence.clips)
    if not shown:
        return None
    rows = [ranked_query(one, result.evidence.clips, pictures, rule) for one in shown]
    chosen = (
        f"The first {EACH} queries in the manifest's order of each kind there is: right at rank 1, wrong at "
        "rank 1, without a match in the gallery."
    )
    who = identity_word(result.ranking)
    words = (
        f"Whole gallery. {result.ranking.words} Solid green frame with a tick: the query's {who}. Dashed red "
        "frame with a cross: another one."
    )
    return Figure("ranked", ranked_panel(rows, chosen), words)


def map_figure(result: Evaluation) -> Figure | None:
    """t-SNE of the frames' vectors, by the picture alone and by the model; None for fewer than ten frames."""
    evidence = result.evidence
    rows = [*evidence.query, *evidence.gallery]
    who: list[Hashable | None] = [row.identity for row in rows]
    lesions = chosen_lesions(who[: len(evidence.query)], who[len(evidence.query) :])
    places = chosen_frames(who, lesions)
    if len(places) < _FEWEST_ON_MAP or not lesions:
        return None
    number = {lesion: at for at, lesion in enumerate(lesions)}
    panels = []
    for name, words in (("image_only", "picture alone"), ("model", "picture and text")):
        vectors = evidence.vectors.get(name)
        same = name == "image_only" and vectors is evidence.vectors["model"]
        if vectors is None or same:
            continue
        made = project(vectors[places])
        dots = [
            Dot(float(x), float(y), number.get(who[at]), at < len(evidence.query))
            for at, (x, y) in zip(places, made, strict=True)
        ]
        panels.append(
            Dots(words if any(row.text for row in rows) else "picture alone: there are no texts", dots)
        )
    which = f"{len(lesions)} lesions with most frames in both exams"
    note = f"{len(places)} of {len(rows)} frames; in colour: {which}"
    svg = map_chart(panels, [f"lesion {at + 1}" for at in range(len(lesions))], note)
    key = "; ".join(f"lesion {at + 1}: {_name(lesion)}" for lesion, at in number.items())
    words = "Frames that the model holds for alike lie close together; distances between groups mean little."
    return Figure("tsne", svg, f"{words} {key}.")


def _name(lesion: Hashable) -> str:
    return " ".join(dict.fromkeys(str(part) for part in lesion)) if isinstance(lesion, tuple) else str(lesion)


def attention_figure(
    result: Evaluation,
    pictures: Pictures,
    explainer: Explainer,
    progress: ProgressSink,
    cancel: CancelToken,
) -> Figure | None:
    """EigenGradCAM of some pairs, without and with their texts; None where no true match stands in front.

    Raises:
        Cancelled: between two pairs.
    """
    clips = result.evidence.clips
    pairs = pairs_to_explain(examples(clips), clips)
    rows = []
    for number, pair in enumerate(pairs, start=1):
        cancel.raise_if_cancelled()
        rows.append(_attention_row(pictures, explainer, pair))
        progress(Progress("Explaining examples", number, len(pairs)))
    if not rows:
        return None
    svg = attention_panel(rows, "The first ranked examples whose true match is among the first five.")
    words = (
        "Yellow: where the cosine of these two pictures is most sensitive. Without text both sides have the "
        "learned [no-text] token."
    )
    return Figure("attention", svg, words)


def _attention_row(pictures: Pictures, explainer: Explainer, pair: tuple[str, str]) -> AttentionRow:
    crops = (pictures.crop(pair[0]), pictures.crop(pair[1]))
    told = (pictures.row(pair[0]).text or None, pictures.row(pair[1]).text or None)
    without, with_text = explainer.overlays(crops, (None, None)), explainer.overlays(crops, told)
    sides = []
    for side, clip in enumerate(pair):
        plain = Shown(jpeg(crops[side]), (clip,))
        told_map = _mapped(with_text, side) if any(told) else Shown(jpeg(crops[side]), (_NO_TEXT,))
        sides.append((plain, _mapped(without, side), told_map))
    return AttentionRow(*sides)


def _mapped(found: Overlays, side: int) -> Shown:
    picture, words = found[0] if side == 0 else found[1]
    return Shown(jpeg(picture), (f"cosine {found[2]:.3f}", f"map: {words}"))
