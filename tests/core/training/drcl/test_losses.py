"""The pieces of DRCL against plain loops over the formulas of methods.md, section 2."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.inference.space import EncoderShape
from core.models.drcl import ModalityEncoder, orthonormal_prior, recast
from core.training.drcl.losses import (
    generalised_cross_entropy,
    invariance_loss,
    mix,
    quality,
    shares,
    similarity_loss,
)

RANDOM = torch.Generator().manual_seed(3)
SCORES = 3 * torch.randn(7, 4, generator=RANDOM)
SINGLE = F.one_hot(torch.tensor([0, 3, 1, 1, 2, 0, 3]), 4).float()
MULTI = torch.tensor(
    [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1]],
    dtype=torch.float32,
)


def probabilities(scores: Tensor) -> list[list[float]]:
    found = []
    for row in scores.tolist():
        powers = [math.exp(value) for value in row]
        found.append([power / sum(powers) for power in powers])
    return found


@pytest.mark.parametrize("labels", [SINGLE, MULTI], ids=["single", "multi"])
@pytest.mark.parametrize("q", [0.01, 0.5, 1.0, 2.0])
def test_generalised_cross_entropy_by_hand(labels: Tensor, q: float) -> None:
    total = 0.0
    for row, wanted in zip(probabilities(SCORES), labels.tolist(), strict=True):
        for p, y in zip(row, wanted, strict=True):
            total += y / sum(wanted) * (1 - p**q) / q
    assert float(generalised_cross_entropy(SCORES, labels, q)) == pytest.approx(total / 7, rel=1e-5)


def test_it_runs_from_cross_entropy_to_absolute_error() -> None:
    nearly = generalised_cross_entropy(SCORES, SINGLE, 1e-5)
    assert float(nearly) == pytest.approx(float(F.cross_entropy(SCORES, SINGLE.argmax(1))), rel=1e-3)
    error = (SCORES.softmax(1) - SINGLE).abs().sum(1).mean() / 2
    assert float(generalised_cross_entropy(SCORES, SINGLE, 1.0)) == pytest.approx(float(error), rel=1e-5)


@pytest.mark.parametrize("labels", [SINGLE, MULTI], ids=["single", "multi"])
def test_quality_by_hand(labels: Tensor) -> None:
    expected = [
        sum(p for p, y in zip(row, wanted, strict=True) if y) / sum(wanted)
        for row, wanted in zip(probabilities(SCORES), labels.tolist(), strict=True)
    ]
    assert quality(SCORES, labels).tolist() == pytest.approx(expected, rel=1e-5)


def test_mixing_by_hand() -> None:
    samples = torch.randn(7, 5, generator=RANDOM)
    order = torch.tensor([1, 0, 2, 6, 3, 5, 4])
    mixed, labels = mix(samples, SINGLE, 0.9, order)
    for at, other in enumerate(order.tolist()):
        for place in range(5):
            expected = 0.9 * float(samples[at, place]) + 0.1 * float(samples[other, place])
            assert float(mixed[at, place]) == pytest.approx(expected, abs=1e-6)
        for place in range(4):
            expected = 0.9 * float(SINGLE[at, place]) + 0.1 * float(SINGLE[other, place])
            assert float(labels[at, place]) == pytest.approx(expected, abs=1e-6)
    assert shares(labels).sum(1).tolist() == pytest.approx([1.0] * 7)


def test_similarity_by_hand() -> None:
    z, r = torch.randn(5, 3, generator=RANDOM), torch.randn(5, 3, generator=RANDOM)

    def twice_cosine(a: Tensor, b: Tensor) -> float:
        return 2 * float(a @ b) / (float(a.norm()) * float(b.norm()))

    within = across = 0.0
    for i in range(5):
        for j in range(5):
            within += (twice_cosine(r[i], r[j]) - twice_cosine(z[i], z[j])) ** 2 / 25
            across += (twice_cosine(r[i], z[j]) - twice_cosine(r[j], z[i])) ** 2 / 25
    assert float(similarity_loss(z, r)) == pytest.approx(within + across, rel=1e-5)
    assert float(similarity_loss(r, r)) == pytest.approx(0, abs=1e-9)


def test_invariance_by_hand() -> None:
    z, r = torch.randn(5, 3, generator=RANDOM), torch.randn(5, 3, generator=RANDOM)
    expected = sum((float(z[i, k]) - float(r[i, k])) ** 2 for i in range(5) for k in range(3)) / 15
    assert float(invariance_loss(z, r)) == pytest.approx(expected, rel=1e-5)


def test_the_prior_begins_orthonormal_and_recasts_by_its_generalised_inverse() -> None:
    prior = orthonormal_prior(6, 4, torch.Generator().manual_seed(0))
    assert torch.allclose(prior.T @ prior, torch.eye(4), atol=1e-6)
    assert torch.allclose(recast(prior), prior.T, atol=1e-6)  # of orthonormal columns
    learnt = torch.randn(6, 4, generator=RANDOM)
    targets = recast(learnt)
    assert targets.shape == (4, 6)
    # The four conditions of Penrose (1955).
    assert torch.allclose(learnt @ targets @ learnt, learnt, atol=1e-4)
    assert torch.allclose(targets @ learnt @ targets, targets, atol=1e-4)
    assert torch.allclose((learnt @ targets).T, learnt @ targets, atol=1e-4)
    assert torch.allclose((targets @ learnt).T, targets @ learnt, atol=1e-4)
    with pytest.raises(ValueError, match="7 orthonormal columns need 7 dimensions"):
        orthonormal_prior(6, 7)


def test_an_encoder_scales_and_ends_on_the_sphere() -> None:
    shape = EncoderShape(features=3, width=8, dim=5)
    shift, scale = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 1.0, 0.5])
    encoder = ModalityEncoder(shape, shift, scale)
    samples = torch.randn(4, 3, generator=RANDOM)
    with torch.no_grad():
        embeddings = encoder(samples)
        hidden = ((samples - shift) * scale) @ encoder.first.weight.T + encoder.first.bias
        hidden = hidden.clamp_min(0) @ encoder.second.weight.T + encoder.second.bias
        plain = hidden.clamp_min(0) @ encoder.last.weight.T
    assert embeddings.norm(dim=1).tolist() == pytest.approx([1.0] * 4, abs=1e-6)
    assert torch.allclose(embeddings, plain / plain.norm(dim=1, keepdim=True), atol=1e-6)
    assert encoder.last.bias is None
