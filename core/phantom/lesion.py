"""A lesion's body on the wall: what stands off (Ip with stalk, Isp, Is) as a solid, what is flat as relief.

Local coordinates of a lesion: ``a`` along the colon towards the caecum, ``b`` around the lumen, ``h`` off
    the wall
into the lumen, all in mm from the place where the lesion sits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.phantom.centreline import Centreline
from core.phantom.colon import ColonShape
from core.phantom.lesion_skin import PLANE_HALF, TEXELS, Skin, head_skin, head_texel, plane_skin
from core.phantom.sampling import look_up
from core.phantom.scene import PhantomLesion

Array = NDArray[np.float32]

BLEND_MM = (0.5, 3.5)
"""Range of the width of the soft transition between a solid's base and the wall, mm."""
_SQUEEZE = 0.09
"""Spread of a lesion's measures and of its lean from exam to exam (our choice)."""
SOLID_CLASSES = ("Ip", "Isp", "Is", "Is+IIc")


class LesionBody:
    """Geometry and skin of one lesion.

    Args:
        lesion: the true measures.
        shape, centreline: the colon that it sits in.
        inflation: factor on the calibre, so that the lesion keeps its size while the wall moves out.
        squeeze: seed of how it is squeezed and turned at this exam (wall tension, suction); 0 = not at all.
    """

    def __init__(
        self,
        lesion: PhantomLesion,
        shape: ColonShape,
        centreline: Centreline,
        inflation: float,
        squeeze: int = 0,
    ) -> None:
        self.lesion = lesion
        self.station = np.float32(lesion.station_mm)
        self.angle = float(lesion.angle)
        self.is_solid = lesion.paris in SOLID_CLASSES and lesion.state not in ("scar", "recurrence at scar")
        self.wall_mm = _wall_radius(shape, lesion) * inflation
        bend = centreline.bend[centreline.row_at(lesion.station_mm)]
        self._cos, self._sin = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        along = 1 - self.wall_mm * float(bend[0] * self._cos + bend[1] * self._sin)
        self._mm_per_station = np.float32(np.clip(along, 0.5, 1.6))
        self._turn = float(np.random.default_rng((lesion.seed, 33)).uniform(0, np.pi))
        rng = np.random.default_rng((lesion.seed, 36, squeeze))
        now = rng.normal(0, _SQUEEZE if squeeze else 0.0, 6)
        self._stretch = np.exp(now[:3] - now[:3].mean())  # what is pressed flat gets wider
        self._skew, self._tilt = float(now[3]), now[4:]
        self._turn += float(now[3])
        self.skin: Skin = head_skin(lesion) if self.is_solid else plane_skin(lesion)
        if self.is_solid:
            self._shape_solid()
        tall = lesion.height_mm + lesion.stalk_mm
        self.reach_mm = float(
            max(lesion.size_mm, lesion.size_2_mm) * 0.85 + (tall if self.is_solid else 0) + 3
        )
        span = self.reach_mm / float(self._mm_per_station)
        self.begin_mm, self.end_mm = lesion.station_mm - span, lesion.station_mm + span

    def _shape_solid(self) -> None:
        lesion = self.lesion
        rng = np.random.default_rng((lesion.seed, 34))
        self.blend_mm = 1.0
        half_a, half_b = lesion.size_mm / 2, max(lesion.size_2_mm, 0.5 * lesion.size_mm) / 2
        if lesion.paris == "Ip":
            half_h, lift = 0.43 * lesion.size_mm, max(lesion.stalk_mm, 3.0)
            self._stalk_mm = float(np.clip(0.17 * lesion.size_mm, 1.3, 3.6))
            lean = _lean(float(rng.uniform(0.25, 0.75)), lift, half_a, half_h)
        elif lesion.paris == "Isp":
            half_h, lift = 0.40 * lesion.size_mm, max(lesion.stalk_mm, 1.2)
            self._stalk_mm = float(0.27 * lesion.size_mm)
            lean = float(rng.uniform(0.0, 0.35))
        else:
            half_h, lift = 0.66 * lesion.height_mm, -0.32 * lesion.height_mm
            self._stalk_mm = 0.0
            self.blend_mm = float(np.clip(rng.uniform(0.1, 0.4) * lesion.height_mm, *BLEND_MM))
            lean = float(rng.uniform(0.0, 0.15))
        towards = float(rng.uniform(0, 2 * np.pi))
        axis = np.array([np.sin(lean) * np.cos(towards), np.sin(lean) * np.sin(towards), np.cos(lean)])
        self._halves = (np.array([half_a, half_b, half_h]) * self._stretch).astype(np.float32)
        axis[:2] += self._tilt
        axis /= np.linalg.norm(axis)
        self.head = (axis * (lift + half_h)).astype(np.float32)
        side = np.cross(axis, [np.sin(self._turn), -np.cos(self._turn), 0.0])
        side /= np.linalg.norm(side)
        self._axes = np.stack([side, np.cross(axis, side), axis]).astype(np.float32)

    @property
    def middle(self) -> tuple[float, float, float]:
        """Straightened coordinates (s, u, v) of the lesion's middle."""
        if not self.is_solid:
            return self._out(0.0, 0.0, min(self.lesion.height_mm, 2.0) / 2)
        return self._out(*(float(x) for x in self.head))

    def _out(self, a: float, b: float, h: float) -> tuple[float, float, float]:
        radial = self.wall_mm - h
        u = radial * float(self._cos) - b * float(self._sin)
        v = radial * float(self._sin) + b * float(self._cos)
        return float(self.station) + a / float(self._mm_per_station), u, v

    def test_points(self) -> list[tuple[float, float, float]]:
        """Straightened coordinates of nine points spread over the lesion, to see whether it is in sight."""
        half_a, half_b = 0.3 * self.lesion.size_mm, 0.3 * self.lesion.size_2_mm
        ring = [(half_a * np.cos(k * np.pi / 4), half_b * np.sin(k * np.pi / 4)) for k in range(8)]
        if self.is_solid:
            a, b, h = (float(x) for x in self.head)
            lift = 0.3 * float(self._halves[2])
            return [self._out(a, b, h), *(self._out(a + x, b + y, h + lift) for x, y in ring)]
        turn = self._turn
        spun = [(x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)) for x, y in ring]
        return [self._on_wall(0.0, 0.0), *(self._on_wall(float(x), float(y)) for x, y in spun)]

    def _on_wall(self, a: float, b: float) -> tuple[float, float, float]:
        angle, radius = self.angle + b / self.wall_mm, self.wall_mm - min(self.lesion.height_mm, 2.0) / 2
        station = float(self.station) + a / float(self._mm_per_station)
        return station, radius * float(np.cos(angle)), radius * float(np.sin(angle))

    def near(self, s: Array, u: Array, v: Array) -> NDArray[np.bool_]:
        """Which points might lie on the lesion."""
        close = np.abs(s - self.station) * self._mm_per_station < self.reach_mm
        return np.asarray(close & (u * self._cos + v * self._sin > self.wall_mm - 2.2 * self.reach_mm - 6))

    def local(self, s: Array, u: Array, v: Array) -> tuple[Array, Array, Array]:
        """Local coordinates (a, b, h) with a flat base, for solids."""
        a = (s - self.station) * self._mm_per_station
        return a, v * self._cos - u * self._sin, np.float32(self.wall_mm) - (u * self._cos + v * self._sin)

    def solid_gap(self, s: Array, u: Array, v: Array) -> Array:
        """About the distance to the solid in mm, negative inside."""
        a, b, h = self.local(s, u, v)
        gap = self._head_gap(a, b, h)
        return self._add_stalk(gap, a, b, h) if self._stalk_mm else gap

    def _head_point(self, a: Array, b: Array, h: Array) -> tuple[Array, Array, Array]:
        """Point in units of the head's half axes."""
        q = np.stack([a - self.head[0], b - self.head[1], h - self.head[2]])
        turned = (self._axes @ q) / self._halves[:, None]
        return turned[0], turned[1], turned[2]

    def _head_gap(self, a: Array, b: Array, h: Array) -> Array:
        x, y, z = self._head_point(a, b, h)
        k = np.maximum(np.sqrt(x * x + y * y + z * z), np.float32(1e-4))
        swell = look_up(self.skin.height, *head_texel(x / k, y / k, z / k))
        # First-order distance to an ellipsoid: (k − 1) scaled by |∇k|⁻¹, which is k² / |p / halves²|.
        slope = np.sqrt(sum((c / half) ** 2 for c, half in zip((x, y, z), self._halves, strict=True))) / k
        return np.asarray((k - 1 - swell) / np.maximum(slope, 1e-3), np.float32)

    def _add_stalk(self, gap: Array, a: Array, b: Array, h: Array) -> Array:
        """Smooth union with a stalk from the wall to the head's underside, wider at its foot."""
        end = self.head * np.float32(0.92)
        share = np.clip((a * end[0] + b * end[1] + h * end[2]) / float(end @ end), -0.1, 1)
        bow = np.float32(0.25) * np.sin(np.pi * np.clip(share, 0, 1))
        off_a, off_b = a - share * end[0] * (1 - bow), b - share * end[1] * (1 - bow)
        radius = self._stalk_mm * (1 + 0.55 * np.exp(-((share / 0.16) ** 2)))
        stalk = np.sqrt(off_a**2 + off_b**2 + (h - share * end[2]) ** 2) - radius
        return soft_union(gap, np.asarray(stalk, np.float32), np.float32(0.12 * self.lesion.size_mm))

    def on_head(self, s: Array, u: Array, v: Array) -> tuple[Array, Array, Array]:
        """Map coordinates of points on a solid, and how much they belong to its head (1) rather than its
        stalk (0).
        """
        a, b, h = self.local(s, u, v)
        x, y, z = self._head_point(a, b, h)
        k = np.maximum(np.sqrt(x * x + y * y + z * z), np.float32(1e-4))
        column, row = head_texel(x / k, y / k, z / k)
        swell = look_up(self.skin.height, column, row)
        edge = np.float32(0.10 if self._stalk_mm else 0.14)
        head = np.clip(1 - (k - 1 - swell - np.float32(0.03)) / edge, 0, 1)
        return column, row, np.asarray(head, np.float32)

    def plane_texel(self, s: Array, angle: Array) -> tuple[Array, Array]:
        """Map coordinates of wall points, for relief; arc lengths, so that the map lies on the curved
        wall.
        """
        a = (s - self.station) * self._mm_per_station
        turn = angle - np.float32(self.angle)
        turn -= np.rint(turn * np.float32(0.5 / np.pi)) * np.float32(2 * np.pi)
        b = turn * np.float32(self.wall_mm)
        a, b = a * np.float32(self._stretch[0]), b * np.float32(self._stretch[1])
        b += a * np.float32(self._skew)
        c, d = np.float32(np.cos(self._turn)), np.float32(np.sin(self._turn))
        scale = np.float32((TEXELS - 1) / 2 / (PLANE_HALF * self.lesion.size_mm / 2))
        centre = np.float32((TEXELS - 1) / 2)
        return centre + (a * c + b * d) * scale, centre + (b * c - a * d) * scale

    def relief(self, s: Array, angle: Array) -> Array:
        """Height of a flat lesion above the wall, mm, at wall points."""
        return look_up(self.skin.height, *self.plane_texel(s, angle))


