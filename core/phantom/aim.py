"""Finds poses inside the lumen from which a lesion is really seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from core.phantom.camera import Lens, Vector, angles_of, turn
from core.phantom.centreline import Centreline
from core.phantom.lesion import LesionBody
from core.phantom.scene import Pose
from core.phantom.tissue import StretchTissue
from core.phantom.tracer import Tracer

Array = NDArray[np.float32]

NEEDED_SHARE = 0.55
"""Share of the test points on the lesion that must be in sight."""
CLEARANCE_MM = 3.5


@dataclass(frozen=True)
class AimWish:
    """Which view is wanted; see :meth:`core.phantom.renderer.Renderer.aim`."""

    distance_mm: float
    view_angle: float
    side: str
    around: float
    roll: float
    place: tuple[float, float]
    aspect: float


def candidate_tips(
    wish: AimWish, body: LesionBody, centreline: Centreline
) -> Iterator[tuple[float, float, float]]:
    """Straightened coordinates (s, u, v) of possible tips, the wish itself first."""
    s, u, v = body.middle
    target = centreline.to_space(s, u, v)
    _, (right, up, tangent) = centreline.frame(s)
    out = np.cos(body.angle) * right + np.sin(body.angle) * up
    beside = np.cos(body.angle) * up - np.sin(body.angle) * right
    back = -tangent if wish.side == "anal" else tangent
    tilts = [0.0, 0.2, -0.2, 0.4, 0.6, -0.4, 0.8]
    turns = [0.0, 0.35, -0.35, 0.8, -0.8]
    shares = [1.0, 0.93, 1.07]
    tries = sorted(
        product(tilts, turns, shares), key=lambda t: abs(t[0]) + 0.7 * abs(t[1]) + 3 * abs(t[2] - 1)
    )
    for tilt, aside, share in tries:
        angle = wish.view_angle + tilt
        if not -0.1 <= angle <= 1.5:
            continue
        along = np.cos(wish.around + aside) * back + np.sin(wish.around + aside) * beside
        tip = target + wish.distance_mm * share * (np.sin(angle) * along - np.cos(angle) * out)
        guess = s + wish.distance_mm * np.sin(angle) * np.cos(wish.around + aside) * float(back @ tangent)
        yield centreline.to_straight(tip, guess)


def pose_towards(
    tip: tuple[float, float, float], target: Vector, wish: AimWish, fov_deg: float, centreline: Centreline
) -> Pose:
    """The pose at a tip that shows a point in space at ``wish.place`` of the picture."""
    centre, frame = centreline.frame(tip[0])
    towards = frame @ (target - centre) - np.array([tip[1], tip[2], 0.0])
    towards /= np.linalg.norm(towards)
    lens = Lens(round(1000 * wish.aspect), 1000, fov_deg)
    x = (1 + wish.place[0]) / 2 * lens.width - 0.5
    y = (1 - wish.place[1]) / 2 * lens.height - 0.5
    wanted = lens.rays(np.array([x], np.float32), np.array([y], np.float32))[0].astype(np.float64)
    yaw, pitch = angles_of(towards)
    for _ in range(12):
        axes = turn(yaw, pitch, wish.roll)
        yaw, pitch = angles_of(_rotate(axes[2], axes.T @ wanted, towards))
    return Pose(tip[0], (tip[1], tip[2]), yaw, pitch, wish.roll)


def _rotate(vector: Vector, start: Vector, end: Vector) -> Vector:
    """Turns a vector by the smallest rotation that takes one unit vector to another (Rodrigues)."""
    axis, cosine = np.cross(start, end), float(start @ end)
    twist = np.cross(axis, vector)
    return np.asarray(vector + twist + np.cross(axis, twist) / max(1 + cosine, 1e-6))


def visible_share(
    index: int,
    body: LesionBody,
    tissue: StretchTissue,
    tracer: Tracer,
    origin: Vector,
    centreline: Centreline,
) -> float:
    """Share of test points on a lesion, 0…1, towards which a ray from the tip meets that lesion first."""
    points = np.array([centreline.to_space(*p) for p in body.test_points()]) - origin
    rays = np.ascontiguousarray((points / np.linalg.norm(points, axis=1, keepdims=True)).T, np.float32)
    t, s = tracer.trace(rays)
    surface = tissue.surface(tracer.straighten(rays, t, s))
    return float(np.mean(surface.lesion == index + 1))
