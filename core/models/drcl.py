"""DRCL: one encoder a modality into a space where categories, not modalities, decide the place (methods, 2).

An encoder is Linear → ReLU → Linear → ReLU → Linear without bias, its output of length 1. The prior W holds a
column for each category; ``softmax(Wᵀ z)`` says how likely each category is. The encoders know nothing of one
another: a modality may have more, fewer or other samples, or be added later.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.inference.space import EncoderShape


class ModalityEncoder(nn.Module):
    """The encoder of one modality, with the scaling of its features as part of it.

    Args:
        shape: its sizes.
        shift, scale: (features,) float32; a sample x goes in as ``(x − shift) · scale``. None leaves it as
            it is.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, shape: EncoderShape, shift: Tensor | None = None, scale: Tensor | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("shift", torch.zeros(shape.features) if shift is None else shift.float())
        self.register_buffer("scale", torch.ones(shape.features) if scale is None else scale.float())
        self.first = nn.Linear(shape.features, shape.width)
        self.second = nn.Linear(shape.width, shape.width)
        self.last = nn.Linear(shape.width, shape.dim, bias=False)

    def scaled(self, samples: Tensor) -> Tensor:
        """(B, features) as they come → (B, features) as the first layer takes them."""
        return (samples - self.shift) * self.scale

    def of_scaled(self, scaled: Tensor) -> Tensor:
        """(B, features) that are scaled already → (B, dim) float32, L2 rows."""
        hidden = F.relu(self.second(F.relu(self.first(scaled))))
        return F.normalize(self.last(hidden), dim=1)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, features) float → (B, dim) float32, L2 rows."""
        return self.of_scaled(self.scaled(samples))


def orthonormal_prior(dim: int, categories: int, generator: torch.Generator | None = None) -> Tensor:
    """(dim, categories) float32 with random orthonormal columns.

    Args:
        dim: at least ``categories``.

    Raises:
        ValueError: fewer dimensions than categories.
    """
    if dim < categories:
        raise ValueError(f"{categories} orthonormal columns need {categories} dimensions, not {dim}")
    columns: Tensor = torch.linalg.qr(torch.randn(dim, categories, generator=generator)).Q
    return columns


def recast(prior: Tensor) -> Tensor:
    """The modality-invariant embedding of each category, equation 4: the generalised inverse of the prior.

    Args:
        prior: (d, C).

    Returns:
        (C, d): a sample with label vector y belongs at ``y @ recast(prior)``.
    """
    inverse: Tensor = torch.linalg.pinv(prior)
    return inverse
