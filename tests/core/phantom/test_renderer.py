"""What the camera sees: light, depth, masks, and that it is fixed to the surface and to the seeds."""

from __future__ import annotations

from functools import lru_cache

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from core.phantom.camera import Lens, view_of
from core.phantom.centreline import centreline_of
from core.phantom.mucosa import Mucosa, Skin, mucosa_of
from core.phantom.renderer import Render, Renderer
from core.phantom.scene import Optics, PhantomColon, PhantomLesion, Pose
from core.phantom.tracer import FAR_MM, Tracer

WIDTH, HEIGHT = 168, 140
POSE = Pose(400.0, (2.0, 1.0), 0.1, -0.1, 0.3)


def lesion(station: float, paris: str, size: float, height: float, stalk: float = 0.0) -> PhantomLesion:
    return PhantomLesion(
        key=f"l{station:.0f}",
        seed=int(station),
        segment="descending",
        station_mm=station,
        angle=1.0,
        state="polyp",
        paris=paris,
        lst="none",
        size_mm=size,
        size_2_mm=0.9 * size,
        height_mm=height,
        stalk_mm=stalk,
        colour="red",
        surface=("smooth",),
    )


COLON = PhantomColon(
    21,
    800.0,
    (lesion(420.0, "Ip", 14.0, 12.0, 7.0), lesion(470.0, "Is", 8.0, 4.2), lesion(372.0, "IIa", 9.0, 1.8)),
)


@lru_cache(maxsize=8)
def renderer(optics: Optics = Optics(), colon: PhantomColon = COLON) -> Renderer:  # noqa: B008 - frozen
    return Renderer(colon, optics)


@lru_cache(maxsize=8)
def seen(optics: Optics = Optics(), colon: PhantomColon = COLON) -> Render:  # noqa: B008 - frozen
    return renderer(optics, colon).render(POSE, WIDTH, HEIGHT)


def points(render: Render, pose: Pose) -> NDArray[np.float64]:
    """Where the pixels lie in space, (h, w, 3) mm."""
    height, width = render.depth_mm.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    view = view_of(pose, centreline_of(COLON.seed, COLON.length_mm))
    rays = Lens(width, height, Optics().fov_deg).rays(x, y).astype(float) @ view.axes
    return view.origin + rays * render.depth_mm[..., None]


def test_the_values_are_sound() -> None:
    render = seen()
    assert render.rgb.shape == (HEIGHT, WIDTH, 3)
    assert render.rgb.dtype == render.depth_mm.dtype == np.float32
    assert render.lesion.dtype == np.int16
    assert np.isfinite(render.rgb).all()
    assert (render.rgb >= 0).all()
    assert render.depth_mm.min() > 1.0
    assert render.depth_mm.max() <= FAR_MM


def test_mucosa_is_pink() -> None:
    red, green, blue = (float(np.median(seen().rgb[..., k])) for k in range(3))
    assert red > 1.4 * green
    assert green > blue > 0.15 * red


def test_light_falls_with_the_square_of_the_distance() -> None:
    """Over a whole view light falls by about the square, and the lumen ends in the dark."""
    render = seen()
    wall = (render.lesion == 0) & (render.depth_mm < 0.9 * FAR_MM)
    depth, light = np.log(render.depth_mm[wall]), np.log(render.rgb[..., 0][wall] + 1e-6)
    slope = np.polyfit(depth, light, 1)[0]
    assert -2.8 < slope < -1.5
    near = render.rgb[render.depth_mm < np.quantile(render.depth_mm, 0.1)].mean()
    deep = render.rgb[render.depth_mm > np.quantile(render.depth_mm, 0.95)].mean()
    assert near > 15 * deep


def test_light_grows_with_the_lamp() -> None:
    bright = seen(Optics(light=2.0))
    assert np.allclose(bright.rgb, 2 * seen().rgb, rtol=1e-4, atol=1e-6)
    assert np.array_equal(bright.depth_mm, seen().depth_mm)


def test_a_wet_colon_shows_more_highlights_than_a_dry_one() -> None:
    def white(render: Render) -> int:
        """Pixels whose blue is lifted nearly to their red, as only the lamp's mirror image does."""
        return int((render.rgb[..., 2] > 0.72 * render.rgb[..., 0]).sum())

    dry, wet = (white(seen(Optics(wetness=wetness))) for wetness in (0.0, 1.0))
    assert wet > 3 * dry
    assert wet < 0.2 * WIDTH * HEIGHT


