"""From substances, normals and distances to light: absorption, two lamps beside the lens, wet highlights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.phantom.mucosa import Skin
from core.phantom.scene import Optics

Array = NDArray[np.float32]

_LAMP_BELOW_MM = 0.8
"""The light guides lie this far under the lens's middle, one on either side of it."""
NOMINAL_MM = 25.0
"""At this distance white tissue that faces the lamp has light 1."""
_LEAST_MM = 2.0
_WRAP = 0.12
"""Share by which light that scattered under the surface softens the terminator."""

_WHITE = np.array(
    [[0.93, 0.78, 0.60], [0.13, 0.86, 1.00], [0.52, 1.55, 1.30], [0.55, 0.85, 0.55], [0.04, 0.28, 1.05]],
    np.float32,
)
"""Bloodless tissue's albedo, then the absorption of blood, vessels, veins and bile, for red, green, blue.

Haemoglobin absorbs blue and green and lets red pass, which is why mucosa is pink and vessels are dark red.
"""
_NARROW = np.array(
    [[0.60, 0.62, 0.50], [0.62, 0.95, 0.95], [1.15, 2.1, 2.0], [1.3, 0.45, 0.40], [0.15, 0.9, 0.9]],
    np.float32,
)
"""The same for narrow-band imaging as it is shown: 540 nm as red, 415 nm as green and blue."""


def albedo(skin: Skin, narrow_band: bool) -> Array:
    """Share of light that the tissue gives back (n, 3), by Beer and Lambert's law over the substances."""
    table = _NARROW if narrow_band else _WHITE
    depth = np.stack([skin.blood, skin.vessel, skin.vein, skin.bile])
    return np.asarray(table[0] * np.exp(-(depth.T @ table[1:])), np.float32)


def shade(
    colour: Array,
    film: Array,
    normal: Array,
    fine_normal: Array,
    rays: Array,
    t: Array,
    openness: Array,
    axes: Array,
    optics: Optics,
) -> Array:
    """Linear light (n, 3) that reaches the lens.

    Diffuse light follows Lambert's law and falls with the square of the distance to each lamp. The wet film
    mirrors the lamps: a Beckmann lobe (Beckmann & Spizzichino 1963) on the fine relief.

    Args:
        colour: (n, 3) albedo. film: (n,) thickness of the wet film, 0…1.
        normal, fine_normal: (3, n) unit vectors in space without and with the fine relief.
        rays: (3, n) unit vectors away from the lens. t: (n,) mm. openness: (n,) 0…1.
        axes: (3, 3) rows right, up, forward of the camera in space.
    """
    diffuse = np.zeros(len(t), np.float32)
    filled = np.zeros(len(t), np.float32)
    mirrored = np.zeros(len(t), np.float32)
    # Light scatters under the surface, so that diffuse light shows the fine relief only in part.
    soft_normal = np.float32(0.62) * normal + np.float32(0.38) * fine_normal
    shine = _shine(film, optics.wetness)
    for lamp, share in _lamps(optics):
        place = (lamp @ axes).astype(np.float32)
        to = place[:, None] - rays * t
        squared = np.maximum(np.einsum("ij,ij->j", to, to), np.float32(_LEAST_MM**2))
        to *= 1 / np.sqrt(squared)
        power = np.float32(optics.light * NOMINAL_MM**2 * share) / squared
        facing = np.einsum("ij,ij->j", soft_normal, to)
        lit = np.clip((facing + np.float32(_WRAP)) * np.float32(1 / (1 + _WRAP)), 0, 1)
        diffuse += power * lit
        filled += power
        half = to - rays
        cosine = np.einsum("ij,ij->j", fine_normal, half) / np.sqrt(np.einsum("ij,ij->j", half, half))
        mirrored += power * _lobe(cosine)
    out = colour * (diffuse * openness)[:, None]
    # Light by way of the neighbouring wall is twice as red for it.
    out += colour * colour * (np.float32(optics.fill) * filled * openness)[:, None]
    out += (mirrored * shine * openness)[:, None]
    return np.asarray(out, np.float32)


def _lamps(optics: Optics) -> list[tuple[Array, float]]:
    """Places (3,) of the light guides in the camera's axes right, up, forward, mm, and their shares."""
    cos, sin = np.cos(optics.lamp_turn), np.sin(optics.lamp_turn)
    places = []
    for side, share in ((-1.0, optics.lamp_share), (1.0, 1 - optics.lamp_share)):
        x, y = side * optics.lamp_mm, -_LAMP_BELOW_MM
        places.append((np.array([x * cos - y * sin, x * sin + y * cos, 0.0], np.float32), share))
    return places


def _shine(film: Array, wetness: float) -> Array:
    """How much of the lamp the film mirrors: patches grow with the wetness."""
    cover = np.clip((film - np.float32(0.75 - 0.75 * wetness)) * np.float32(4.0), 0.06, 1)
    return np.asarray(cover * np.float32(0.075), np.float32)


def _lobe(cosine: Array) -> Array:
    """Beckmann's distribution of mirroring facets over the cosine between normal and half vector, a
    quarter of it.
    """
    rough = np.float32(0.055**2)
    squared = np.maximum(cosine * cosine, np.float32(0.05))
    lobe = np.exp((1 - 1 / squared) / rough) / (4 * rough * squared * squared)
    return np.asarray(lobe * (cosine > 0), np.float32)
