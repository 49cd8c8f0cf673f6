"""How the tip of the scope moves: withdrawal, a look around, and the approach to each lesion.

One *take* shows one lesion: the tip comes back past it, the lesion enters at the edge of the wide-angle view,
the endoscopist approaches, looks from several distances and sides, backs off and goes on withdrawing. Between
takes the recording pauses, as endoscopists do when they record findings.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.phantom.renderer import Renderer
from core.phantom.scene import PhantomLesion, Pose
from core.phantom.seeding import Rng

_LEAST_CLEARANCE_MM = 3.0
_TAKE_SHARES = (0.0, 0.13, 0.27, 0.42, 0.57, 0.71, 0.84, 1.0)


class Take(msgspec.Struct, frozen=True):
    """The camera's way past one lesion.

    Args:
        lesion_index: into ``colon.lesions``.
        poses: one for every rendered frame, evenly spaced in time.
    """

    lesion_index: int
    poses: tuple[Pose, ...]


def take(
    renderer: Renderer, lesion_index: int, frames: int, aspect: float, roll: float, rng: Rng
) -> Take | None:
    """A take of ``frames`` rendered frames, or None when no place in the lumen sees the lesion.

    Args:
        aspect: width / height of the picture.
        roll: how the scope is turned in this exam, radians.
        rng: of this take alone.
    """
    keys = _key_poses(renderer, lesion_index, aspect, roll, rng)
    if keys is None:
        return None
    table = _through(np.array([_row(key) for key in keys]), np.array(_TAKE_SHARES), frames)
    table += _tremor(frames, rng)
    poses = [_clear(renderer, _pose(row)) for row in table]
    return Take(lesion_index, tuple(poses))


def _key_poses(renderer: Renderer, index: int, aspect: float, roll: float, rng: Rng) -> list[Pose] | None:
    lesion = renderer.colon.lesions[index]
    station, near = lesion.station_mm, viewing_distance(lesion)
    side = float(rng.choice([-1.0, 1.0]))

    def look(distance: float, angle: float, around: float, spread: float) -> Pose | None:
        place = (float(rng.uniform(-spread, spread)), float(rng.uniform(-spread, spread)))
        turned = roll + float(rng.normal(0, 0.12))
        return steady_aim(
            renderer, index, distance, angle, around=around, roll=turned, place=place, aspect=aspect
        )

    views = [
        look(min(2.6 * near, 55.0), 1.05, 0.1 * side, 0.45),
        look(1.7 * near, float(rng.uniform(0.75, 1.0)), 0.3 * side, 0.25),
        look(near, float(rng.uniform(0.4, 0.75)), 0.35 * side, 0.15),
        look(1.25 * near, float(rng.uniform(0.7, 1.05)), -0.5 * side, 0.2),
        look(1.9 * near, float(rng.uniform(0.8, 1.1)), -0.2 * side, 0.35),
    ]
    seen = [view for view in views if view is not None]
    if not seen:
        return None
    filled = [view if view is not None else seen[n % len(seen)] for n, view in enumerate(views)]
    first = _ahead(station + float(rng.uniform(8, 24)), roll, rng)
    leave = _ahead(station - float(rng.uniform(38, 50)), roll, rng)
    last = _ahead(station - float(rng.uniform(52, 66)), roll + float(rng.normal(0, 0.2)), rng)
    return [first, *filled, leave, last]


def viewing_distance(lesion: PhantomLesion) -> float:
    """Close-up distance at which a lesion fills about two fifths of a 150° picture, 9–32 mm."""
    return float(np.clip(7.0 + 0.85 * (lesion.size_mm + 0.6 * lesion.height_mm), 9.0, 32.0))


def _ahead(station_mm: float, roll: float, rng: Rng) -> Pose:
    """Looking along the lumen, hardly off its middle."""
    dx, dy, yaw, pitch = (float(v) for v in rng.normal(0, [1.5, 1.5, 0.12, 0.12]))
    return Pose(max(station_mm, 15.0), (dx, dy), yaw, pitch, roll)


def steady_aim(
    renderer: Renderer,
    index: int,
    distance: float,
    angle: float,
    *,
    around: float = 0.0,
    roll: float = 0.0,
    place: tuple[float, float] = (0.0, 0.0),
    aspect: float = 1.2,
) -> Pose | None:
    """:meth:`Renderer.aim` with second tries: flatter, from the other side, then closer or further away."""
    wishes = [
        (distance, angle, around),
        (distance, 1.1, -around),
        (0.75 * distance, 0.8, 0.0),
        (1.3 * distance, 1.0, 0.0),
    ]
    for far, flat, aside in wishes:
        far = float(np.clip(far, 6.5, 60.0))
        pose = renderer.aim(index, far, flat, around=aside, roll=roll, place=place, aspect=aspect)
        if pose is not None:
            return pose
    return None


def _row(pose: Pose) -> list[float]:
    return [pose.station_mm, *pose.offset_mm, pose.yaw, pose.pitch, pose.roll]


def _pose(row: NDArray[np.float64]) -> Pose:
    station, right, up, yaw, pitch, roll = (float(v) for v in row)
    return Pose(station, (right, up), yaw, pitch, roll)


def _through(keys: NDArray[np.float64], shares: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """Smooth curve through key poses: cubic Hermite with slopes that never overshoot a key.

    Args:
        keys: (k, 6) poses as rows; angles are unwrapped here.
        shares: (k,) ascending times, 0…1.

    Returns:
        (frames, 6).
    """
    keys = keys.copy()
    keys[:, 3:] = np.unwrap(keys[:, 3:], axis=0)
    span = np.diff(shares)[:, None]
    rise = np.diff(keys, axis=0) / span
    inner = 0.5 * (rise[:-1] + rise[1:])
    inner[rise[:-1] * rise[1:] <= 0] = 0.0
    slope = np.vstack([rise[:1], inner, rise[-1:]])
    at = np.linspace(0, 1, frames)
    k = np.clip(np.searchsorted(shares, at, side="right") - 1, 0, len(shares) - 2)
    t = ((at - shares[k]) / span[k, 0])[:, None]
    h = span[k]
    curve: NDArray[np.float64] = (
        (2 * t**3 - 3 * t**2 + 1) * keys[k]
        + (t**3 - 2 * t**2 + t) * h * slope[k]
        + (3 * t**2 - 2 * t**3) * keys[k + 1]
        + (t**3 - t**2) * h * slope[k + 1]
    )
    return curve


def _tremor(frames: int, rng: Rng) -> NDArray[np.float64]:
    """The hand's unrest: slow waves on every coordinate, (frames, 6)."""
    time = np.linspace(0, 1, frames)[:, None]
    size = np.array([0.8, 0.7, 0.7, 0.035, 0.035, 0.03])
    total = np.zeros((frames, 6))
    for beat in (2.0, 5.0, 11.0):
        phase = rng.uniform(0, 2 * math.pi, 6)
        total += size / math.sqrt(beat) * np.sin(2 * math.pi * beat * rng.uniform(0.8, 1.2, 6) * time + phase)
    return total


def _clear(renderer: Renderer, pose: Pose) -> Pose:
    """The pose, drawn towards the middle of the lumen until the tip is clear of the wall."""
    for _ in range(6):
        if renderer.clearance_mm(pose) >= _LEAST_CLEARANCE_MM:
            return pose
        right, up = pose.offset_mm
        pose = msgspec.structs.replace(pose, offset_mm=(0.7 * right, 0.7 * up))
    return pose


def turn_speed(poses: tuple[Pose, ...], at: int) -> tuple[float, float]:
    """Radians (yaw, pitch) that the view turns from the frame before to frame ``at``; 0 for the first."""
    if at == 0:
        return 0.0, 0.0
    before, now = poses[at - 1], poses[at]
    return now.yaw - before.yaw, now.pitch - before.pitch
