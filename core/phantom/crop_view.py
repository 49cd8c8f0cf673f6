"""One training crop: an endoscopist's pose, the lesion's window, the processor and a hand-drawn box."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.phantom.curtain import drawn
from core.phantom.fields import NONE, combed, draw_scan, fringed
from core.phantom.overlay import CORNER, shape_mask
from core.phantom.path import steady_aim, viewing_distance
from core.phantom.processor import Exposure, Image, Look, Processor, develop, random_look, smear, varied
from core.phantom.renderer import Renderer
from core.phantom.scene import Pose
from core.phantom.seeding import Rng
from core.phantom.truth import Box, box_of
from core.phantom.wobble import Wobble, warped, warped_labels

MARGIN = 1.6
"""How much wider and higher than the lesion's box a stored picture is: more than the crop's 1.3."""
LEAST_SIDE = 8
"""A lesion whose box is narrower than this, in pixels, isn't worth a crop."""
_PREVIEW = 64
_ATTEMPTS = 4
_PARTLY = 0.15
"""Share of the views that wish the lesion at the very edge, so that some of it is cut off."""


class ExamCamera(msgspec.Struct, frozen=True):
    """What all crops of one exam share.

    Args:
        look: how the processor develops.
        width: side of the full, square scope picture, pixels.
        shape: of the scope picture, see :class:`core.phantom.processor.Processor`.
        quality: of the JPEG files, 0…100.
        scan: how the camera reads the picture, see :mod:`core.phantom.fields`.
        fringe: the lens's own colour fringe, see :func:`core.phantom.fields.fringed`.
    """

    look: Look
    width: int
    shape: str
    quality: int
    scan: str = NONE
    fringe: float = 0.0


class CropView(msgspec.Struct, frozen=True):
    """A stored picture.

    Args:
        picture: (h, w, 3) uint8 RGB.
        box: as a human draws it around the visible part of the lesion.
        true_box: the smallest one around it.
    """

    picture: Image
    box: Box
    true_box: Box


def exam_camera(rng: Rng) -> ExamCamera:
    """The processor of one exam: any there might be, with scope pictures of 360 to 800 pixels."""
    shape = ("octagon", "round", "cut")[int(rng.integers(3))]
    width = int(math.exp(rng.uniform(math.log(360), math.log(800))))
    quality, scan, fringe = int(rng.integers(55, 96)), draw_scan(rng), abs(float(rng.normal(0, 0.004)))
    return ExamCamera(random_look(rng), width, shape, quality, scan, fringe)


def brand_camera(processor: Processor, rng: Rng) -> ExamCamera:
    """The processor of one exam: this brand, as it is set up in one room."""
    side = min(processor.picture[2:])
    look, quality = varied(processor.look, rng), int(rng.integers(75, 96))
    return ExamCamera(look, side, processor.shape, quality, draw_scan(rng), abs(float(rng.normal(0, 0.003))))


def crop_view(renderer: Renderer, index: int, camera: ExamCamera, size: int, rng: Rng) -> CropView | None:
    """One picture of the lesion with its box, or None when several tries hardly saw it.

    Args:
        index: into ``renderer.colon.lesions``.
        size: longest side of the picture, pixels; a lesion that is smaller in the exam's video stays so.
        rng: of this view alone.
    """
    for _ in range(_ATTEMPTS):
        pose = _wish(renderer, index, camera, rng)
        made = None if pose is None else _shoot(renderer, index, pose, camera, size, rng)
        if made is not None:
            return made
    return None


def human_box(rng: Rng, box: Box, width: int, height: int) -> Box:
    """The box as a person draws it: a little wide, every edge some per cent off, within the picture.

    The spread (6 % of the side at every edge, our choice) gives a mean overlap (IoU) of about 0.85 with the
    smallest box.
    """
    x, y, w, h = box
    left, right, top, bottom = (float(v) for v in rng.normal(0.02, 0.06, 4))
    x0, x1 = _clipped(x - left * w, x + w + right * w, width)
    y0, y1 = _clipped(y - top * h, y + h + bottom * h, height)
    return x0, y0, x1 - x0, y1 - y0


def _clipped(low: float, high: float, limit: int) -> tuple[int, int]:
    start, end = max(0, round(low)), min(limit, round(high))
    return start, max(end, start + 1)


