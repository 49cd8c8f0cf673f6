"""A lesion's skin: maps of height and of the substances that colour it, over its plane or over its head."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.phantom.scene import PhantomLesion
from core.phantom.surface_pattern import (
    Rng,
    bumps,
    capillaries,
    gyri,
    harmonics,
    patches,
    scatter_on_plane,
    scatter_on_sphere,
    surface_blood,
    warped,
)

Array = NDArray[np.float32]

TEXELS = 224
PLANE_HALF = 1.5
"""Half the side of a plane map in units of the lesion's half size."""

_BLOOD = {"pale": 0.72, "as mucosa": 1.0, "red": 1.5, "brown": 1.35, "mixed": 1.25, "white": 0.42}
_BILE = {"brown": 0.4, "white": 0.1, "pale": 0.16}
_BLOOD_SPREAD = 0.17
"""Of the amount of blood among lesions of one colour word (log scale)."""
_GRANULE_MM = {"granular": 1.3, "nodular": 3.2, "lobulated": 5.5, "villous": 1.0, "cloud-like": 3.5}
_RELIEF = {"granular": 0.05, "nodular": 0.13, "lobulated": 0.2, "villous": 0.09, "cloud-like": 0.05}
_LIFT = {"granular": 0.33, "nodular": 0.28, "lobulated": 0.22, "villous": 0.30, "cloud-like": 0.09}
"""Height of a flat lesion's bumps as a share of their spacing."""
_PLATEAU_MM, _HIGHEST_FLAT_MM = 2.1, 2.45
"""A flat elevation (IIa) is less than 2.5 mm high, the closed cups of a biopsy forceps (Paris 2003)."""
_SERRATED_COLOURS = ("pale", "white", "as mucosa")


@dataclass(frozen=True)
class Skin:
    """Maps of TEXELS × TEXELS texels.

    Attributes:
        height: float32; plane maps: mm above the wall; head maps: share of the radius.
        substance: (…, 3) float32: blood (1 = normal mucosa), deep vessels, bile or mucus.
        cover: float32, 1 on the lesion … 0 beside it (head maps: 1 everywhere).
        rough: factor on the fine relief: how far highlights break up.
    """

    height: Array
    substance: Array
    cover: Array
    rough: float = 1.0