def test_one_seed_gives_one_picture() -> None:
    mucosa_of.cache_clear()
    again = Renderer(COLON, Optics()).render(POSE, WIDTH, HEIGHT)
    assert np.array_equal(again.rgb, seen().rgb)
    assert np.array_equal(again.lesion, seen().lesion)
    other = Renderer(msgspec.structs.replace(COLON, seed=22), Optics()).render(POSE, WIDTH, HEIGHT)
    assert np.abs(other.depth_mm - seen().depth_mm).mean() > 1.0


def test_a_window_equals_its_part_of_the_full_picture() -> None:
    x0, y0, x1, y1 = 37, 21, 118, 99
    part = renderer().render(POSE, WIDTH, HEIGHT, (x0, y0, x1, y1))
    whole = seen()
    assert np.mean(part.lesion == whole.lesion[y0:y1, x0:x1]) > 0.9995
    assert np.quantile(np.abs(part.depth_mm - whole.depth_mm[y0:y1, x0:x1]), 0.999) < 1e-2
    assert np.quantile(np.abs(part.rgb - whole.rgb[y0:y1, x0:x1]), 0.999) < 1e-2


def test_the_shortcut_over_coarse_rays_finds_what_plain_marching_finds() -> None:
    camera = renderer()
    centreline = centreline_of(COLON.seed, COLON.length_mm)
    view = view_of(POSE, centreline)
    x, y = np.meshgrid(np.arange(0, WIDTH, 2, dtype=np.float32), np.arange(0, HEIGHT, 2, dtype=np.float32))
    rays = Lens(WIDTH, HEIGHT, 150.0).rays(x, y).reshape(-1, 3) @ view.axes.astype(np.float32)
    tracer = Tracer(centreline, camera._tissue_at(POSE.station_mm), view.origin, POSE.station_mm)
    plain, _ = tracer.trace(np.ascontiguousarray(rays.T))
    off = np.abs(plain.reshape(x.shape) - seen().depth_mm[::2, ::2])
    assert np.quantile(off, 0.98) < 0.1


def albedo_ratio(render: Render) -> NDArray[np.float32]:
    """Green over red: free of the light's strength, so nearly the tissue's own colour."""
    return np.asarray(render.rgb[..., 1] / np.maximum(render.rgb[..., 0], 1e-6), np.float32)


