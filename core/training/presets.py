"""Proven settings by name: our own, the paper's, and the rows of its Table 3."""

from __future__ import annotations

from typing import get_args

import msgspec

from core.data.augment import PAPER as PAPER_AUGMENTATION
from core.data.augment import Augmentation
from core.data.batches import ModalityDropout
from core.models import config as models
from core.training.config import LossSettings, Pretrained, Start, TrainConfig
from core.training.overrides import by_name

COMPACT = TrainConfig(
    model=msgspec.structs.replace(
        models.COMPACT, image_size=128, pooling="gem", own_share=0.5, colour_share=0.2
    ),
    train_size=96,
    augmentation=Augmentation(processor="exam"),
    steps=1250,
    optimiser="adamw",
    lr_backbone=4e-4,
    lr_head=4e-4,
    decay_backbone=0.05,
    decay_head=0.05,
    loss=LossSettings(
        miner="batch-all",
        neck=True,
        image_identity_weight=1.0,
        image_metric_weight=1.0,
        fusion_teaches_image=False,
        metric_warmup=0.4,
        smoothing=0.1,
    ),
    modality_dropout=ModalityDropout(no_image=0.2, no_text=0.3, thin_text=0.15),
    validate_every=200,
)
"""ResNet-18, learning at 96 px and used at 128, from random weights: about 40 minutes on two cores.

Chosen on small phantom runs (84 lesions, 200 batches of 32): with the paper's two losses alone all
embeddings fell together (mAP 0.15); with a neck, the picture's own identity loss and every triplet instead of
the hardest they came apart (mAP 0.31).
"""
QUICK = msgspec.structs.replace(
    COMPACT,
    start=Start(starter=True),
    identities=8,
    steps=150,
    max_seconds=150.0,
    lr_backbone=1e-4,
    lr_head=2e-4,
    loss=msgspec.structs.replace(COMPACT.loss, metric_warmup=0.0),
    validate_every=50,
)
"""A few minutes on two cores; goes on from the starter model, whose network it then takes over."""
ABLATION = msgspec.structs.replace(
    COMPACT,
    model=msgspec.structs.replace(models.COMPACT, image_size=128),
    loss=msgspec.structs.replace(COMPACT.loss, image_metric_weight=0.0, fusion_teaches_image=True),
    identities=8,
    steps=450,
    max_seconds=1080.0,
    validate_every=90,
)
"""Small enough to be run twelve times: 128 px (learnt at 96), batches of 32, at most 20 minutes a run."""
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


def with_start(config: TrainConfig, pretrained: Pretrained) -> TrainConfig:
    """One row of Table 3: these settings with which modality must start with trained weights.

    The text encoder is trained in every row: a random one can't be left as it is, and the rows may differ in
    nothing but their first weights.
    """
    start = msgspec.structs.replace(config.start, starter=False, pretrained=pretrained)
    model = msgspec.structs.replace(config.model, text_frozen=False)
    return msgspec.structs.replace(config, start=start, model=model)


PRESETS = {
    "quick": QUICK,
    "compact": COMPACT,
    "ablation": ABLATION,
    "paper": PAPER,
    **{f"table3-{row}": with_start(PAPER, row) for row in get_args(Pretrained)},
}


def preset(name: str) -> TrainConfig:
    """A preset by name.

    Raises:
        PolypTraceError: ``unknown-preset``.
    """
    return by_name(PRESETS, name, "of training")
