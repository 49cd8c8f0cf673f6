"""All tissue that a ray can hit from one stretch: wall, relief and solids, with normals and identities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.phantom.lesion import LesionBody, soft_union
from core.phantom.mucosa import Skin
from core.phantom.sampling import look_up, polar
from core.phantom.tracer import Straight
from core.phantom.wall import WallStretch

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Surface:
    """What the hit points are.

    Attributes:
        angle: (n,) around the lumen, radians.
        normal: (n, 3) float32 unit vectors into the lumen, in the moving axes right, up, tangent.
        openness: (n,) 1 on open wall … 0 in deep recesses.
        lesion: (n,) int16, index into the bodies + 1, 0 = wall.
        raised: (n,) bool, on a lesion that stands off the wall.
    """

    angle: Array
    normal: Array
    openness: Array
    lesion: NDArray[np.int16]
    raised: NDArray[np.bool_]


class StretchTissue:
    """Wall stretch plus the lesions in it.

    Args:
        stretch: the wall's tables.
        bodies: (index into the colon's lesions, body) of the lesions in reach.
    """

    def __init__(self, stretch: WallStretch, bodies: Sequence[tuple[int, LesionBody]]) -> None:
        self.stretch = stretch
        self.bodies = tuple(bodies)

    def free(self, s: Array, u: Array, v: Array) -> Array:
        """A distance that is certainly free of tissue, mm."""
        return self.stretch.free_at(s, u, v)

    def _met(self, s: Array, u: Array, v: Array) -> Iterator[tuple[int, LesionBody, NDArray[np.intp]]]:
        """Lesions that some of the points might lie on: index, body and which points."""
        if s.size == 0:
            return
        lowest, highest = float(s.min()), float(s.max())
        for index, body in self.bodies:
            if body.begin_mm < highest and body.end_mm > lowest:
                near = np.flatnonzero(body.near(s, u, v))
                if near.size:
                    yield index, body, near

    def gap(self, s: Array, u: Array, v: Array) -> Array:
        """Positive in the lumen, negative in tissue, about mm."""
        radius, angle = polar(u, v)
        gap = self.stretch.radius_at(s, angle) - radius
        for _, body, near in self._met(s, u, v):
            if body.is_solid:
                solid = body.solid_gap(s[near], u[near], v[near])
                gap[near] = soft_union(gap[near], solid, body.blend_mm)
            else:
                gap[near] -= body.relief(s[near], angle[near])
        return gap

    def surface(self, at: Straight) -> Surface:
        """Normals, openness and lesion of points on the surface."""
        radius, angle = polar(at.u, at.v)
        radius = np.maximum(radius, np.float32(0.5))
        slopes = look_up(self.stretch.slopes, *self.stretch.texel(at.s, angle))
        across, around = 1 / radius, slopes[:, 1] / (radius * radius)
        gradient = np.stack(
            [
                -around * at.v - at.u * across,
                around * at.u - at.v * across,
                slopes[:, 0] / at.stretch,
            ],
            axis=1,
        )
        lesion = np.zeros(len(angle), np.int16)
        openness = slopes[:, 2].copy()
        raised = np.zeros(len(angle), bool)
        for index, body, near in self._met(at.s, at.u, at.v):
            point = (at.s[near], at.u[near], at.v[near])
            if body.is_solid:
                wall = self.stretch.radius_at(point[0], angle[near]) - radius[near]
                solid = body.solid_gap(*point)
                touched = near[solid < wall + body.blend_mm]
                lesion[near[solid < wall]] = index + 1
                raised[near[solid < wall]] = True
                crease = np.clip((solid - 0.2) / 4.0, 0, 1)
                openness[near] *= np.where(solid < wall, 1.0, 0.55 + 0.45 * crease)
            else:
                cover = look_up(body.skin.cover, *body.plane_texel(point[0], angle[near]))
                lesion[near[cover > 0.5]] = index + 1
                touched = near
            gradient[touched] = self._slope(at, touched)
        length = np.sqrt(np.einsum("ij,ij->i", gradient, gradient))
        return Surface(angle, gradient / np.maximum(length, 1e-6)[:, None], openness, lesion, raised)

    def unrolled(self, at: Straight, surface: Surface) -> tuple[Array, Array]:
        """Station and angle under which the wall's maps show each point.

        On a solid the height above the wall counts as a shift, so that the fine relief does not smear
        along it.
        """
        s, angle = at.s, surface.angle
        solid = np.flatnonzero(surface.raised)
        if solid.size:
            s, angle = s.copy(), angle.copy()
            height = self.stretch.radius_at(s[solid], angle[solid]) - polar(at.u[solid], at.v[solid])[0]
            s[solid] += np.float32(0.8) * height
            angle[solid] = np.mod(angle[solid] + np.float32(0.03) * height, np.float32(2 * np.pi))
        return s, angle

    def dressed(self, wall: Skin, at: Straight, surface: Surface, level: np.float32) -> Skin:
        """The wall's substances with those of the lesions put over them.

        Args:
            level: the patient's amount of blood, on which the lesions' own amounts build.
        """
        vessel, vein, blood, bile = wall.vessel.copy(), wall.vein.copy(), wall.blood.copy(), wall.bile.copy()
        slope = wall.slope.copy()
        for index, body, near in self._met(at.s, at.u, at.v):
            if body.is_solid:
                near = near[surface.lesion[near] == index + 1]
                column, row, cover = body.on_head(at.s[near], at.u[near], at.v[near])
                vessel[near] *= np.float32(0.35)
            else:
                column, row = body.plane_texel(at.s[near], surface.angle[near])
                cover = look_up(body.skin.cover, column, row)
            own = look_up(body.skin.substance, column, row)
            vessel[near] *= 1 - cover
            vein[near] = vein[near] * (1 - cover) + own[:, 1] * cover
            blood[near] += (own[:, 0] * level - blood[near]) * cover
            bile[near] += (own[:, 2] - bile[near]) * cover
            slope[near] *= (1 + np.float32(body.skin.rough - 1) * cover)[:, None]
        return Skin(vessel, vein, blood, bile, wall.film, slope)

    def _slope(self, at: Straight, where: NDArray[np.intp]) -> Array:
        """Gradient of the gap by central differences, in the moving axes right, up, tangent."""
        s, u, v = at.s[where], at.u[where], at.v[where]
        e = np.float32(0.12)
        return np.stack(
            [
                self.gap(s, u + e, v) - self.gap(s, u - e, v),
                self.gap(s, u, v + e) - self.gap(s, u, v - e),
                (self.gap(s + e, u, v) - self.gap(s - e, u, v)) / at.stretch[where],
            ],
            axis=1,
        ).astype(np.float32)
