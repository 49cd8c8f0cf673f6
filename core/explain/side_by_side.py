"""Explanations for a report: a pair's maps over its crops, with any text or none."""

from __future__ import annotations

from core.explain.explanation import ImageExplanation
from core.explain.overlay import blend
from core.explain.pair import ExplainModel, Shown, explain_pair
from core.inference.preprocess import Picture


class SideBySide:
    """Explains pairs with one model (see :func:`core.explain.pair.open_model`)."""

    def __init__(self, model: ExplainModel) -> None:
        self._model = model

    def overlays(
        self, crops: tuple[Picture, Picture], texts: tuple[str | None, str | None]
    ) -> tuple[tuple[Picture, str], tuple[Picture, str], float]:
        """The maps of query and candidate over their crops.

        A map without a clear region isn't drawn: scaled to 0…1, rounding would look like a finding.

        Args:
            crops: two (h, w, 3) uint8 RGB, query first.
            texts: their model texts; None for no text.

        Returns:
            For each side the picture (h, w, 3) uint8 RGB and the map's strength in words; and the cosine.
        """
        query, candidate = (Shown(crop, text) for crop, text in zip(crops, texts, strict=True))
        found = explain_pair(self._model, query, candidate)
        return (
            _over(crops[0], found.query),
            _over(crops[1], found.candidate),
            found.similarity,
        )


def _over(crop: Picture, found: ImageExplanation) -> tuple[Picture, str]:
    return (blend(crop, found.map) if found.clear else crop), found.words