def _wish(renderer: Renderer, index: int, camera: ExamCamera, rng: Rng) -> Pose | None:
    """Mostly oblique from the anal side, turned at any angle, at 0.6 to 1.9 times the close-up distance."""
    near = viewing_distance(renderer.colon.lesions[index])
    return steady_aim(
        renderer,
        index,
        near * math.exp(float(rng.uniform(-0.5, 0.65))),
        float(rng.uniform(0.3, 1.35)),
        around=float(rng.normal(0, 0.6)),
        roll=float(rng.uniform(-math.pi, math.pi)),
        place=_place(camera.shape, rng),
        aspect=1.0,
    )


def _place(shape: str, rng: Rng) -> tuple[float, float]:
    """Where in the picture (-1…1) the lesion's middle should lie: in its middle, now and then at its edge."""
    if rng.random() >= _PARTLY:
        return float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5))
    towards = float(rng.uniform(-math.pi, math.pi))
    cos, sin = math.cos(towards), math.sin(towards)
    edge = 1.0
    if shape != "round":
        edge = min(1 / max(abs(cos), abs(sin)), (2 - 2 * CORNER[shape]) / (abs(cos) + abs(sin)))
    far = edge * float(rng.uniform(0.8, 1.0))
    return far * cos, far * sin


def _shoot(
    renderer: Renderer, index: int, pose: Pose, camera: ExamCamera, size: int, rng: Rng
) -> CropView | None:
    """Finds the lesion in a coarse view of everything, then renders its window as fine as in a video."""
    coarse = renderer.render(pose, _PREVIEW, _PREVIEW)
    seen = (coarse.lesion == index + 1) & shape_mask(camera.shape, _PREVIEW, _PREVIEW)
    if int(seen.sum()) < 4:
        return None
    x, y, w, h = box_of(seen)
    width = min(camera.width, int(size * _PREVIEW / (MARGIN * (max(w, h) + 1))))
    window = _window((x - 0.5, y - 0.5, w + 1.0, h + 1.0), width / _PREVIEW, width)
    fine = renderer.render(pose, width, width, window)
    x0, y0, x1, y1 = window
    bent = Wobble(rng, float(rng.uniform(0, 0.03))).maps(x1 - x0, y1 - y0)
    inside = shape_mask(camera.shape, width, width)[y0:y1, x0:x1]
    light = warped(fine.rgb, bent)
    light, shown = drawn(light, (warped_labels(fine.lesion, bent) == index + 1) & inside, rng)
    if int(shown.sum()) < LEAST_SIDE**2:
        return None
    box = box_of(shown)
    if min(box[2:]) < LEAST_SIDE:
        return None
    picture = _developed(coarse.rgb, light, inside, camera, rng)
    return CropView(picture, human_box(rng, box, x1 - x0, y1 - y0), box)


def _developed(
    coarse: NDArray[np.float32],
    light: NDArray[np.float32],
    inside: NDArray[np.bool_],
    camera: ExamCamera,
    rng: Rng,
) -> Image:
    """The window as the processor shows it; sometimes moved or out of focus."""
    look = camera.look
    exposure = look.exposure * math.exp(0.08 * float(rng.normal()))
    softness = look.softness + (float(rng.exponential(0.8)) if rng.random() < 0.2 else 0.0)
    now = msgspec.structs.replace(look, exposure=exposure, softness=softness)
    angle, length = float(rng.uniform(0, 2 * math.pi)), float(rng.exponential(2.5))
    dx, dy = (length * math.cos(angle), length * math.sin(angle)) if rng.random() < 0.25 else (0.0, 0.0)
    light = fringed(smear(light, dx, dy), camera.scan, 0.6 * dx, 0.6 * dy, camera.fringe)
    # Metered half on the whole view, half on the lesion, as an endoscopist would make it show.
    gain = math.sqrt(Exposure(now).gain(coarse) * Exposure(now).gain(light))
    picture = combed(develop(light, now, gain, rng), camera.scan, dx)
    picture[~inside] = 2  # not quite black, as on the screen
    return picture


def _window(box: tuple[float, float, float, float], scale: float, width: int) -> tuple[int, int, int, int]:
    """The widened box in pixels of the fine picture, clipped to it: (x0, y0, x1, y1)."""
    x, y, w, h = (value * scale for value in box)
    left, top = x + w / 2 - MARGIN * w / 2, y + h / 2 - MARGIN * h / 2
    return (
        max(0, math.floor(left)),
        max(0, math.floor(top)),
        min(width, math.ceil(left + MARGIN * w)),
        min(width, math.ceil(top + MARGIN * h)),
    )
