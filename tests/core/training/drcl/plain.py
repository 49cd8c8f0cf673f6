"""DRCL's losses as plain loops over the formulas of the paper, for tests and benchmarks."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

Rows = list[list[float]]


def equation_8(
    z: Tensor, labels: Tensor, prior: Tensor, q: float, weights: tuple[float, float, float]
) -> float:
    """The loss of (B, d) embeddings, mixed already, with their (B, C) labels.

    Args:
        prior: (d, C).
        weights: alpha of equation 6, beta of equation 5, and that of equation 7.
    """
    inverse = np.linalg.pinv(prior.double().numpy()).tolist()
    own, wanted = z.double().tolist(), labels.double().tolist()
    targets = [_times(row, inverse) for row in wanted]
    scores = [_times(row, prior.double().tolist()) for row in own]
    alpha, beta, label = weights
    return (
        alpha * _equation_6(own, targets)
        + beta * _equation_5(own, targets)
        + label * _equation_7(scores, wanted, q)
    )


def _times(row: list[float], matrix: Rows) -> list[float]:
    return [sum(row[k] * matrix[k][at] for k in range(len(row))) for at in range(len(matrix[0]))]


def _equation_5(z: Rows, r: Rows) -> float:
    squares = [(a - b) ** 2 for one, other in zip(z, r, strict=True) for a, b in zip(one, other, strict=True)]
    return sum(squares) / len(squares)


def _equation_6(z: Rows, r: Rows) -> float:
    z, r = [_unit(row) for row in z], [_unit(row) for row in r]
    total = 0.0
    for i in range(len(z)):
        for j in range(len(z)):
            total += (2 * _dot(r[i], r[j]) - 2 * _dot(z[i], z[j])) ** 2
            total += (2 * _dot(r[i], z[j]) - 2 * _dot(r[j], z[i])) ** 2
    return total / len(z) ** 2


def _equation_7(scores: Rows, labels: Rows, q: float) -> float:
    total = 0.0
    for row, wanted in zip(scores, labels, strict=True):
        powers = [math.exp(value - max(row)) for value in row]
        for power, share in zip(powers, wanted, strict=True):
            total += share / sum(wanted) * (1 - (power / sum(powers)) ** q) / q
    return total / len(scores)


def _dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _unit(row: list[float]) -> list[float]:
    length = math.sqrt(_dot(row, row))
    return [value / length for value in row]
