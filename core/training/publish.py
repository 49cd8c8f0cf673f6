"""Publication: the best weights of a run become a bundle with figures and a card."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from core.domain import RESEARCH_BANNER
from core.inference.bundle import BundleInfo, NoMatchSettings
from core.models.bundle import save_bundle
from core.models.dmcl import Dmcl
from core.training.config import TrainConfig

LIMITS = (
    "It has never been tested in care, and its scores are no probability of disease.",
    "It compares lesions; it neither finds nor classifies them.",
    "A resemblance may come from scope, light or preparation: the endoscopist decides.",
)


class CardFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a model card says.

    Args:
        name: of the model.
        data: sentences on the training data: what, how much, from where. No patient codes.
        config: settings of the run.
        figures: table rows, name → value.
        figures_on: what the figures were measured on.
        limits: sentences.
        notes: sentences on what went differently than wished.
    """

    name: str
    data: Sequence[str]
    config: TrainConfig
    figures: Mapping[str, float | int | str | None]
    figures_on: str
    limits: Sequence[str] = LIMITS
    notes: Sequence[str] = ()


def publish(
    folder: Path,
    model: Dmcl,
    tokenizer_json: str,
    facts: CardFacts,
    metrics: dict[str, Any],
    no_match: NoMatchSettings | None = None,
    training_manifest_sha256: str | None = None,
) -> BundleInfo:
    """Writes the bundle of a trained network.

    Raises:
        PolypTraceError: ``weights-not-finite`` or ``tokenizer-mismatch``.
    """
    return save_bundle(
        folder,
        model.cpu().eval(),
        tokenizer_json,
        card=card(facts),
        name=facts.name,
        metrics=metrics,
        no_match=no_match,
        training_manifest_sha256=training_manifest_sha256,
    )


def card(facts: CardFacts) -> str:
    """The model card, Markdown."""
    config = facts.config
    model = config.model
    lines = [
        f"# {facts.name}",
        "",
        f"**{RESEARCH_BANNER}.**",
        "",
        "Turns lesion crops and the description of one exam into one embedding (DMCL), so that lesions seen at "
        "another exam can be ranked by cosine.",
        "",
        "## Training data",
        "",
        *_bullets(facts.data),
        "",
        "## Settings",
        "",
        f"- {model.backbone} at {model.image_size} px, fusion of {model.depth} layers with width {model.width} "
        f"({model.heads} heads × {model.head_size}), BERT with {model.text.layers} layers of width "
        f"{model.text.hidden} and {model.text.vocab_size} word pieces.",
        f"- Batches of {config.identities} lesions × {config.pictures} pictures; identity loss + "
        f"{config.loss.metric} loss; Adam with {config.lr_backbone:g} (backbones) and {config.lr_head:g} (rest); "
        f"seed {config.seed}.",
        f"- Pictures left out for {config.modality_dropout.no_image:.0%} and texts for "
        f"{config.modality_dropout.no_text:.0%} of the samples.",
        "",
        "## Figures",
        "",
        f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d} on {facts.figures_on}.",
        "",
        "| figure | value |",
        "|---|---|",
        *(f"| {name} | {_shown(value)} |" for name, value in facts.figures.items()),
        "",
        "## Limits",
        "",
        *_bullets([*facts.limits, *facts.notes]),
    ]
    return "\n".join(lines) + "\n"


def _bullets(sentences: Sequence[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]


def _shown(value: float | int | str | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
