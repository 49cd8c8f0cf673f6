"""The colours of a picture as a vector, inside the network, so that torch and ONNX see the same."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BINS = (4, 8, 8)
"""Of brightness, log(green / red) and log(blue / green)."""
LENGTH = BINS[0] * BINS[1] * BINS[2]
_SIDE = 64
_DARK = 1 / 32
"""Added to each channel (0…1): the ratios of nearly black pixels are noise."""
_LOGS = ((-2.0, 0.5), (-1.5, 0.5))
"""Ranges of the two ratios: mucosa, blood, residue and narrow-band light; others count at the ends."""


def colour_histogram(images: Tensor) -> Tensor:
    """Brightness and colour ratios of each picture; the square root makes the cosine Bhattacharyya's.

    Every pixel is shared between its neighbouring bins, so that a small change moves the histogram a little.

    Args:
        images: (B, 3, S, S) float in 0…255, RGB.

    Returns:
        (B, :data:`LENGTH`) float32, L2 rows.
    """
    x = images.float() / 255
    if (shrink := images.shape[-1] // _SIDE) > 1:
        x = F.avg_pool2d(x, shrink)
    red, green, blue = (x + _DARK).flatten(2).unbind(1)
    places = (
        x.flatten(2).mean(1),
        _within(torch.log(green / red), *_LOGS[0]),
        _within(torch.log(blue / green), *_LOGS[1]),
    )
    bright, first, second = (_shared_out(place, bins) for place, bins in zip(places, BINS, strict=True))
    pairs = (bright[:, :, :, None] * first[:, :, None, :]).flatten(2)
    counts = (pairs.transpose(1, 2) @ second).flatten(1)
    # Not 0: the square root has no slope there.
    return F.normalize((counts + 1e-6).sqrt(), dim=1)


def _within(values: Tensor, low: float, high: float) -> Tensor:
    return ((values - low) / (high - low)).clamp(0, 1)


def _shared_out(places: Tensor, bins: int) -> Tensor:
    """(B, N) in 0…1 → (B, N, bins): how much of each pixel falls to each bin; they add up to 1."""
    centres = torch.linspace(0, 1, bins, device=places.device)
    return (1 - (places[:, :, None] - centres).abs() * (bins - 1)).clamp(min=0)
