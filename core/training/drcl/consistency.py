"""Reversible semantic consistency (methods, section 2.2 to 2.4): an encoder learns under a fixed prior."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import torch
from torch import Tensor

from core.models.drcl import ModalityEncoder, recast
from core.progress import CancelToken
from core.training.drcl.config import DrclSettings
from core.training.drcl.losses import (
    generalised_cross_entropy,
    invariance_loss,
    likelihood,
    mix,
    quality,
    similarity_loss,
)
from core.training.drcl.prior import mean_of
from core.training.drcl.stage import Best, Passes, Tensors, run_passes


class Consistency:
    """The losses of one modality under a prior.

    Args:
        prior: (dim, C), not trained.
        generator: mixes the samples.
    """

    def __init__(self, prior: Tensor, settings: DrclSettings, generator: torch.Generator) -> None:
        self.prior, self._settings, self._generator = prior, settings, generator
        self.targets = recast(prior)

    def loss(self, encoder: ModalityEncoder, scaled: Tensor, labels: Tensor, q: float) -> Tensor:
        """Equation 8 on (b, features) scaled samples and (b, C) labels."""
        settings = self._settings
        if settings.augmentation == "features":
            scaled, labels = self._mixed(scaled, labels)
        embeddings = encoder.of_scaled(scaled)
        if settings.augmentation == "embedding":
            embeddings, labels = self._mixed(embeddings, labels)
        total = embeddings.new_zeros(())
        if settings.label_weight:
            entropy = generalised_cross_entropy(embeddings @ self.prior, labels, q)
            total = total + settings.label_weight * entropy
        wanted = labels @ self.targets
        if settings.alpha:
            total = total + settings.alpha * similarity_loss(embeddings, wanted)
        if settings.beta:
            total = total + settings.beta * invariance_loss(embeddings, wanted)
        return total

    def mean_loss(self, encoder: ModalityEncoder, data: Tensors, q: float) -> float:
        """Equation 8 on all samples, batch by batch; a batch counts as much as it has samples."""
        total, size = 0.0, self._settings.batch
        for start in range(0, len(data), size):
            rows = slice(start, start + size)
            loss = self.loss(encoder, data.features[rows], data.labels[rows], q)
            total += float(loss) * len(data.labels[rows])
        return total / len(data)

    def step(
        self,
        encoder: ModalityEncoder,
        optimiser: torch.optim.Optimizer,
        scaled: Tensor,
        labels: Tensor,
        q: float,
    ) -> None:
        """One step of the encoder on a batch, as :meth:`loss` takes it."""
        optimiser.zero_grad()
        self.loss(encoder, scaled, labels, q).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    def _mixed(self, samples: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        order = torch.randperm(len(samples), generator=self._generator).to(samples.device)
        return mix(samples, labels, self._settings.gamma, order)


def adam(encoder: ModalityEncoder, modality: str, settings: DrclSettings) -> torch.optim.Optimizer:
    """The optimiser of a modality's encoder; fused: a fifth of a step's time goes into 25 M weights."""
    rate = settings.rate_of(modality)
    return torch.optim.Adam(encoder.parameters(), lr=rate, betas=settings.betas, fused=True)


def learn_encoder(
    modality: str,
    encoder: ModalityEncoder,
    prior: Tensor,
    train: Tensors,
    val: Tensors | None,
    settings: DrclSettings,
    cancel: CancelToken,
    told: Callable[[int, float, bool], object],
) -> Best:
    """Trains a modality's encoder in place; it ends with the weights of the best epoch.

    The best epoch is the one that does best on the validation samples by ``settings.best``. Of these measures
    the loss alone depends on q, which changes from epoch to epoch. Without validation samples the last epoch
    is the best.

    Args:
        encoder: new.
        prior: (dim, C).

    Raises:
        Cancelled: between two steps.
        PolypTraceError: ``training-diverged``.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    consistency = Consistency(prior, settings, generator)
    optimiser = adam(encoder, modality, settings)
    unmixed = Consistency(prior, msgspec.structs.replace(settings, augmentation="none"), generator)

    def step(features: Tensor, labels: Tensor, epoch: int) -> None:
        consistency.step(encoder, optimiser, features, labels, settings.q_at(epoch))

    def score(epoch: int) -> float:
        if val is None:
            return float(epoch)
        if settings.best == "loss":
            return -unmixed.mean_loss(encoder, val, settings.q_at(epoch))
        measure = likelihood if settings.best == "likelihood" else quality
        return mean_of(measure, lambda scaled: encoder.of_scaled(scaled) @ prior, val, settings.batch)

    passes = Passes(epochs=settings.epochs, patience=settings.patience if val else None, batch=settings.batch)
    best = run_passes(encoder, train, passes, generator, step, score, cancel, told)
    best.refuse_divergence(f"The encoder of {modality}")
    encoder.load_state_dict(best.state)
    return best
