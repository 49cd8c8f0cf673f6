"""The optimiser with its two groups: backbones, and all the rest."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import Parameter

from core.models.dmcl import Dmcl
from core.training.config import TrainConfig
from core.training.heads import Heads


def make_optimiser(model: Dmcl, heads: Heads, config: TrainConfig) -> torch.optim.Optimizer:
    """Adam or AdamW; a group's highest rate is its ``peak``."""
    slow = [p for p in model.backbone_parameters() if p.requires_grad]
    fast = [
        *(p for p in model.head_parameters() if p.requires_grad),
        *(p for p in heads.parameters() if p.requires_grad),
    ]
    groups = [
        {"params": slow, "lr": 0.0, "peak": config.lr_backbone, "weight_decay": config.decay_backbone},
        {"params": fast, "lr": 0.0, "peak": config.lr_head, "weight_decay": config.decay_head},
    ]
    if config.optimiser == "adamw":
        # Vectors (norms, biases) aren't pulled towards zero: they would only be rescaled elsewhere. Learned
        # tokens, types and positions are rows of matrices and are.
        groups = [part for group in groups for part in _without_decay(group)]
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, foreach=True)


def trained(optimiser: torch.optim.Optimizer) -> list[Parameter]:
    """Everything that the optimiser changes."""
    return [p for group in optimiser.param_groups for p in group["params"]]


def _without_decay(group: dict[str, Any]) -> list[dict[str, Any]]:
    matrices = [p for p in group["params"] if p.ndim > 1]
    vectors = [p for p in group["params"] if p.ndim <= 1]
    parts = [{**group, "params": matrices}, {**group, "params": vectors, "weight_decay": 0.0}]
    return [part for part in parts if part["params"]]
