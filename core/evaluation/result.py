"""What an evaluation found: the figures of the model and of what stands beside it, and what they are from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from core.data.manifest import Row
from core.data.rules import LESIONS, RankingRule
from core.evaluation.comparison import Comparison
from core.evaluation.items import Vectors
from core.evaluation.metrics import RetrievalFigures
from core.evaluation.protocols import OtherPatients, WithinPatient
from core.evaluation.strata import Strata

OWN_TEXT, QUERY_TEXT = "own-text", "query-text"
PROTOCOLS = (OWN_TEXT, QUERY_TEXT)
"""Whose text a gallery clip is fused with: its own exam's (indexed once), or the query's (the reference)."""

_NO_TEXTS = "No lesion has a text both among the queries and in the gallery."


class Figures(msgspec.Struct, frozen=True):
    """The figures of one way to make vectors."""

    frame: RetrievalFigures
    clip: RetrievalFigures
    within_patient: WithinPatient
    other_patients: OtherPatients
    strata: Strata


class Evidence(msgspec.Struct, frozen=True):
    """What the figures were made of; the report shows examples from it.

    Attributes:
        query, gallery: the rows, one a frame.
        clips: the model's comparison of clips.
        vectors: (Q + N, d) of the frames by way, as in :class:`core.evaluation.vectors.RowVectors`.
    """

    query: Sequence[Row]
    gallery: Sequence[Row]
    clips: Comparison
    vectors: dict[str, Vectors]


class Evaluation(msgspec.Struct, frozen=True):
    """The result of :func:`core.evaluation.run.evaluate_manifest`.

    ``baselines`` holds None where ``reasons`` says why a baseline can't be computed. ``text_leak`` is True
    when any lesion's query and gallery clips carry the same sentence; ``text_leak_share`` is the share of
    such pairs. Both are None where no lesion has a text on both sides. ``shared_text_share`` is the share of
    lesions that carry the text of another lesion of their patient's exam: None where no exam with a text
    shows two lesions. ``rerank`` is how many items a ranking's text was changed for; None for all.
    """

    figures: Figures
    baselines: dict[str, Figures | None]
    reasons: dict[str, str]
    text_leak: bool | None
    text_leak_share: float | None
    shared_text_share: float | None
    part: str
    full_frame: bool
    counts: dict[str, int]
    evidence: Evidence
    ranking: RankingRule = LESIONS
    protocol: str = OWN_TEXT
    rerank: int | None = None

    @property
    def warnings(self) -> list[str]:
        """What has to be said beside the figures, one sentence each."""
        said = []
        if self.text_leak_share:
            said.append(
                f"text-leak: {self.text_leak_share:.0%} of the lesions' query and gallery clips carry the "
                "very same sentence, so the text alone may solve the task."
            )
        if self.shared_text_share:
            said.append(
                f"text-shared: {self.shared_text_share:.0%} of the lesions carry the text of another lesion "
                "of the same exam, as if it were written once per patient: such texts can't tell them apart."
            )
        return said

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``evaluate``.

        ``frame``, ``clip`` and ``within_patient`` are the model's; each baseline holds the same, and its
        frame-level figures also at its top; what can't be computed is null with a reason.
        """
        baselines = {
            name: _baseline(figures, self.reasons.get(name)) for name, figures in self.baselines.items()
        }
        own: dict[str, Any] = msgspec.to_builtins(self.figures)
        return own | {
            "baselines": baselines,
            "protocol": self.protocol,
            "rerank": self.rerank,
            "text_leak": self.text_leak,
            "text_leak_share": self.text_leak_share,
            "shared_text_share": self.shared_text_share,
            "reasons": {} if self.text_leak is not None else {"text_leak": _NO_TEXTS},
            "part": self.part,
            "full_frame": self.full_frame,
            "counts": self.counts,
            "ranking_rule": {"name": self.ranking.name, "words": self.ranking.words},
            "warnings": self.warnings,
        }


def _baseline(figures: Figures | None, reason: str | None) -> dict[str, Any]:
    if figures is None:
        nothing: dict[str, Any] = dict.fromkeys(("mAP", "mAP_trapezoid", "rank1", "rank5", "rank10"))
        return nothing | {"frame": None, "clip": None, "within_patient": None, "reason": reason}
    plain: dict[str, Any] = msgspec.to_builtins(figures)
    return {**plain["frame"], **plain}
