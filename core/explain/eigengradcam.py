"""EigenGradCAM for retrieval: where in both pictures the model's similarity score is sensitive.

With activations A and gradients G of the target at the last convolution, M = (A ⊙ G) as a matrix of HW
positions × C channels, centred over the positions; the map is M's projection on its first principal
component, then ReLU. The target is the cosine between the query's and the candidate's embedding, drawn on
both pictures: a class score of the training set says nothing about a lesion that wasn't in it.

The component comes from the HW × HW Gram matrix M Mᵀ: its first eigenvector u and eigenvalue λ give the
same projection M v = √λ u as the SVD of M, at a tiny part of its cost.

**Sign rule.** A principal component has no sign of its own: taken as the solver returns it, about half of
the maps come out inverted. Here it is turned so that it agrees with Σ(A ⊙ G) over the channels, the
first-order contribution of each position to the score: u is flipped when Σ_positions u · Σ_channels(A ⊙ G)
is negative. Hot therefore means "raises the similarity", never the opposite.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class EmbedsMaps(Protocol):
    """What is asked of a network: :class:`core.models.dmcl.Dmcl` has it."""

    def image_map(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) → activations of the last convolution (B, C, h, w)."""
        ...

    def embed_map(
        self,
        feature_map: Tensor,
        images: Tensor,
        token_ids: Tensor,
        attention_mask: Tensor,
        has_image: Tensor,
        has_text: Tensor,
    ) -> Tensor:
        """(B, C, h, w), the pictures they came from and texts → (B, d), L2 rows."""
        ...


class Side(msgspec.Struct, frozen=True):
    """B pictures with their texts, as tensors: images (B, 3, S, S) float 0…255, ids and mask (B, n)."""

    images: Tensor
    token_ids: Tensor
    attention_mask: Tensor


class SideMaps(msgspec.Struct, frozen=True):
    """Maps (B, S, S) float32 in 0…1 and their raw strengths (B,): the map's maximum before scaling."""

    maps: NDArray[np.float32]
    strengths: NDArray[np.float32]


class PairMaps(msgspec.Struct, frozen=True):
    """Maps of both sides of B pairs and the cosines (B,)."""

    query: SideMaps
    candidate: SideMaps
    similarity: NDArray[np.float32]


def eigen_projection(activations: Tensor, gradients: Tensor) -> Tensor:
    """First principal component of A ⊙ G per picture, oriented by the sign rule above, before ReLU.

    Args:
        activations: (B, C, h, w) of the last convolution.
        gradients: (B, C, h, w) of the scalar target with respect to them.

    Returns:
        (B, h, w) float64; sums to zero over the positions of a picture.
    """
    # Double precision: the Gram matrix squares the ratio between large and small contributions.
    product = (activations.double() * gradients.double()).flatten(2).transpose(1, 2)
    centred = product - product.mean(dim=1, keepdim=True)
    values, vectors = torch.linalg.eigh(centred @ centred.transpose(1, 2))
    projection = vectors[..., -1] * values[:, -1:].clamp(min=0).sqrt()
    agreement = (projection * product.sum(dim=2)).sum(dim=1, keepdim=True)
    oriented = torch.where(agreement < 0, -projection, projection)
    return oriented.view(activations.shape[0], *activations.shape[2:])


def scaled_maps(projection: Tensor, size: int) -> SideMaps:
    """ReLU, strength, scaling to 0…1 and to the input's size.

    Args:
        projection: (B, h, w) of :func:`eigen_projection`.
        size: side of the network's input in pixels.
    """
    positive = projection.clamp(min=0)
    strengths = positive.flatten(1).amax(dim=1)
    unit = positive / strengths.clamp(min=torch.finfo(torch.float32).tiny).view(-1, 1, 1)
    maps = torch.nn.functional.interpolate(unit[:, None], size=(size, size), mode="bilinear")[:, 0]
    return SideMaps(maps.float().cpu().numpy(), strengths.float().cpu().numpy())


def pair_maps(net: EmbedsMaps, query: Side, candidate: Side) -> PairMaps:
    """Explains the cosine of B pairs on both sides.

    The backbone runs without gradients; they are taken from the last activations up only, so the cost over
    plain embedding is that of the fusion's backward pass.

    Args:
        net: the network, in evaluation mode.
        query: B pictures and texts.
        candidate: their B counterparts.
    """
    count, size = query.images.shape[0], query.images.shape[-1]
    texts = _joined_texts(query, candidate)
    images = torch.cat([query.images, candidate.images])
    with torch.no_grad():
        activations = net.image_map(images)
    with torch.enable_grad():
        activations = activations.detach().requires_grad_(True)
        here = torch.ones(2 * count, dtype=torch.bool, device=activations.device)
        vectors = net.embed_map(activations, images, *texts, here, texts[1].bool().any(dim=1))
        similarity = (vectors[:count] * vectors[count:]).sum(dim=1)
        (gradients,) = torch.autograd.grad(similarity.sum(), activations)
    maps = scaled_maps(eigen_projection(activations.detach(), gradients), size)
    return PairMaps(
        SideMaps(maps.maps[:count], maps.strengths[:count]),
        SideMaps(maps.maps[count:], maps.strengths[count:]),
        similarity.detach().float().cpu().numpy(),
    )


def _joined_texts(query: Side, candidate: Side) -> tuple[Tensor, Tensor]:
    """Token ids and masks of both sides below each other, padded to the longer side."""
    longest = max(query.token_ids.shape[1], candidate.token_ids.shape[1])

    def padded(values: Tensor) -> Tensor:
        return torch.nn.functional.pad(values, (0, longest - values.shape[1]))

    ids = torch.cat([padded(query.token_ids), padded(candidate.token_ids)])
    mask = torch.cat([padded(query.attention_mask.long()), padded(candidate.attention_mask.long())])
    return ids, mask