def _lean(wish: float, lift: float, half_a: float, half_h: float) -> float:
    """How far a head leans, radians: at most so far that it keeps clear of the wall by half of its stalk."""
    for lean in np.linspace(wish, 0.0, 16):
        reach = 1.1 * float(np.hypot(half_h * np.cos(lean), half_a * np.sin(lean)))
        if (lift + half_h) * np.cos(lean) - reach > 0.5 * lift:
            return float(lean)
    return 0.0


def soft_union(first: Array, second: Array, width: np.float32 | float) -> Array:
    """Smooth minimum of two gaps: their union with a fillet about ``width`` mm wide (quadratic, Quilez
    2013).
    """
    mix = np.clip(width - np.abs(first - second), 0, None) / np.float32(max(float(width), 1e-6))
    return np.asarray(np.minimum(first, second) - mix * mix * np.float32(width * 0.25), np.float32)


def _wall_radius(shape: ColonShape, lesion: PhantomLesion) -> float:
    """The wall's radius under the lesion: the median over a small footprint, so that one groove does not
    sink it.
    """
    half = float(np.clip(0.2 * lesion.size_mm, 0.8, 3.0))
    s = (lesion.station_mm + np.linspace(-half, half, 5)).astype(np.float32)
    angle = (lesion.angle + np.linspace(-half, half, 5) / 20.0).astype(np.float32)
    return float(np.median(shape.radius_mm(s, angle)))
