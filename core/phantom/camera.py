"""The wide-angle camera at the tip of the scope: an equidistant fisheye lens (image height = f·angle)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.phantom.centreline import Centreline
from core.phantom.scene import Pose

Array = NDArray[np.float32]
Vector = NDArray[np.float64]

LARGEST_ANGLE = np.radians(89.0)


@dataclass(frozen=True)
class Lens:
    """Projection of one picture size.

    Args:
        width, height: full picture in pixels.
        fov_deg: full angle of view across the diagonal.
    """

    width: int
    height: int
    fov_deg: float

    @property
    def focal_px(self) -> float:
        """Pixels per radian from the optical axis."""
        return float(np.hypot(self.width, self.height) / 2 / np.radians(self.fov_deg / 2))

    def rays(self, x: Array, y: Array) -> Array:
        """Unit directions (…, 3) float32 in the camera's axes (right, up, forward) through pixel centres
        x, y.
        """
        dx = (x + 0.5 - self.width / 2) / self.focal_px
        dy = (self.height / 2 - y - 0.5) / self.focal_px
        angle = np.hypot(dx, dy)
        sinc = np.sin(np.minimum(angle, LARGEST_ANGLE)) / np.maximum(angle, 1e-9)
        return np.stack([dx * sinc, dy * sinc, np.cos(np.minimum(angle, LARGEST_ANGLE))], -1).astype(
            np.float32
        )

    def project(self, direction: Vector) -> tuple[float, float]:
        """Pixel coordinates (x, y) of a direction in the camera's axes; far outside the picture for what
        lies behind.
        """
        right, up, forward = (float(c) for c in direction)
        angle = np.arctan2(np.hypot(right, up), forward)
        scale = self.focal_px * angle / max(float(np.hypot(right, up)), 1e-12)
        return self.width / 2 + right * scale - 0.5, self.height / 2 - up * scale - 0.5


@dataclass(frozen=True)
class View:
    """A pose in space.

    Args:
        origin: (3,) mm.
        axes: (3, 3), rows right, up, forward of the camera as unit vectors in space.
    """

    origin: Vector
    axes: Vector


def view_of(pose: Pose, centreline: Centreline) -> View:
    """The pose's position and axes in space: yaw about up, then pitch, then roll about the line of sight."""
    centre, frame = centreline.frame(pose.station_mm)
    origin = centre + pose.offset_mm[0] * frame[0] + pose.offset_mm[1] * frame[1]
    return View(origin, turn(pose.yaw, pose.pitch, pose.roll) @ frame)


def turn(yaw: float, pitch: float, roll: float) -> Vector:
    """(3, 3) rows right, up, forward of the camera in the axes right, up, tangent of the centreline."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    forward = np.array([sy * cp, sp, cy * cp])
    right = np.array([cy, 0.0, -sy])
    up = np.cross(forward, right)
    cr, sr = np.cos(roll), np.sin(roll)
    return np.stack([cr * right + sr * up, cr * up - sr * right, forward])


def angles_of(forward: Vector) -> tuple[float, float]:
    """Yaw and pitch of a line of sight given in the axes right, up, tangent."""
    x, y, z = forward / np.linalg.norm(forward)
    return float(np.arctan2(x, z)), float(np.arcsin(np.clip(y, -1, 1)))
