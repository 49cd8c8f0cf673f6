"""Settings of DRCL, among them every variant of the paper's ablation (table V)."""

from __future__ import annotations

from typing import Literal

import msgspec

from core.errors import PolypTraceError

Prior = Literal["selected", "orthonormal"]
Augmentation = Literal["embedding", "features", "none"]
Scaling = Literal["standard", "none"]
Measure = Literal["likelihood", "probability", "loss"]


class DrclSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what DRCL learns.

    Args:
        width, dim: of every encoder.
        scaling: of the features: by mean and standard deviation of the training samples, or not at all.
        epochs: at most so many passes over a modality's samples, for prior and encoder alike.
        patience: a modality is done when its validation hasn't improved for so many epochs; None = never.
        batch: samples of one step.
        rates: learning rates of the encoders by modality.
        rate: of modalities that ``rates`` doesn't name.
        prior_rate: of the prior.
        betas: of Adam.
        alpha, beta: weights of equations 6 and 5; 0 leaves a loss out.
        label_weight: weight of equation 7.
        gamma: share of the sample itself where samples are mixed.
        q: of the generalised cross-entropy that the encoders learn by; None = the schedule
            ``min(1, 0.01 · epoch)``, epochs counted from 1. A prior always keeps the schedule: of the paper's
            variants only the one without prior learning studies the prior (IV-F).
        prior: ``selected`` learns one on every modality and takes the best (SPL); ``orthonormal`` takes
            random orthonormal columns.
        best: by which measure of the validation samples an encoder's best epoch is kept: the mean
            log-likelihood of their own categories (minus the cross-entropy), their mean probability
            (equation 2), or the lowest loss (equation 8 without mixing), as the paper has it.
        augmentation: mixes embeddings (equation 3), the samples' features, or nothing.
    """

    width: int = 4096
    dim: int = 2048
    scaling: Scaling = "standard"
    epochs: int = 200
    patience: int | None = 30
    batch: int = 1024
    rates: dict[str, float] = {}
    rate: float = 5e-4
    prior_rate: float = 5e-4
    betas: tuple[float, float] = (0.5, 0.999)
    alpha: float = 0.1
    beta: float = 0.1
    label_weight: float = 1.0
    gamma: float = 0.9
    q: float | None = None
    prior: Prior = "selected"
    best: Measure = "likelihood"
    augmentation: Augmentation = "embedding"
    seed: int = 0

    def rate_of(self, modality: str) -> float:
        """Learning rate of a modality's encoder."""
        return self.rates.get(modality, self.rate)

    def q_at(self, epoch: int) -> float:
        """The exponent of the encoders' generalised cross-entropy in an epoch, counted from 1."""
        return scheduled_q(epoch) if self.q is None else self.q


def scheduled_q(epoch: int) -> float:
    """The paper's exponent in an epoch, counted from 1: from near cross-entropy to mean absolute error."""
    return min(1.0, 0.01 * epoch)


VARIANTS: dict[str, dict[str, object]] = {
    "full": {},
    "no prior learning": {"prior": "orthonormal"},
    "no invariance loss": {"beta": 0.0},
    "no similarity loss": {"alpha": 0.0},
    "no label loss": {"label_weight": 0.0},
    "q = 0.01": {"q": 0.01},
    "q = 0.5": {"q": 0.5},
    "q = 1": {"q": 1.0},
    "q = 2": {"q": 2.0},
    "no augmentation": {"augmentation": "none"},
    "mixup of features": {"augmentation": "features"},
}
"""The ablation of table V: what each variant changes."""


def check(settings: DrclSettings, categories: int = 0) -> None:
    """Refuses settings that can't train.

    Args:
        categories: of the data; 0 where they aren't read yet.

    Raises:
        PolypTraceError: ``setting-invalid``.
    """
    rates = [settings.rate, settings.prior_rate, *settings.rates.values()]
    weights = (settings.alpha, settings.beta, settings.label_weight)
    problems = [
        (settings.width < 1 or settings.dim < 1, "width and dim are at least 1"),
        (settings.dim < categories, f"dim is at least the number of categories, {categories}"),
        (settings.epochs < 1 or settings.batch < 2, "epochs are at least 1 and a batch at least 2"),
        (settings.patience is not None and settings.patience < 1, "patience is at least 1, or none"),
        (not all(0 < rate < 1 for rate in rates), "learning rates lie between 0 and 1"),
        (not all(0 <= one < 1 for one in settings.betas), "betas lie in 0…1, 1 excluded"),
        (not all(0 <= one < float("inf") for one in weights), "alpha, beta and label_weight are at least 0"),
        (sum(weights) == 0, "one of alpha, beta and label_weight is more than 0"),
        (not 0 <= settings.gamma <= 1, "gamma lies in 0…1"),
        (not 0 <= settings.seed < 1 << 32, "seed is at least 0 and below 2^32"),
        (settings.q is not None and not 0 < settings.q <= 10, "q lies between 0 and 10"),
    ]
    for wrong, words in problems:
        if wrong:
            raise PolypTraceError(
                "setting-invalid",
                f"These settings can't train: {words}.",
                "Change it with --set NAME=VALUE; --print-settings shows all.",
            )
