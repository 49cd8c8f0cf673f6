"""Losses of DMCL: ID cross-entropy (equation 5) and soft-margin triplet (equation 6), summed (equation 7)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

MINERS = ("batch-hard", "batch-all", "semi-hard")


def identity_loss(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy over the training identities, equation 5.

    Args:
        logits: (B, identities) float.
        labels: (B,) int64 identity numbers.
        smoothing: label smoothing, 0 in the paper.
    """
    return F.cross_entropy(logits.float(), labels, label_smoothing=smoothing)


def squared_distances(features: Tensor) -> Tensor:
    """(B, d) → (B, B) squared Euclidean distances, float32, ≥ 0."""
    x = features.float()
    squares = x.pow(2).sum(1)
    return (squares[:, None] + squares[None, :] - 2 * x @ x.T).clamp_min(0)


def triplet_loss(
    features: Tensor, labels: Tensor, miner: str = "batch-hard", margin: float | None = None
) -> Tensor:
    """Triplet loss on squared distances, equation 6: log(1 + exp(d²ap − d²an)).

    Args:
        features: (B, d) embeddings, L2 rows.
        labels: (B,) int64 identities.
        miner: ``batch-hard`` (each anchor's farthest positive and nearest negative), ``batch-all`` (mean over
            every triplet) or ``semi-hard`` (every positive with the nearest negative beyond it, else with the
            nearest negative at all).
        margin: None for the soft margin of the paper; a number m gives max(0, d²ap − d²an + m).

    Returns:
        The mean over the triplets; 0, with a gradient of 0, when the batch holds none.
    """
    distances = squared_distances(features)
    same = labels[:, None] == labels[None, :]
    positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    gaps = _MINERS[miner](distances, positive, ~same)
    if gaps.numel() == 0:
        return features.sum() * 0
    return (F.softplus(gaps) if margin is None else F.relu(gaps + margin)).mean()


def _batch_hard(distances: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    usable = positive.any(1) & negative.any(1)
    farthest = distances.masked_fill(~positive, -torch.inf).amax(1)
    nearest = distances.masked_fill(~negative, torch.inf).amin(1)
    return (farthest - nearest)[usable]


def _batch_all(distances: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    gaps = distances[:, :, None] - distances[:, None, :]
    return gaps[positive[:, :, None] & negative[:, None, :]]


def _semi_hard(distances: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    beyond = negative[:, None, :] & (distances[:, None, :] > distances[:, :, None])
    nearest_beyond = distances[:, None, :].masked_fill(~beyond, torch.inf).amin(2)
    nearest = distances.masked_fill(~negative, torch.inf).amin(1)
    chosen = torch.where(beyond.any(2), nearest_beyond, nearest[:, None])
    return (distances - chosen)[positive & negative.any(1)[:, None]]


_MINERS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "batch-hard": _batch_hard,
    "batch-all": _batch_all,
    "semi-hard": _semi_hard,
}


def supervised_contrastive_loss(
    features: Tensor, labels: Tensor, temperature: float = 0.1, weights: Tensor | None = None
) -> Tensor:
    """Supervised contrastive loss (Khosla 2020, L_out): a setting beside the paper's triplet.

    With one positive an anchor it is NT-Xent (Chen 2020).

    Args:
        features: (B, d) embeddings, L2 rows.
        labels: (B,) int64 identities.
        temperature: of the cosine scores.
        weights: (B, B) ≥ 0, how much each pair counts as a negative: 0 leaves it out, 2 counts it as two
            such. Pairs of one label aren't touched by it. None = all 1.

    Returns:
        The mean over anchors that have a positive; 0 with a gradient of 0 when none has.
    """
    x = features.float()
    own = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    scores = (x @ x.T / temperature).masked_fill(own, -torch.inf)
    positive = (labels[:, None] == labels[None, :]) & ~own
    anchors = positive.any(1)
    if not bool(anchors.any()):
        return features.sum() * 0
    counted = scores
    if weights is not None:
        counted = scores + weights.float().log().masked_fill(positive | own, 0)
    log_share = (scores - torch.logsumexp(counted, dim=1, keepdim=True)).masked_fill(~positive, 0)
    return -(log_share.sum(1)[anchors] / positive.sum(1)[anchors]).mean()
