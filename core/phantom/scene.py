"""The truth of the phantom as plain values: what renderer, exam generator and description writer share."""

from __future__ import annotations

import msgspec


class PhantomLesion(msgspec.Struct, frozen=True):
    """One lesion's true anatomy; where nothing else is planned it stays the same in every exam.

    Args:
        key: identity, e.g. ``p003-l2``.
        seed: fixes lobes, pits and the lesion's own surface pattern.
        segment: vocabulary word, e.g. ``sigmoid``.
        station_mm: distance along the centreline from the anal verge.
        angle: position around the lumen, radians.
        state, paris, lst, colour, surface: vocabulary words (``core.text``).
        size_mm, size_2_mm, height_mm, stalk_mm: true measures; ``stalk_mm`` is 0 without a stalk.
        grown: how many times as large it is as when its surface pattern was laid down.
    """

    key: str
    seed: int
    segment: str
    station_mm: float
    angle: float
    state: str
    paris: str
    lst: str
    size_mm: float
    size_2_mm: float
    height_mm: float
    stalk_mm: float
    colour: str
    surface: tuple[str, ...]
    grown: float = 1.0


class PhantomColon(msgspec.Struct, frozen=True):
    """One patient's colon: its seed fixes centreline, calibre, haustral folds and the vessel pattern."""

    seed: int
    length_mm: float
    lesions: tuple[PhantomLesion, ...]


class Pose(msgspec.Struct, frozen=True):
    """Where the tip of the scope is and where it looks.

    Args:
        station_mm: distance along the centreline from the anal verge.
        offset_mm: displacement from the centreline in the cross-section (right, up).
        yaw, pitch, roll: radians against the centreline's direction *towards the caecum*; yaw right,
            pitch up.
    """

    station_mm: float
    offset_mm: tuple[float, float]
    yaw: float
    pitch: float
    roll: float


class Optics(msgspec.Struct, frozen=True):
    """What one exam's scope and preparation give the picture before the processor.

    Args:
        fov_deg: full angle of view across the picture's diagonal, about 140–170 for a colonoscope.
        light: strength of the scope's lamp, 1 = nominal.
        wetness: 0 (dry) … 1 (many highlights).
        inflation: 0.8 (collapsed) … 1.2 (stretched) times the nominal calibre.
        narrow_band: narrow-band imaging instead of white light.
        seed: of what differs from exam to exam (lesions squeezed, residue); 0 = as planned.
        residue: 0 (clean) … 1 (mucus, fluid, foam, stool everywhere).
        lamp_mm, lamp_turn, lamp_share: half the distance of the two lamps, the angle of the line between them
            in the picture (radians), and the first one's share of the light.
        fill: light that comes by way of the wall, as a share of the direct light.
    """

    fov_deg: float = 150.0
    light: float = 1.0
    wetness: float = 0.5
    inflation: float = 1.0
    narrow_band: bool = False
    seed: int = 0
    residue: float = 0.0
    lamp_mm: float = 3.2
    lamp_turn: float = 0.0
    lamp_share: float = 0.5
    fill: float = 0.13
