"""Shapes and patterns of a lesion's surface, drawn from its seed: outline, lobes, granules, pits."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Array = NDArray[np.float32]
Rng = np.random.Generator


def harmonics(rng: Rng, angle: Array, amplitude: float, orders: range) -> Array:
    """A closed curve around zero: seeded sines whose strength falls with their order."""
    total = np.zeros_like(angle)
    for k in orders:
        a, b = rng.normal(0, 1, 2) / (1 + 0.6 * (k - orders.start))
        total += a * np.cos(k * angle) + b * np.sin(k * angle)
    return (amplitude * total).astype(np.float32)


def bumps(points: Array, centres: Array, heights: Array) -> tuple[Array, Array]:
    """Rounded bumps that meet in grooves (cells of the nearest centre).

    Args:
        points: (n, k). centres: (m, k). heights: (m,).

    Returns:
        height (n,), 0 in the grooves up to the bump's own height, and groove (n,), 1 in the grooves, 0 on
        the bumps.
    """
    distance, nearest = cKDTree(centres).query(points, k=3, workers=1)
    # Smooth minimum of the two ways to leave the cell: corners where three bumps meet stay round.
    second, third = (
        (distance[:, k] - distance[:, 0]) / np.maximum(distance[:, k] + distance[:, 0], 1e-9) for k in (1, 2)
    )
    share = 1 / np.sqrt(1 / np.maximum(second, 1e-3) ** 2 + 0.5 / np.maximum(third, 1e-3) ** 2)
    dome = np.sin(np.clip(1.5 * share, 0, 1) * (np.pi / 2)) ** 1.3
    groove = np.exp(-((share / 0.16) ** 2))
    return np.asarray(heights[nearest[:, 0]] * dome, np.float32), np.asarray(groove, np.float32)


def warped(rng: Rng, points: Array, reach: float) -> Array:
    """Points (n, k) displaced by about ``reach`` times seeded waves, so that cells have no straight
    borders.
    """
    dimensions = points.shape[1]
    total = np.zeros_like(points)
    for _ in range(5):
        wave = np.asarray(rng.normal(0, 1, dimensions) * (1.3 / reach), np.float32)
        shift = np.asarray(rng.normal(0, 1, dimensions) * (0.055 * reach), np.float32)
        total += np.sin(points @ wave + np.float32(rng.uniform(0, 2 * np.pi)))[:, None] * shift
    return np.asarray(points + total, np.float32)


def scatter_on_sphere(rng: Rng, count: int) -> Array:
    """About evenly spread unit vectors (count, 3) with seeded irregularity."""
    i = np.arange(count) + 0.5
    polar, azimuth = np.arccos(1 - 2 * i / count), np.pi * (1 + 5**0.5) * i + rng.uniform(0, 2 * np.pi)
    points = np.stack([np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)], 1)
    points += rng.normal(0, 0.55 / np.sqrt(count), points.shape)
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), np.float32)


def scatter_on_plane(rng: Rng, half: float, spacing: float) -> Array:
    """Jittered hexagonal grid over the square −half…half, (m, 2)."""
    count = max(int(2 * half / spacing) + 3, 3)
    j, i = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
    x = (i + 0.5 * (j % 2)) * spacing - half - spacing / 2
    y = j * spacing * 0.87 - half * 0.95
    grid = np.stack([x.ravel(), y.ravel()], 1) + rng.normal(0, 0.21 * spacing, (count * count, 2))
    return np.asarray(grid, np.float32)


def band_noise(rng: Rng, size: int, period_px: float) -> Array:
    """Noise of one spatial period (size, size), mean 0 and spread 1: its sign is a labyrinth like that of
    gyri.
    """
    noise = rng.normal(0, 1, (size, size)).astype(np.float32)
    fine = cv2.GaussianBlur(noise, (0, 0), period_px * 0.22)
    band = fine - cv2.GaussianBlur(noise, (0, 0), period_px * 0.38)
    return np.asarray((band - band.mean()) / band.std(), np.float32)


def gyri(rng: Rng, size: int, period_px: float) -> Array:
    """Tubular or branched pits as dark furrows: 0 on the ridges … 1 in the furrows (adenoma)."""
    return np.asarray(1 / (1 + np.exp(-3.0 * (band_noise(rng, size, period_px) - 0.25))), np.float32)


def pits(rng: Rng, size: int, period_px: float) -> Array:
    """Round pits: 0 between … 1 in the pits (normal, hyperplastic)."""
    return np.asarray(1 / (1 + np.exp(-5.0 * (band_noise(rng, size, period_px) - 1.3))), np.float32)


def net(rng: Rng, size: int, period_px: float) -> Array:
    """A fine net of lines, as capillaries around the pits: 1 on the lines … 0 in the meshes."""
    ridge = np.abs(band_noise(rng, size, period_px))
    return np.asarray(np.exp(-((ridge / 0.35) ** 2)), np.float32)


def streaks(rng: Rng, size: int, period_px: float) -> Array:
    """Furrows that run one way, swaying: 0 … 1."""
    y, x = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32), indexing="ij")
    turn = float(rng.uniform(0, np.pi))
    sway = 0.35 * period_px * patches(rng, size, size / 4) + 0.3 * period_px * patches(rng, size, size / 12)
    wave = np.sin((x * np.cos(turn) + y * np.sin(turn) + 2 * sway) * (2 * np.pi / period_px))
    return np.asarray(0.5 + 0.5 * wave, np.float32)


def spots(rng: Rng, size: int, count: int, radius_px: float) -> Array:
    """Round spots at random places, soft at their edge: 0 between … 1 in them."""
    canvas = np.zeros((size, size), np.uint8)
    for x, y, r in zip(
        *rng.uniform(0, size, (2, count)), radius_px * np.exp(0.35 * rng.standard_normal(count)), strict=True
    ):
        cv2.circle(canvas, (int(16 * x), int(16 * y)), int(16 * max(r, 0.6)), 255, -1, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(canvas, (0, 0), max(0.35 * radius_px, 0.6))
    return np.asarray(soft, np.float32) / np.float32(255)


def surface_blood(rng: Rng, size: int, period_px: float, *, pitted: bool) -> Array:
    """Factor on the blood over a lesion's surface: one or two patterns, here strong and there faint.

    Args:
        pitted: round pits lead (normal and hyperplastic), otherwise tubes and branches (adenoma).
    """
    kinds = (pits, net, gyri, streaks) if pitted else (gyri, net, streaks, pits)
    total = np.zeros((size, size), np.float32)
    for strongest in (0.7, 0.4):
        kind = kinds[int(rng.choice(4, p=[0.52, 0.27, 0.12, 0.09]))]
        sign = 1.0 if rng.random() < 0.75 else -1.0
        shown = np.clip(0.55 + 0.6 * patches(rng, size, size / 3), 0, 1)
        pattern = kind(rng, size, period_px) - 0.4
        total += np.float32(sign * strongest * rng.uniform(0.2, 1.0)) * shown * pattern
        period_px = max(period_px * float(rng.uniform(0.6, 2.2)), 3.0)
    if rng.random() < 0.35:
        count, wide = int(rng.integers(3, 60)), float(rng.uniform(0.8, 5.0))
        total += np.float32(rng.uniform(-0.6, 0.8)) * spots(rng, size, count, wide)
    return np.asarray(np.exp(total), np.float32)


def capillaries(rng: Rng, size: int) -> Array:
    """Some winding vessels over a map, blurred as those under the surface are: 0 … about 0.8."""
    canvas = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(3, 16))):
        steps, length = 24, float(rng.uniform(0.15, 0.7)) * size
        heading = float(rng.uniform(0, 2 * np.pi)) + np.cumsum(rng.normal(0, 0.28, steps))
        way = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1), 0) * (length / steps)
        points = np.rint((way + rng.uniform(0, size, 2)) * 16).astype(np.int32)
        width = int(rng.integers(1, 3))
        cv2.polylines(canvas, [points], False, int(rng.integers(90, 230)), width, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.7, 1.6)))
    return np.asarray(soft, np.float32) / np.float32(255) * np.float32(rng.uniform(0.4, 1.1))


def patches(rng: Rng, size: int, period_px: float) -> Array:
    """Slow variation, about −1…1."""
    knots = max(int(size / period_px) + 3, 4)
    coarse = rng.normal(0, 0.6, (knots, knots)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)