def _grid() -> tuple[Array, Array]:
    line = np.linspace(-1, 1, TEXELS, dtype=np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    return x, y


def _step(low: float, high: float, x: Array) -> Array:
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def head_directions() -> Array:
    """Unit vectors (TEXELS, TEXELS, 3) of a head map: Lambert's equal-area projection around the apex (0,
    0, 1).
    """
    x, y = _grid()
    squared = np.minimum(x * x + y * y, 1.0)
    scale = 2 * np.sqrt(1 - squared)
    return np.stack([x * scale, y * scale, 1 - 2 * squared], -1).astype(np.float32)


def head_texel(x: Array, y: Array, z: Array) -> tuple[Array, Array]:
    """Map coordinates (column, row) of unit vectors."""
    scale = np.sqrt(0.5 / np.maximum(1 + z, 1e-4)) * np.float32((TEXELS - 1) / 2)
    centre = np.float32((TEXELS - 1) / 2)
    return centre + x * scale, centre + y * scale


def head_skin(lesion: PhantomLesion) -> Skin:
    """Skin of a head that stands off the wall (Ip, Isp, Is)."""
    lesion = _before_growth(lesion)
    rng = np.random.default_rng((lesion.seed, 31))
    directions = head_directions()
    points = directions.reshape(-1, 3)
    height = _asymmetry(rng, points)
    groove = np.zeros(len(points), np.float32)
    for word in lesion.surface:
        if word in _GRANULE_MM:
            size = _GRANULE_MM[word] * (0.8 if lesion.size_mm < 8 else 1.0)
            count = int(np.clip(np.pi * lesion.size_mm**2 / (0.87 * size**2), 4, 500))
            amount = rng.uniform(0.35, 1.5, count).astype(np.float32)
            bend = warped(rng, points, 1.6 * size / lesion.size_mm)
            bump, between = bumps(bend, scatter_on_sphere(rng, count), amount)
            height += _RELIEF[word] * (bump - 0.6)
            groove = np.maximum(groove, between * min(1.0, _RELIEF[word] / 0.15))
    height, crater = _hollow(
        rng, lesion, height, np.asarray(np.arccos(np.clip(points[:, 2], -1, 1)) / 0.8, np.float32)
    )
    shape = (TEXELS, TEXELS)
    period = TEXELS * _pit_mm(lesion) / (np.pi * lesion.size_mm / 1.5)
    substance = _substance(rng, lesion, groove.reshape(shape), crater.reshape(shape), period)
    return Skin(height.reshape(shape), substance, np.ones(shape, np.float32), _roughness(lesion))


def _roughness(lesion: PhantomLesion) -> float:
    """From mirror-smooth to velvety, fixed for the lesion."""
    return float(np.exp(np.random.default_rng((lesion.seed, 35)).uniform(np.log(0.45), np.log(2.6))))


def _before_growth(lesion: PhantomLesion) -> PhantomLesion:
    """The lesion as it was when its lobes and pits formed: they grow with it, none is added."""
    if lesion.grown == 1.0:
        return lesion
    return msgspec.structs.replace(
        lesion, size_mm=lesion.size_mm / lesion.grown, size_2_mm=lesion.size_2_mm / lesion.grown, grown=1.0
    )


def _asymmetry(rng: Rng, points: Array) -> Array:
    """Seeded deviations from the ellipsoid: broad bulges and dents, some lesions hardly, some knobbly.

    Most real polyps are smooth and told apart by this: their shape as a whole.
    """
    total = np.zeros(len(points), np.float32)
    for count, sharp, spread in ((7, 2.5, 0.14), (20, 9.0, 0.055)):
        amount = float(np.exp(rng.uniform(np.log(0.45), np.log(1.5))))
        for centre, share in zip(scatter_on_sphere(rng, count), rng.normal(0, spread, count), strict=True):
            total += np.float32(amount * share) * np.exp(-sharp * (1 - points @ centre))
    return np.asarray(0.42 * np.tanh(total / 0.42), np.float32)


def _pit_mm(lesion: PhantomLesion) -> float:
    return float(np.clip(0.05 * lesion.size_mm + 0.35, 0.5, 1.0))


def _hollow(rng: Rng, lesion: PhantomLesion, height: Array, q: Array) -> tuple[Array, Array]:
    """An ulcer or a depression in the middle (q = 0) of a height map; returns the map and where the
    hollow is.
    """
    words = set(lesion.surface)
    if not words & {"ulcerated", "depressed"} and "IIc" not in lesion.paris and lesion.paris != "III":
        return height, np.zeros_like(height)
    wide = float(rng.uniform(0.45, 0.62))
    hollow = 1 - _step(0.7 * wide, wide, q)
    deep = 0.30 if "ulcerated" in words else 0.14
    return height - np.float32(deep) * hollow, hollow if "ulcerated" in words else 0.35 * hollow


def _substance(rng: Rng, lesion: PhantomLesion, groove: Array, crater: Array, period_px: float) -> Array:
    """Blood, deep vessels and bile of a skin: base colour, surface pattern, grooves, ulcer, mucus."""
    size = TEXELS
    level = float(np.exp(_BLOOD_SPREAD * rng.standard_normal()))
    blood = np.full((size, size), _BLOOD.get(lesion.colour, 1.0) * level, np.float32)
    bile = np.full((size, size), _BILE.get(lesion.colour, 0.06), np.float32)
    broad = patches(rng, size, size / float(rng.uniform(2, 6)))
    blood *= np.exp((0.40 if lesion.colour == "mixed" else float(rng.uniform(0.05, 0.3))) * broad)
    serrated = (
        lesion.colour in _SERRATED_COLOURS and lesion.paris in ("Is", "IIa", "IIb") and lesion.lst == "none"
    )
    serrated &= not set(lesion.surface) & {"granular", "nodular", "lobulated", "villous"}
    period = max(period_px * float(np.exp(rng.uniform(np.log(0.7), np.log(1.9)))), 3.5)
    blood *= surface_blood(rng, size, period, pitted=serrated)
    blood *= 1 + 0.35 * groove
    if "mucus cap" in lesion.surface:
        film = _step(-0.5, 0.4, patches(rng, size, size / 6))
        bile += 0.9 * film
        blood *= 1 - 0.3 * film
    fibrin = crater * _step(-0.6, 0.5, patches(rng, size, size / 9))
    blood = blood * (1 - 0.75 * fibrin) + 0.5 * crater * (1 - fibrin)
    bile += 0.35 * fibrin
    deep = capillaries(rng, size) if rng.random() < 0.4 else np.zeros_like(blood)
    return np.stack([np.clip(blood, 0.08, 4), deep, bile], -1).astype(np.float32)


def plane_skin(lesion: PhantomLesion) -> Skin:
    """Skin of a lesion that follows the wall (IIa, IIb, IIc, III, LST, scars)."""
    lesion = _before_growth(lesion)
    rng = np.random.default_rng((lesion.seed, 32))
    x, y = (axis * np.float32(PLANE_HALF) for axis in _grid())
    ratio = max(lesion.size_2_mm, 0.3 * lesion.size_mm) / lesion.size_mm
    radius, angle = np.hypot(x, y / np.float32(ratio)), np.arctan2(y / np.float32(ratio), x)
    large = lesion.size_mm >= 10
    wobble = harmonics(rng, angle, 0.09 if large else 0.06, range(2, 7))
    wobble += harmonics(rng, angle, 0.025, range(7, 15)) if large else np.float32(0)
    q = radius / (1 + np.float32(0.27) * np.tanh(wobble / np.float32(0.27)))
    if lesion.state in ("scar", "recurrence at scar"):
        return _scar(rng, lesion, q, angle)
    groove = np.zeros_like(q)
    lift, groove = _granules(rng, lesion, x, y, groove)
    profile = _profile(lesion, q)
    unit, crater = _hollow(rng, lesion, np.zeros_like(q), q)
    plateau = min(lesion.height_mm, _PLATEAU_MM) if lesion.paris.startswith("IIa") else lesion.height_mm
    height = profile * (plateau * (1 + 0.25 * patches(rng, TEXELS, TEXELS / 5)) + lift)
    if lesion.paris.startswith("IIa"):
        height *= min(1.0, _HIGHEST_FLAT_MM / max(float(height.max()), 1e-3))
    height += (2.2 * plateau + 0.8) * unit + _nodule(rng, lesion, x, y, lesion.height_mm - plateau) * profile
    cover = 1 - _step(0.88, 1.06, q)
    period = TEXELS * _pit_mm(lesion) / (PLANE_HALF * lesion.size_mm)
    substance = _substance(rng, lesion, groove, crater, period)
    return Skin(height.astype(np.float32), substance, cover, _roughness(lesion))


def _profile(lesion: PhantomLesion, q: Array) -> Array:
    """0 outside … 1 on the plateau; NG-PD and IIc sink towards the middle with a raised rim."""
    shoulder = 0.62 if lesion.size_mm < 8 else 0.78
    plateau = 1 - _step(shoulder, 1.04, q)
    dome = 0.85 + 0.15 * np.sqrt(np.clip(1 - q * q, 0, 1))
    if lesion.lst == "NG-PD":
        dome = dome * (0.55 + 0.45 * _step(0.25, 0.75, q))
    return np.asarray(plateau * dome, np.float32)


def _granules(rng: Rng, lesion: PhantomLesion, x: Array, y: Array, groove: Array) -> tuple[Array, Array]:
    """Extra height in mm from granules and nodules, and the grooves between them."""
    lift = np.zeros_like(x)
    half = lesion.size_mm / 2
    points = np.stack([x.ravel(), y.ravel()], 1) * np.float32(half)
    for word in lesion.surface:
        if word not in _GRANULE_MM:
            continue
        spacing = _GRANULE_MM[word] * (1.7 if lesion.lst.startswith("G") and word == "granular" else 1.0)
        spacing = min(spacing, 0.45 * lesion.size_mm)
        centres = scatter_on_plane(rng, PLANE_HALF * half, spacing)
        heights = rng.uniform(0.6, 1.25, len(centres)).astype(np.float32)
        bump, between = bumps(warped(rng, points, spacing), centres, heights)
        lift += (_LIFT[word] * spacing * (bump - 0.5)).reshape(x.shape)
        groove = np.maximum(groove, between.reshape(x.shape) * min(1.0, 4 * _LIFT[word]))
    return lift, groove


def _nodule(rng: Rng, lesion: PhantomLesion, x: Array, y: Array, least_mm: float) -> Array:
    """The large nodule of a mixed lesion (IIa+Is, LST of the nodular mixed type), mm above its plateau."""
    if "Is" not in lesion.paris and lesion.lst != "G-NM":
        return np.zeros_like(x)
    at, turn = float(rng.uniform(0.15, 0.5)), float(rng.uniform(0, 2 * np.pi))
    cx, cy = at * np.cos(turn), at * np.sin(turn)
    distance = np.hypot(x - cx, y - cy) / float(rng.uniform(0.26, 0.38))
    tall = float(np.clip(max(0.13 * lesion.size_mm, least_mm), 1.8, 6.0))
    return np.asarray(tall * np.sqrt(np.clip(1 - distance**2, 0, 1)), np.float32)


def _scar(rng: Rng, lesion: PhantomLesion, q: Array, angle: Array) -> Skin:
    """A pale, star-shaped scar with folds that converge on it; a recurrence adds a small nodule at its
    edge.
    """
    rays = int(rng.integers(5, 9))
    star = np.cos(rays * angle + harmonics(rng, angle, 0.5, range(1, 4)) + float(rng.uniform(0, 6)))
    fade = np.exp(-((q / 0.8) ** 2)) * _step(0.05, 0.35, q)
    height = 0.5 * star * fade - 0.5 * np.exp(-((q / 0.3) ** 2))
    white = np.exp(-((q / 0.55) ** 2)) * (0.75 + 0.25 * star)
    blood = 1.1 * (1 - 0.75 * white) + 0.25 * np.exp(-(((q - 0.7) / 0.2) ** 2))
    bile = np.full_like(q, 0.05)
    if lesion.state == "recurrence at scar":
        x, y = q * np.cos(angle), q * np.sin(angle)
        turn = float(rng.uniform(0, 2 * np.pi))
        distance = np.hypot(x - 0.45 * np.cos(turn), y - 0.45 * np.sin(turn)) / 0.3
        knob = np.sqrt(np.clip(1 - distance**2, 0, 1))
        height = height + max(lesion.height_mm, 1.0) * knob
        on = _step(0.0, 0.3, knob)
        blood = blood * (1 - on) + on * (1.5 + 0.4 * gyri(rng, TEXELS, 6.0))
    substance = np.stack([np.clip(blood, 0.1, 4), np.zeros_like(q), bile], -1).astype(np.float32)
    return Skin(height.astype(np.float32), substance, 1 - _step(0.85, 1.1, q))