def projected(
    lens: Lens, directions: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Columns, rows and whether they lie in the picture, for directions (h, w, 3) in the camera's axes."""
    aside = np.hypot(directions[..., 0], directions[..., 1])
    scale = lens.focal_px * np.arctan2(aside, directions[..., 2]) / aside
    x = np.rint(lens.width / 2 + directions[..., 0] * scale - 0.5).astype(int)
    y = np.rint(lens.height / 2 - directions[..., 1] * scale - 0.5).astype(int)
    inside = (x >= 0) & (x < lens.width) & (y >= 0) & (y < lens.height)
    return np.where(inside, x, 0), np.where(inside, y, 0), inside


def test_vessels_are_fixed_to_the_surface() -> None:
    """A point of the wall has the same colour from two places; other points have unrelated ones."""
    camera, far_pose = renderer(Optics(wetness=0.0)), Pose(394.0, (-3.0, 2.0), -0.05, 0.05, 1.1)
    width, height = 300, 250
    one, two = (camera.render(pose, width, height) for pose in (POSE, far_pose))
    view = view_of(far_pose, centreline_of(COLON.seed, COLON.length_mm))
    towards = points(one, POSE) - view.origin
    x, y, inside = projected(Lens(width, height, 150.0), towards @ view.axes.T)
    wall = (one.lesion == 0) & (one.depth_mm < 45) & inside
    same = np.abs(two.depth_mm[y, x] - np.linalg.norm(towards, axis=-1)) < 0.4
    first, second = albedo_ratio(one)[wall & same], albedo_ratio(two)[y, x][wall & same]
    agreement = np.corrcoef(first, second)[0, 1]
    unrelated = np.corrcoef(first, second[::-1])[0, 1]
    assert len(first) > 5000
    assert agreement > 0.9
    assert unrelated < 0.6
    assert np.std(first) > 0.02


def test_the_mucosa_has_vessels_and_is_the_same_in_every_exam() -> None:
    s, angle = np.meshgrid(
        np.arange(400, 440, 0.2, dtype=np.float32), np.arange(0, 6.2, 0.01, dtype=np.float32)
    )
    s, angle, footprint = s.ravel(), angle.ravel(), np.zeros(s.size, np.float32)
    one = mucosa_of(21, 800.0).at(2, 5, s, angle, footprint)
    again = Mucosa(21, 800.0).at(2, 5, s, angle, footprint)
    assert np.array_equal(one.vessel, again.vessel)
    other = Mucosa(22, 800.0).at(2, 5, s, angle, footprint)
    share = float((one.vessel > 0.25).mean())
    assert 0.01 < share < 0.4
    assert abs(np.corrcoef(one.vessel, other.vessel)[0, 1]) < 0.2


def test_the_vessels_run_on_over_the_seams() -> None:
    """Neither the unrolled wall's edge nor the border of two stretches shows."""
    mucosa = mucosa_of(21, 800.0)
    n = 2000
    s = np.linspace(300, 520, n).astype(np.float32)
    at = [mucosa.at(2, 5, s, np.full(n, a, np.float32), np.zeros(n, np.float32)) for a in (0.0005, 6.2825)]
    assert np.abs(at[0].vessel - at[1].vessel).mean() < 0.02
    turn = np.linspace(0, 6.28, n).astype(np.float32)

    def across(place: float) -> list[Skin]:
        sides = (place - 0.03, place + 0.03)
        return [mucosa.at(2, 5, np.full(n, x, np.float32), turn, np.zeros(n, np.float32)) for x in sides]

    border = across(384.0)
    assert np.abs(border[0].vessel - border[1].vessel).mean() < 0.03 * mucosa.visibility
    # The wall's colour varies everywhere: at the border no more than away from it.
    changes = [float(np.abs(a.blood - b.blood).max()) for a, b in (across(s) for s in (360.0, 380.0, 400.0))]
    assert np.abs(border[0].blood - border[1].blood).max() < 1.2 * max(changes)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_aim_sees_the_lesion_at_the_wished_distance(index: int) -> None:
    camera = renderer()
    pose = camera.aim(index, 20.0, 0.7)
    assert pose is not None
    assert camera.clearance_mm(pose) > 3.0
    render = camera.render(pose, 128, 106)
    mask = render.lesion == index + 1
    assert mask.sum() > 60
    rows, columns = np.nonzero(mask)
    assert abs(rows.mean() / 106 - 0.5) < 0.15
    assert abs(columns.mean() / 128 - 0.5) < 0.15
    assert 10 < np.median(render.depth_mm[mask]) < 24


@pytest.mark.parametrize("index", [0, 1, 2])
def test_mask_and_depth_agree_with_the_lesion_taken_away(index: int) -> None:
    """Where the mask is set, tissue lies nearer than the bare wall; elsewhere the depth is the same."""
    camera = renderer()
    pose = camera.aim(index, 20.0, 0.7)
    assert pose is not None
    with_lesion = camera.render(pose, 128, 106)
    bare = Renderer(msgspec.structs.replace(COLON, lesions=()), Optics()).render(pose, 128, 106)
    mask = with_lesion.lesion == index + 1
    nearer = bare.depth_mm - with_lesion.depth_mm
    assert np.mean(nearer[mask] > 0.2) > 0.8
    assert np.quantile(nearer[mask], 0.02) > -0.3
    grown = np.zeros_like(mask)
    for shift in range(-3, 4):
        grown |= np.roll(mask, shift, 0) | np.roll(mask, shift, 1)
    others = (with_lesion.lesion != 0) & ~mask
    assert np.quantile(np.abs(nearer[~grown & ~others]), 0.97) < 0.3
    assert not bare.lesion.any()


def test_a_red_lesion_is_redder_than_the_wall_around_it() -> None:
    camera = renderer()
    pose = camera.aim(1, 18.0, 0.6)
    assert pose is not None
    render = camera.render(pose, 128, 106)
    ratio = albedo_ratio(render)
    assert np.median(ratio[render.lesion == 2]) < 0.85 * np.median(ratio[render.lesion == 0])


def test_narrow_band_light_shows_the_same_shape_in_other_colours() -> None:
    narrow = seen(Optics(narrow_band=True))
    assert np.array_equal(narrow.depth_mm, seen().depth_mm)
    white_light, band = (np.median(albedo_ratio(render)) for render in (seen(), narrow))
    assert band > white_light + 0.05


def test_inflation_moves_the_wall_out_but_keeps_the_lesion_size() -> None:
    small, wide = (renderer(Optics(inflation=inflation)) for inflation in (0.9, 1.15))
    assert np.median(wide.render(POSE, 64, 54).depth_mm) > np.median(small.render(POSE, 64, 54).depth_mm)
    sizes = []
    for camera in (small, wide):
        pose = camera.aim(1, 18.0, 0.4)
        assert pose is not None
        render = camera.render(pose, 160, 134)
        mask = render.lesion == 2
        depth = float(np.median(render.depth_mm[mask]))
        sizes.append(2 * np.sqrt(mask.sum() / np.pi) / Lens(160, 134, 150.0).focal_px * depth)
    assert sizes[0] == pytest.approx(sizes[1], rel=0.15)
    assert sizes[0] == pytest.approx(7.6, rel=0.25)
