"""Paris classes as geometry: what stands on a stalk, sits broadly or stays flat, and that sizes hold."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.phantom.anatomy import colon_of, new_lesion
from core.phantom.centreline import centreline_of
from core.phantom.colon import shape_of
from core.phantom.lesion import LesionBody
from core.phantom.lesion_skin import PLANE_HALF, TEXELS, plane_skin
from core.phantom.scene import PhantomLesion
from core.phantom.seeding import stream

SPACING = 0.3


def lesion(paris: str, size: float, height: float, stalk: float = 0.0, **more: object) -> PhantomLesion:
    plain = PhantomLesion(
        key="p-l1",
        seed=17,
        segment="descending",
        station_mm=400.0,
        angle=0.8,
        state="polyp",
        paris=paris,
        lst="none",
        size_mm=size,
        size_2_mm=0.85 * size,
        height_mm=height,
        stalk_mm=stalk,
        colour="red",
        surface=("smooth",),
    )
    return msgspec.structs.replace(plain, **more)


def widths(body: LesionBody, up_to: float) -> tuple[np.ndarray, np.ndarray]:
    """Heights over the wall and the widest extent of the solid's cross-section at each, mm."""
    line = np.arange(-1.2 * body.reach_mm, 1.2 * body.reach_mm, SPACING)
    heights = np.arange(0.3, up_to, SPACING)
    a, b = (grid.ravel().astype(np.float32) for grid in np.meshgrid(line, line))
    found = []
    for h in heights:
        points = [body._out(0.0, 0.0, float(h))]
        s = np.float32(points[0][0]) + a / np.float32(body._mm_per_station)
        u = np.float32(points[0][1]) - b * np.float32(np.sin(body.angle))
        v = np.float32(points[0][2]) + b * np.float32(np.cos(body.angle))
        inside = body.solid_gap(s, u, v) < 0
        found.append(max(np.ptp(a[inside]), np.ptp(b[inside])) if inside.any() else 0.0)
    return heights, np.array(found)


def body_of(what: PhantomLesion) -> LesionBody:
    return LesionBody(what, shape_of(9, 800.0), centreline_of(9, 800.0), 1.0)


@pytest.mark.parametrize("size", [8.0, 14.0, 24.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_pedunculated_lesion_has_a_stalk_narrower_than_its_head(size: float, seed: int) -> None:
    what = lesion("Ip", size, 0.85 * size, stalk=8.0, seed=seed, surface=("lobulated",))
    heights, width = widths(body_of(what), 8.0 + size)
    stalk = float(width[(heights > 1.0) & (heights < 8.0)].min())
    assert 0 < stalk < 0.5 * width.max()
    assert width.max() == pytest.approx(size, rel=0.25)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sessile_lesion_has_no_neck_and_its_size(seed: int) -> None:
    what = lesion("Is", 9.0, 4.7, seed=seed)
    heights, width = widths(body_of(what), 8.0)
    assert width[0] > 0.75 * width.max()
    assert width.max() == pytest.approx(9.0, rel=0.2)
    top = heights[width > 0].max()
    assert top == pytest.approx(4.7, rel=0.25)


@pytest.mark.parametrize("size", [4.0, 10.0, 25.0])
def test_a_flat_lesion_covers_its_size(size: float) -> None:
    what = lesion("IIa", size, 1.5, seed=5)
    texel = 2 * PLANE_HALF * (size / 2) / (TEXELS - 1)
    area = float((plane_skin(what).cover > 0.5).sum()) * texel**2
    assert np.sqrt(area * 4 / np.pi) == pytest.approx(np.sqrt(what.size_mm * what.size_2_mm), rel=0.15)


@settings(max_examples=12, deadline=None)
@given(
    size=st.floats(3, 35),
    seed=st.integers(0, 2**31 - 1),
    surface=st.sampled_from(["smooth", "granular", "cloud-like", "nodular"]),
)
def test_a_flat_elevation_stays_below_the_height_of_closed_forceps(
    size: float, seed: int, surface: str
) -> None:
    skin = plane_skin(lesion("IIa", size, 2.3, seed=seed, surface=(surface,)))
    assert 0.5 < float(skin.height.max()) < 2.5
    assert float(np.abs(skin.height[skin.cover == 0]).max()) < 0.3


def test_a_nodular_mixed_lesion_bears_a_nodule_above_the_plateau() -> None:
    plain = lesion("IIa", 30.0, 2.1, lst="G-H", state="LST", surface=("granular",))
    mixed = lesion("IIa+Is", 30.0, 5.0, lst="G-NM", state="LST", surface=("granular", "nodular"))
    assert float(plane_skin(mixed).height.max()) > float(plane_skin(plain).height.max()) + 1.5


def test_granules_make_a_granular_lesion_rougher_than_a_smooth_one() -> None:
    granular = plane_skin(lesion("IIa", 25.0, 2.1, lst="G-H", surface=("granular",))).height
    smooth = plane_skin(lesion("IIa", 25.0, 2.1, lst="NG-FE")).height
    middle = slice(TEXELS // 2 - 20, TEXELS // 2 + 20)
    rough = [float(np.abs(np.diff(h[middle, middle], axis=0)).mean()) for h in (granular, smooth)]
    assert rough[0] > 2 * rough[1]


def test_colours_carry_their_amount_of_blood() -> None:
    amounts = [
        float(plane_skin(lesion("IIa", 8.0, 1.5, colour=colour)).substance[..., 0].mean())
        for colour in ("white", "pale", "as mucosa", "red")
    ]
    assert amounts == sorted(amounts)
    assert amounts[3] > 2 * amounts[1]


def test_a_surface_belongs_to_its_seed() -> None:
    one, same, other = (plane_skin(lesion("IIa", 8.0, 1.5, seed=seed)) for seed in (4, 4, 5))
    assert np.array_equal(one.height, same.height)
    assert np.array_equal(one.substance, same.substance)
    assert np.abs(one.substance - other.substance).mean() > 0.03


def test_lesions_of_the_anatomy_are_of_their_paris_class() -> None:
    rng = stream(3, "anatomy")
    colon = colon_of(rng)
    found = [new_lesion(rng, f"l{k}", colon, ()) for k in range(120)]
    for one in found:
        assert (one.stalk_mm >= 3.9) == (one.paris == "Ip")
        if one.paris == "IIa":
            assert one.height_mm < 2.5
    assert {"Ip", "Is", "IIa"} <= {one.paris for one in found}
