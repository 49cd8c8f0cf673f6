"""The settings of one training run, and the presets."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.data.augment import PAPER as PAPER_AUGMENTATION
from core.data.augment import Augmentation
from core.data.batches import ModalityDropout
from core.errors import PolypTraceError
from core.models import config as models
from core.models.config import DmclConfig
from core.models.losses import MINERS

OPTIMISERS = ("adam", "adamw")


class LossSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Equation 7: identity loss + metric loss.

    Args:
        metric: ``triplet`` (the paper) or ``contrastive`` (supervised contrastive).
        miner, margin: of the triplet loss; margin None is the paper's soft margin.
        temperature: of the contrastive loss.
        identity_weight, metric_weight: 1 and 1 in the paper.
        neck: batch normalisation before the identity scores (Luo 2019), not in the paper.
        image_identity_weight: of an identity loss on the picture's own features, 0 in the paper; it teaches
            a ResNet with random weights long before the fusion does.
        metric_warmup: share of the run in which the metric loss gains its weight; a hard metric loss on
            random features is smallest when all are the same.
        smoothing: label smoothing of the identity loss.
    """

    metric: str = "triplet"
    miner: str = "batch-hard"
    margin: float | None = None
    temperature: float = 0.1
    identity_weight: float = 1.0
    metric_weight: float = 1.0
    neck: bool = False
    image_identity_weight: float = 0.0
    metric_warmup: float = 0.0
    smoothing: float = 0.0


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what a run learns; saved as ``config.json`` of the run.

    Args:
        identities, pictures: P and K of a batch.
        steps: planned batches; None = ``epochs`` passes over all lesions.
        max_seconds: the run ends by then; the learning rate comes down in time for it. A run that time ends
            can't be repeated bit by bit on a computer of another speed.
        optimiser: ``adam`` (the paper: decay is added to the gradient) or ``adamw`` (decay apart from it).
        lr_backbone, lr_head: highest learning rates of its two groups: ResNet and BERT / all the rest.
        decay_backbone, decay_head: their weight decay.
        warmup: share of the run in which the rates rise.
        clip_norm: largest norm of the gradient.
        validate_every: steps between validations; 0 = after every epoch.
        checkpoint_seconds: longest stretch of work that a kill can cost.
        full_frame: whole pictures although there are boxes.
        mixed_precision: bfloat16 where the device is CUDA.
        val_share: share of the training patients that choose the checkpoint where the manifest names none for
            it; 0 = the last weights are taken.
    """

    model: DmclConfig = models.COMPACT
    identities: int = 16
    pictures: int = 4
    steps: int | None = None
    epochs: int = 180
    max_seconds: float | None = None
    optimiser: str = "adam"
    lr_backbone: float = 3e-4
    lr_head: float = 6e-4
    decay_backbone: float = 1e-5
    decay_head: float = 1e-7
    warmup: float = 0.05
    clip_norm: float = 5.0
    loss: LossSettings = LossSettings()
    augmentation: Augmentation = Augmentation()
    modality_dropout: ModalityDropout = ModalityDropout()
    validate_every: int = 100
    checkpoint_seconds: float = 120.0
    seed: int = 0
    full_frame: bool = False
    mixed_precision: bool = True
    val_share: float = 0.15


COMPACT = TrainConfig(
    model=msgspec.structs.replace(models.COMPACT, image_size=112),
    steps=1250,
    optimiser="adamw",
    lr_backbone=4e-4,
    lr_head=4e-4,
    decay_backbone=0.05,
    decay_head=0.05,
    loss=LossSettings(
        miner="batch-all", neck=True, image_identity_weight=1.0, metric_warmup=0.4, smoothing=0.1
    ),
    modality_dropout=ModalityDropout(no_image=0.2, no_text=0.3, thin_text=0.15),
    validate_every=200,
)
"""ResNet-18 at 112 px from random weights: about 40 minutes on two cores.

Chosen on small phantom runs (84 lesions, 200 batches of 32): with the paper's two losses alone all
embeddings fell together (mAP 0.15); with a neck, the picture's own identity loss and every triplet instead of
the hardest they came apart (mAP 0.31).
"""
QUICK = msgspec.structs.replace(
    COMPACT,
    identities=8,
    steps=150,
    max_seconds=150.0,
    lr_backbone=1e-4,
    lr_head=2e-4,
    loss=msgspec.structs.replace(COMPACT.loss, metric_warmup=0.0),
    validate_every=50,
)
"""A few minutes on two cores; meant to start from the starter model, whose settings it then takes over."""
PAPER = TrainConfig(
    model=models.PAPER,
    epochs=180,
    augmentation=PAPER_AUGMENTATION,
    lr_backbone=3e-5,
    lr_head=3e-4,
    validate_every=0,
    modality_dropout=ModalityDropout(no_image=0.0, no_text=0.0, thin_text=0.0),
)
"""The paper's setting: ResNet-50 at 224 px, BERT-base, 180 epochs; wants a GPU."""
PRESETS = {"quick": QUICK, "compact": COMPACT, "paper": PAPER}


def preset(name: str) -> TrainConfig:
    """A preset by name.

    Raises:
        PolypTraceError: ``unknown-preset``.
    """
    if name not in PRESETS:
        raise PolypTraceError(
            "unknown-preset", f"“{name}” is no preset of training.", f"Choose one of {', '.join(PRESETS)}."
        )
    return PRESETS[name]


def check(config: TrainConfig) -> None:
    """Raises:
    PolypTraceError: ``training-settings`` when the settings contradict each other.
    """
    models.check(config.model)
    problems = [
        (config.identities < 2 or config.pictures < 2, "a batch needs at least two lesions and two pictures"),
        (config.loss.metric not in ("triplet", "contrastive"), f"there is no loss {config.loss.metric}"),
        (config.optimiser not in OPTIMISERS, f"there is no optimiser {config.optimiser}"),
        (config.loss.miner not in MINERS, f"there is no miner {config.loss.miner}"),
        (config.steps is not None and config.steps < 1, "steps is at least 1"),
        (config.max_seconds is not None and config.max_seconds <= 0, "max_seconds is above 0"),
        (not 0 <= config.loss.metric_warmup <= 1, "metric_warmup is a share"),
        (not 0 <= config.warmup < 1, "warmup is a share below 1"),
        (not 0 <= config.val_share < 1, "val_share is a share below 1"),
        (min(config.lr_backbone, config.lr_head) <= 0, "learning rates are above 0"),
    ]
    for wrong, sentence in problems:
        if wrong:
            raise PolypTraceError("training-settings", f"These training settings don't fit: {sentence}.")


def read_config(path: Path) -> TrainConfig:
    """``config.json`` of a run.

    Raises:
        PolypTraceError: ``run-unreadable``.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainConfig)
    except (OSError, msgspec.MsgspecError) as error:
        raise PolypTraceError(
            "run-unreadable",
            f"The folder {path.parent.name} holds no training run that can be resumed.",
            "Give the folder of a run: it holds config.json and checkpoint.safetensors.",
        ) from error
