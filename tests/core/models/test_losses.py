"""Losses against plain loops over hand-sized batches."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.models.losses import identity_loss, supervised_contrastive_loss, triplet_loss

LABELS = [0, 0, 0, 1, 1, 2, 2, 2, 3]


def embeddings(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(len(LABELS), 6, generator=generator), dim=1)


def distance(a: Tensor, b: Tensor) -> float:
    return float(sum((x - y) ** 2 for x, y in zip(a.tolist(), b.tolist(), strict=True)))


def soft(gap: float) -> float:
    return math.log(1 + math.exp(gap))


def positives(a: int) -> list[int]:
    return [i for i, label in enumerate(LABELS) if label == LABELS[a] and i != a]


def negatives(a: int) -> list[int]:
    return [i for i, label in enumerate(LABELS) if label != LABELS[a]]


def plain_gaps(x: Tensor, miner: str) -> list[float]:
    gaps: list[float] = []
    for a in range(len(LABELS)):
        to = [distance(x[a], x[i]) for i in range(len(LABELS))]
        if miner == "batch-hard" and positives(a):
            gaps.append(max(to[p] for p in positives(a)) - min(to[n] for n in negatives(a)))
        for p in positives(a):
            if miner == "batch-all":
                gaps += [to[p] - to[n] for n in negatives(a)]
            if miner == "semi-hard":
                beyond = [to[n] for n in negatives(a) if to[n] > to[p]]
                gaps.append(to[p] - (min(beyond) if beyond else min(to[n] for n in negatives(a))))
    return gaps


@pytest.mark.parametrize("miner", ["batch-hard", "batch-all", "semi-hard"])
@pytest.mark.parametrize("margin", [None, 0.3])
def test_triplet_equals_the_loop(miner: str, margin: float | None) -> None:
    x, labels = embeddings(), torch.tensor(LABELS)
    gaps = plain_gaps(x, miner)
    wanted = [soft(gap) if margin is None else max(0.0, gap + margin) for gap in gaps]
    assert triplet_loss(x, labels, miner, margin).item() == pytest.approx(sum(wanted) / len(wanted), abs=1e-5)


def test_the_miners_differ() -> None:
    x, labels = embeddings(), torch.tensor(LABELS)
    values = {
        round(triplet_loss(x, labels, miner).item(), 5) for miner in ("batch-hard", "batch-all", "semi-hard")
    }
    assert len(values) == 3


def test_identity_loss_equals_equation_5() -> None:
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 3, 1, 1, 2])
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        shares = [math.exp(value) for value in row]
        total -= math.log(shares[label] / sum(shares))
    assert identity_loss(logits, labels).item() == pytest.approx(total / 5, abs=1e-5)


def test_contrastive_equals_the_loop() -> None:
    x, heat = embeddings(3), 0.2
    losses = []
    for a in range(len(LABELS)):
        scores = {i: float(x[a] @ x[i]) / heat for i in range(len(LABELS)) if i != a}
        total = math.log(sum(math.exp(value) for value in scores.values()))
        if positives(a):
            losses.append(-sum(scores[p] - total for p in positives(a)) / len(positives(a)))
    got = supervised_contrastive_loss(x, torch.tensor(LABELS), heat).item()
    assert got == pytest.approx(sum(losses) / len(losses), abs=1e-5)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_a_batch_without_triplets_costs_nothing_and_has_a_gradient(labels: list[int]) -> None:
    x = torch.randn(3, 4, requires_grad=True)
    for miner in ("batch-hard", "batch-all", "semi-hard"):
        loss = triplet_loss(x, torch.tensor(labels), miner)
        loss.backward()  # type: ignore[no-untyped-call]
        assert loss.item() == 0
    assert x.grad is not None
    assert torch.count_nonzero(x.grad) == 0


def test_gradients_stay_finite_where_two_pictures_embed_alike() -> None:
    x = F.normalize(torch.ones(4, 3), dim=1).requires_grad_()
    labels = torch.tensor([0, 0, 1, 1])
    (triplet_loss(x, labels) + supervised_contrastive_loss(x, labels)).backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_descending_the_loss_separates_identities() -> None:
    x = embeddings(5).requires_grad_()
    labels = torch.tensor(LABELS)
    first = triplet_loss(F.normalize(x, dim=1), labels).item()
    optimiser = torch.optim.Adam([x], lr=0.05)
    for _ in range(60):
        optimiser.zero_grad()
        loss = triplet_loss(F.normalize(x, dim=1), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert loss.item() < first / 2


def test_with_one_positive_it_is_nt_xent() -> None:
    x = F.normalize(torch.randn(6, 5, generator=torch.Generator().manual_seed(2)), dim=1)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    scores = (x @ x.T / 0.2).masked_fill(torch.eye(6, dtype=torch.bool), -torch.inf)
    wanted = F.cross_entropy(scores, torch.tensor([1, 0, 3, 2, 5, 4]))
    assert supervised_contrastive_loss(x, labels, 0.2).item() == pytest.approx(wanted.item(), abs=1e-6)


def test_a_pair_left_out_has_no_part_in_the_loss() -> None:
    x = F.normalize(torch.randn(6, 5, generator=torch.Generator().manual_seed(3)), dim=1)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    weights = torch.ones(6, 6)
    weights[:4, 4:] = weights[4:, :4] = 0  # tracklet 2 is unsure to both others
    got = supervised_contrastive_loss(x, labels, 0.2, weights)
    first = supervised_contrastive_loss(x[:4], labels[:4], 0.2)
    # The two pictures of tracklet 2 see nothing but each other: their loss is 0.
    assert got.item() == pytest.approx(first.item() * 4 / 6, abs=1e-6)


def test_a_hard_negative_of_weight_two_counts_like_two_of_them() -> None:
    x = F.normalize(torch.randn(3, 5, generator=torch.Generator().manual_seed(4)), dim=1)
    labels = torch.tensor([0, 0, 1])
    weights = torch.tensor([[1.0, 1, 2], [1, 1, 2], [2, 2, 1]])
    twice = torch.cat([x, x[2:]])
    wanted = supervised_contrastive_loss(twice, torch.tensor([0, 0, 1, 2]), 0.2)
    assert supervised_contrastive_loss(x, labels, 0.2, weights).item() == pytest.approx(
        wanted.item(), abs=1e-5
    )


def test_weights_leave_positives_alone() -> None:
    x = F.normalize(torch.randn(4, 5, generator=torch.Generator().manual_seed(5)), dim=1)
    labels = torch.tensor([0, 0, 1, 1])
    weights = torch.ones(4, 4)
    weights[0, 1] = weights[1, 0] = 7.0
    plain = supervised_contrastive_loss(x, labels)
    assert supervised_contrastive_loss(x, labels, weights=weights).item() == pytest.approx(plain.item())
