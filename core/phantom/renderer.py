"""The phantom's renderer: from a colon, a scope and a pose to light, depth and lesion mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.phantom.aim import CLEARANCE_MM, NEEDED_SHARE, AimWish, candidate_tips, pose_towards, visible_share
from core.phantom.camera import Lens, view_of
from core.phantom.centreline import centreline_of
from core.phantom.colon import shape_of
from core.phantom.guide import expect
from core.phantom.lesion import LesionBody
from core.phantom.mucosa import Skin, mucosa_of
from core.phantom.residue import residue_of
from core.phantom.scene import Optics, PhantomColon, Pose
from core.phantom.shading import albedo, shade
from core.phantom.tissue import StretchTissue, Surface
from core.phantom.tracer import BLOCK, FAR_MM, Straight, Tracer
from core.phantom.wall import CHUNK_MM, Wall

Array = NDArray[np.float32]
Window = tuple[int, int, int, int]


@dataclass(frozen=True)
class Render:
    """One rendered view, or a window of it.

    Attributes:
        rgb: (h, w, 3) float32, linear light, 0 … about 1 and more where the lamp over-exposes.
        depth_mm: (h, w) float32, distance from the tip along the ray, at most ``FAR_MM``.
        lesion: (h, w) int16, 0 = none, i = index into ``colon.lesions`` + 1.
    """

    rgb: NDArray[np.float32]
    depth_mm: NDArray[np.float32]
    lesion: NDArray[np.int16]


class Renderer:
    """Renders one colon through one exam's scope.

    Construction is cheap; wall stretches and textures are made when first seen and kept.

    Args:
        colon: the patient's colon with the lesions that are present in this exam.
        optics: lens, light, wetness, inflation, narrow band.
    """

    def __init__(self, colon: PhantomColon, optics: Optics) -> None:
        self.colon = colon
        self.optics = optics
        self._shape = shape_of(colon.seed, colon.length_mm)
        self._centreline = centreline_of(colon.seed, colon.length_mm)
        self._mucosa = mucosa_of(colon.seed, colon.length_mm)
        self._bodies = [
            LesionBody(lesion, self._shape, self._centreline, optics.inflation, optics.seed)
            for lesion in colon.lesions
        ]
        self._residue = residue_of(optics.seed, optics.residue)
        self._wall = Wall(self._shape, optics.inflation, self._inside_solid, self._relief)

    def _inside_solid(self, s: Array, u: Array, v: Array) -> NDArray[np.bool_]:
        s, u, v = np.broadcast_arrays(s, u, v)
        inside = np.zeros(s.shape, bool)
        for body in self._bodies:
            where = np.nonzero(body.near(s, u, v)) if body.is_solid else ()
            if len(where) and where[0].size:
                inside[where] = body.solid_gap(s[where], u[where], v[where]) < 0.4
        return inside

    def _relief(self, s: Array, angle: Array) -> Array:
        """Height of the flat lesions over a grid of wall points, mm."""
        height = np.zeros((s.shape[0], angle.shape[1]), np.float32)
        for body in self._bodies:
            rows = np.flatnonzero(np.abs(s[:, 0] - body.station) < body.reach_mm * 2)
            if not body.is_solid and rows.size:
                part, turn = (x.ravel() for x in np.broadcast_arrays(s[rows], angle))
                height[rows] = np.maximum(height[rows], body.relief(part, turn).reshape(rows.size, -1))
        return height

    def _tissue_at(self, station_mm: float) -> StretchTissue:
        bodies = [
            (i, body)
            for i, body in enumerate(self._bodies)
            if abs(float(body.station) - station_mm) < FAR_MM + body.reach_mm
        ]
        return StretchTissue(self._wall.around(station_mm), bodies)

    def render(self, pose: Pose, width: int, height: int, window: Window | None = None) -> Render:
        """What the camera sees.

        Args:
            pose: where the tip is and looks.
            width, height: the full picture in pixels (its diagonal spans ``optics.fov_deg``).
            window: (x0, y0, x1, y1) in pixels of that picture, ends excluded: only this part is rendered,
                at the
                cost of its own rays, and equals the same part of the full picture. None = everything.
        """
        x0, y0, x1, y1 = window or (0, 0, width, height)
        lens = Lens(width, height, self.optics.fov_deg)
        view = view_of(pose, self._centreline)
        tissue = self._tissue_at(pose.station_mm)
        tracer = Tracer(self._centreline, tissue, view.origin, pose.station_mm)
        axes = view.axes.astype(np.float32)
        expected = expect(tracer, lens, axes, (x0, y0, x1, y1))
        size = (y1 - y0, x1 - x0)
        x, y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
        rays = np.ascontiguousarray((lens.rays(x, y).reshape(-1, 3) @ axes).T)
        depth, station = tracer.trace_between(
            rays,
            expected.low.reshape(-1),
            expected.high.reshape(-1),
            expected.station.reshape(-1),
            expected.trust.reshape(-1),
        )
        rgb, lesion = np.empty((len(depth), 3), np.float32), np.empty(len(depth), np.int16)
        for begin in range(0, len(depth), BLOCK):
            part = slice(begin, begin + BLOCK)
            seen, t = np.ascontiguousarray(rays[:, part]), depth[part]
            at = tracer.straighten(seen, t, station[part])
            rgb[part], lesion[part] = self._look(tissue, at, seen, t, axes, lens)
        return Render(rgb.reshape(*size, 3), depth.reshape(size), lesion.reshape(size))

    def _look(
        self, tissue: StretchTissue, at: Straight, rays: Array, t: Array, axes: Array, lens: Lens
    ) -> tuple[Array, NDArray[np.int16]]:
        """Light (n, 3) and lesion (n,) of points that were hit at distances ``t``."""
        surface = tissue.surface(at)
        skin = self._skin(tissue, at, surface, t / np.float32(lens.focal_px))
        normal = self._centreline.turned(surface.normal, at.row)
        # Towards the caecal pole the maps converge; there the fine relief fades instead of forming a star.
        open_wall = np.clip((np.sqrt(at.u * at.u + at.v * at.v) - 4) / 13, 0, 1)
        relief = np.where(surface.raised, np.float32(1), open_wall)[:, None] * skin.slope
        fine = self._centreline.turned(_roughened(surface, relief), at.row)
        colour = albedo(skin, self.optics.narrow_band)
        light = shade(colour, skin.film, normal, fine, rays, t, surface.openness, axes, self.optics)
        lit = t < FAR_MM
        return light * lit[:, None], np.where(lit, surface.lesion, np.int16(0))

    def _skin(self, tissue: StretchTissue, at: Straight, surface: Surface, footprint_mm: Array) -> Skin:
        """Substances of all hit points: the wall's, and on lesions their own."""
        first = round(tissue.stretch.begin_mm / CHUNK_MM)
        s, angle = tissue.unrolled(at, surface)
        wall = self._mucosa.at(first, 5, s, angle, footprint_mm)
        skin = tissue.dressed(wall, at, surface, np.float32(self._mucosa.blood))
        return skin if self._residue is None else self._residue.over(skin, s, angle)

    def aim(
        self,
        lesion_index: int,
        distance_mm: float,
        view_angle: float = 0.7,
        *,
        side: str = "anal",
        around: float = 0.0,
        roll: float = 0.0,
        place: tuple[float, float] = (0.0, 0.0),
        aspect: float = 1.2,
    ) -> Pose | None:
        """A pose inside the lumen that really sees a lesion, or None if there is none near the wish.

        Args:
            lesion_index: index into ``colon.lesions``.
            distance_mm: from the tip to the lesion's middle, 10–60; kept within 7 %.
            view_angle: radians between the line of sight and the wall's normal there: 0 = from straight
                above, 1.4 = along the wall. Changed where the lumen is too narrow or a fold is in the way.
            side: ``anal`` = from the anal side, looking towards the caecum (the usual way); ``caecal`` =
                looking back.
            around: radians by which the tip stands aside of the lesion's longitudinal plane.
            roll: radians about the line of sight.
            place: where the lesion's middle lies in the picture, -1…1 from left to right and from bottom
                to top.
            aspect: width / height of the picture that ``place`` speaks of.
        """
        wish = AimWish(distance_mm, view_angle, side, around, roll, place, aspect)
        body, centreline = self._bodies[lesion_index], self._centreline
        target = centreline.to_space(*body.middle)
        for tip in candidate_tips(wish, body, centreline):
            tissue = self._tissue_at(tip[0])
            if self._clearance(tissue, tip) < CLEARANCE_MM:
                continue
            origin = centreline.to_space(*tip)
            tracer = Tracer(centreline, tissue, origin, tip[0])
            if visible_share(lesion_index, body, tissue, tracer, origin, centreline) >= NEEDED_SHARE:
                return pose_towards(tip, target, wish, self.optics.fov_deg, centreline)
        return None

    def clearance_mm(self, pose: Pose) -> float:
        """Distance from the tip to the nearest wall or lesion, about mm; negative inside tissue."""
        tip = (pose.station_mm, *pose.offset_mm)
        return self._clearance(self._tissue_at(pose.station_mm), tip)

    @staticmethod
    def _clearance(tissue: StretchTissue, tip: tuple[float, float, float]) -> float:
        s, u, v = (np.array([x], np.float32) for x in tip)
        gap, free = float(tissue.gap(s, u, v)[0]), float(tissue.free(s, u, v)[0]) + 0.6
        return min(gap, max(free, 0.0)) if gap > 0 else gap


def _roughened(surface: Surface, slope: Array) -> Array:
    """Normals (n, 3) in the moving axes, tilted by the fine relief's slopes along and around the colon."""
    cos, sin = np.cos(surface.angle), np.sin(surface.angle)
    tilted = surface.normal.copy()
    tilted[:, 0] += slope[:, 1] * sin
    tilted[:, 1] -= slope[:, 1] * cos
    tilted[:, 2] -= slope[:, 0]
    tilted /= np.sqrt(np.einsum("ij,ij->i", tilted, tilted))[:, None]
    return tilted
