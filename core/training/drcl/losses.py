"""The pieces of DRCL's training (methods, section 2), each on the samples of one modality.

A label vector is a row of (B, C) float32: one 1 for its category, several where a sample has several, shares
where samples were mixed. What asks "how much of category c" takes the rows divided by their sums.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def shares(labels: Tensor) -> Tensor:
    """(B, C) label vectors → the same with rows that sum to 1."""
    return labels / labels.sum(1, keepdim=True)


def generalised_cross_entropy(scores: Tensor, labels: Tensor, q: float) -> Tensor:
    """Equations 1 and 7 (Zhang & Sabuncu 2018): mean over samples of ``Σ_c y_c (1 − p_c^q) / q``.

    Args:
        scores: (B, C) before the softmax.
        labels: (B, C) label vectors.
        q: > 0; near 0 it is the cross-entropy, at 1 the mean absolute error.
    """
    # expm1 keeps the digits that 1 − p^q loses where q is small.
    powers = -torch.expm1(q * F.log_softmax(scores, dim=1)) / q
    return (shares(labels) * powers).sum(1).mean()


def quality(scores: Tensor, labels: Tensor) -> Tensor:
    """Equation 2, sample by sample: (B,) the probability of the sample's own categories."""
    return (shares(labels) * scores.softmax(1)).sum(1)


def likelihood(scores: Tensor, labels: Tensor) -> Tensor:
    """(B,) the log of what :func:`quality` tells: minus the cross-entropy, sample by sample."""
    return (shares(labels) * F.log_softmax(scores, dim=1)).sum(1)


def mix(samples: Tensor, labels: Tensor, gamma: float, order: Tensor) -> tuple[Tensor, Tensor]:
    """Feature augmentation, equation 3: ``γ z + (1 − γ) z_π`` and the same of the labels.

    Args:
        samples: (B, d).
        labels: (B, C).
        order: (B,) int64, the permutation π.
    """
    return torch.lerp(samples[order], samples, gamma), torch.lerp(labels[order], labels, gamma)


def invariance_loss(embeddings: Tensor, targets: Tensor) -> Tensor:
    """Equation 5: mean squared difference from the modality-invariant targets.

    Args:
        embeddings, targets: (B, d).
    """
    return F.mse_loss(embeddings, targets)


def similarity_loss(embeddings: Tensor, targets: Tensor) -> Tensor:
    """Equation 6: the embeddings resemble one another as their targets do.

    With ``c(a, b) = 2 cos(a, b)`` over all pairs of the batch: the mean of ``(c(r, r) − c(z, z))²`` and of
    ``(c(r, z) − c(r, z)ᵀ)²``, summed.

    Args:
        embeddings, targets: (B, d), z and r.
    """
    z, r = F.normalize(embeddings, dim=1), F.normalize(targets, dim=1)
    across = 2 * r @ z.T
    within = (2 * r @ r.T - 2 * z @ z.T).square().mean()
    return within + (across - across.T).square().mean()
