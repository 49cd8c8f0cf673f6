"""Selective prior learning (methods, section 2.1): every modality learns a prior, the best one is kept."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import torch
from torch import Tensor, nn

from core.models.drcl import ModalityEncoder, orthonormal_prior
from core.progress import CancelToken
from core.training.drcl.config import DrclSettings, scheduled_q
from core.training.drcl.losses import generalised_cross_entropy, quality
from core.training.drcl.stage import Passes, Tensors, run_passes


class LearntPrior(msgspec.Struct, frozen=True):
    """A modality's prior.

    Args:
        modality: that it was learnt on; empty where it wasn't learnt.
        matrix: (dim, C) float32.
        score: equation 2: the mean probability of the training samples' own categories.
        epoch: of which it is a copy.
    """

    modality: str
    matrix: Tensor
    score: float
    epoch: int


class _WithPrior(nn.Module):
    """An encoder and the prior that is learnt with it."""

    def __init__(self, encoder: ModalityEncoder, prior: Tensor) -> None:
        super().__init__()
        self.encoder, self.prior = encoder, nn.Parameter(prior)

    def forward(self, scaled: Tensor) -> Tensor:
        scores: Tensor = self.encoder.of_scaled(scaled) @ self.prior
        return scores


def learn_prior(
    modality: str,
    encoder: ModalityEncoder,
    train: Tensors,
    settings: DrclSettings,
    cancel: CancelToken,
    told: Callable[[int, float, bool], object],
) -> LearntPrior:
    """Learns a prior with an encoder that isn't used for anything else (equation 1).

    The best epoch is the one with the highest quality score (equation 2) on the training samples. A fixed
    ``settings.q`` doesn't count here: it is the encoders'.

    Args:
        encoder: new; trained in place.
        train: the modality's samples.

    Raises:
        Cancelled: between two steps.
        PolypTraceError: ``training-diverged``.
    """
    device = train.features.device
    generator = torch.Generator().manual_seed(settings.seed)
    prior = orthonormal_prior(settings.dim, train.labels.shape[1], generator).to(device)
    module = _WithPrior(encoder, prior)
    optimiser = torch.optim.Adam(
        [
            {"params": encoder.parameters(), "lr": settings.rate_of(modality)},
            {"params": [module.prior], "lr": settings.prior_rate},
        ],
        betas=settings.betas,
        fused=True,
    )

    def step(features: Tensor, labels: Tensor, epoch: int) -> None:
        optimiser.zero_grad()
        loss = generalised_cross_entropy(module(features), labels, scheduled_q(epoch))
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    def score(_epoch: int) -> float:
        return mean_of(quality, module, train, settings.batch)

    passes = Passes(epochs=settings.epochs, patience=settings.patience, batch=settings.batch)
    best = run_passes(module, train, passes, generator, step, score, cancel, told)
    best.refuse_divergence(f"The prior of {modality}")
    return LearntPrior(modality, best.state["prior"], best.score, best.epoch)


def mean_of(
    measure: Callable[[Tensor, Tensor], Tensor],
    scores: Callable[[Tensor], Tensor],
    data: Tensors,
    batch: int,
) -> float:
    """A measure of single samples over all of them.

    Args:
        measure: (b, C) before the softmax and (b, C) labels → (b,).
        scores: (b, d) scaled features → (b, C) before the softmax.
    """
    parts = [
        measure(scores(data.features[start : start + batch]), data.labels[start : start + batch])
        for start in range(0, len(data), batch)
    ]
    return float(torch.cat(parts).mean())


def best_prior(priors: list[LearntPrior]) -> LearntPrior:
    """The prior with the highest quality score; the first of equals."""
    return max(priors, key=lambda one: one.score)
