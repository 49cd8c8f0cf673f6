"""Publication: the best weights of a run become a bundle with figures and a card."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError
from core.inference.bundle import MANIFEST, BundleInfo, NoMatchSettings, read_bundle
from core.models.bundle import save_bundle
from core.models.config import DmclConfig
from core.models.dmcl import Dmcl
from core.training.config import LossSettings, TrainConfig

LARGEST_BYTES = 4_000_000_000
"""More than the largest setting's weights; a bundle beyond it is a mistake."""
DATA_HEADING = "## Training data"
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
        tables: Markdown lines of the figures.
        limits: sentences.
        notes: sentences on the split and on what went differently than wished.
    """

    name: str
    data: Sequence[str]
    config: TrainConfig
    tables: Sequence[str]
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
        "Turns lesion crops and the description of one exam into one embedding (DMCL), so that lesions seen "
        "at another exam can be ranked by cosine.",
        "",
        DATA_HEADING,
        "",
        *_bullets(facts.data),
        "",
        "## Settings",
        "",
        f"- {model.backbone} at {model.image_size} px{_learnt_at(config)}, fusion of {model.depth} layers "
        f"with width {model.width} ({model.heads} heads × {model.head_size}), BERT with "
        f"{model.text.layers} layers of width {model.text.hidden} and {model.text.vocab_size} word pieces.",
        *_beside(model),
        f"- Batches of {config.identities} lesions × {config.pictures} pictures; identity loss + "
        f"{config.loss.metric} loss{_own_losses(config.loss)}; {config.optimiser} with "
        f"{config.lr_backbone:g} (backbones) and {config.lr_head:g} (rest); {config.steps or config.epochs} "
        f"{'steps' if config.steps else 'epochs'}; seed {config.seed}.",
        f"- Pictures left out for {config.modality_dropout.no_image:.0%} and texts for "
        f"{config.modality_dropout.no_text:.0%} of the samples.",
        "",
        "## Figures",
        "",
        *facts.tables,
        "## Limits",
        "",
        *_bullets(facts.limits),
    ]
    if facts.notes:
        lines += ["", "## Notes", "", *_bullets(facts.notes)]
    return "\n".join(lines) + "\n"


def _learnt_at(config: TrainConfig) -> str:
    side = config.picture_side
    return f" (learnt at {side} px)" if side != config.model.image_size else ""


def _beside(model: DmclConfig) -> list[str]:
    """What stands beside the fused vector, as one line; none where nothing does."""
    own, colours = model.own_share, model.colour_share
    if not (own or colours):
        return []
    return [
        f"- Of the cosine of two pictures the fused vector decides {1 - own - colours:.0%}, the picture's "
        f"own features {own:.0%}, its colours {colours:.0%}; a text without a picture is its fused vector, "
        f"so that its cosine with a picture is {(1 - own - colours) ** 0.5:.2f} at most."
    ]


def _own_losses(loss: LossSettings) -> str:
    parts = ["identity"] if loss.image_identity_weight else []
    parts += ["supervised contrastive"] if loss.image_metric_weight else []
    if not parts:
        return ""
    alone = "" if loss.fusion_teaches_image else ", which alone train the image encoder"
    return f"; on the picture's own features {' + '.join(parts)} loss{alone}"


def figure_table(figures: Mapping[str, float | int | str | None], measured_on: str) -> list[str]:
    """Lines of a table with one figure a row, for :class:`CardFacts`."""
    rows = [f"| {name} | {_shown(value)} |" for name, value in figures.items()]
    if not rows:
        return ["No checkpoint could be chosen on held-back patients: the last weights were taken.", ""]
    return [f"Measured on {measured_on}.", "", "| figure | value |", "|---|---|", *rows, ""]


def ship(info: BundleInfo, folder: Path, limit_bytes: int = LARGEST_BYTES) -> tuple[BundleInfo, int]:
    """Copies the files of a bundle, and nothing derived from them, over the bundle in ``folder``.

    Returns:
        The copy and its size in bytes.

    Raises:
        PolypTraceError: ``bundle-too-large``; ``folder`` stays as it was.
    """
    names = [MANIFEST, *sorted(info.manifest.files)]
    size = sum((info.folder / name).stat().st_size for name in names)
    if size > limit_bytes:
        raise PolypTraceError(
            "bundle-too-large",
            f"The model has {size / 1e6:.1f} MB; at most {limit_bytes / 1e6:.1f} MB may be shipped.",
            "Choose a smaller backbone, fusion width or text encoder.",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        fresh = Path(scratch) / "bundle"
        fresh.mkdir()
        for name in names:
            shutil.copyfile(info.folder / name, fresh / name)
        if folder.exists():
            folder.rename(Path(scratch) / "old")
        fresh.rename(folder)
    return read_bundle(folder), size


def _bullets(sentences: Sequence[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]


def _shown(value: float | int | str | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
