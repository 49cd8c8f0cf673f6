"""What only training needs on top of DMCL: identity heads, and a start that tells pictures apart (torch)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.models.dmcl import Dmcl
from core.models.layers import IdentityHead
from core.training.config import LossSettings


class NeckedHead(nn.Module):
    """Identity scores of batch-normalised features (the neck of Luo 2019, "Bag of tricks").

    All features of an untrained network point almost the same way; without the neck the identity loss sees
    only that common part and, next to a hard metric loss, stays at chance. The neck never enters a bundle.
    """

    def __init__(self, width: int, identities: int) -> None:
        super().__init__()
        self.neck = nn.BatchNorm1d(width)
        self.neck.bias.requires_grad_(False)
        self.scores = IdentityHead(width, identities)

    def forward(self, features: Tensor) -> Tensor:
        """(B, width) → logits (B, identities)."""
        out: Tensor = self.scores(self.neck(features))
        return out


class Heads(nn.Module):
    """What the losses of one run look at: the fused vector (equation 5) and the picture alone.

    With a metric loss of its own the picture is judged after a projection that stays behind: the features
    before it hold better on other pictures (Chen 2020).
    """

    def __init__(self, model: Dmcl, identities: int, loss: LossSettings) -> None:
        super().__init__()
        kind = NeckedHead if loss.neck else IdentityHead
        width, channels = model.config.width, model.image.channels
        self.fused = kind(width, identities)
        own = bool(loss.image_metric_weight)
        self.project: nn.Module = nn.Linear(channels, width) if own else nn.Identity()
        self.image = kind(width if own else channels, identities)


@torch.no_grad()
def centre_image_token(model: Dmcl, images: Tensor) -> None:
    """Shifts and scales the image projection so that the tokens of ``images`` have mean 0 and variance 1.

    For projections with random weights: the tokens of a fresh ResNet have a cosine of almost 0.9 to each
    other, those of a trained one share their mean too, so the fusion would see nearly the same for every
    picture (data-dependent initialisation, Krähenbühl 2016).

    Args:
        images: (B, 3, S, S) float32 in 0…255, B ≥ 2.
    """
    training = model.training
    model.train()
    # Batch statistics are used, as in the first step; the running ones must not move.
    norms = [module for module in model.image.resnet.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    features = model.image.pooled(model.image_map(images))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    project = model.image.project
    project.weight.div_(features.std(0).clamp_min(1e-3))
    spread = (features @ project.weight.T).std(0).mean().clamp_min(1e-6)
    project.weight.div_(spread)
    project.bias.copy_(-(project.weight @ features.mean(0)))
    model.train(training)
