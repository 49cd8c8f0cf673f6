"""The tube's geometry: centreline, wall, camera and light as formulas."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.phantom.camera import Lens, angles_of, turn
from core.phantom.centreline import centreline_of
from core.phantom.colon import SEGMENTS, segment_at, segment_span, shape_of
from core.phantom.sampling import look_up, polar
from core.phantom.scene import Optics
from core.phantom.shading import shade


@settings(max_examples=30, deadline=None)
@given(st.floats(20, 780), st.floats(-12, 12), st.floats(-12, 12))
def test_straightened_coordinates_lead_back(station: float, right: float, up: float) -> None:
    centreline = centreline_of(5, 800.0)
    back = centreline.to_straight(centreline.to_space(station, right, up), station + 3.0)
    assert back == pytest.approx((station, right, up), abs=0.05)


def test_frames_stay_orthonormal_and_the_bend_wider_than_the_lumen() -> None:
    centreline = centreline_of(5, 800.0)
    assert np.allclose(np.einsum("ij,ij->i", centreline.tangent, centreline.up), 0, atol=1e-4)
    assert np.allclose(np.linalg.norm(centreline.right, axis=1), 1, atol=1e-4)
    assert np.linalg.norm(centreline.bend, axis=1).max() < 1 / 40


def test_folds_narrow_the_lumen_but_never_close_it() -> None:
    shape = shape_of(5, 800.0)
    s = np.arange(40, 760, 1.0, dtype=np.float32)
    radius = shape.radius_mm(s, np.linspace(0, 2 * np.pi, 90, endpoint=False).astype(np.float32))
    relative = radius / shape.calibre_mm(s)[:, None]
    assert relative.min() > 0.3
    assert np.quantile(relative, 0.02) < 0.85
    assert radius.min() > 5.0


def test_segments_follow_each_other() -> None:
    for before, after in pairwise(SEGMENTS):
        assert segment_span(800.0, before.name)[1] == segment_span(800.0, after.name)[0]
    low, high = segment_span(800.0, "sigmoid")
    assert segment_at(800.0, (low + high) / 2) == "sigmoid"
    with pytest.raises(KeyError):
        segment_span(800.0, "terminal ileum")


@given(st.floats(0, 399), st.floats(0, 319))
def test_projection_inverts_the_rays(x: float, y: float) -> None:
    lens = Lens(400, 320, 140.0)
    ray = lens.rays(np.array([x], np.float32), np.array([y], np.float32))[0]
    assert np.linalg.norm(ray) == pytest.approx(1, abs=1e-5)
    assert lens.project(ray.astype(float)) == pytest.approx((x, y), abs=0.05)


@given(st.floats(-1.4, 1.4), st.floats(-1.4, 1.4), st.floats(-3, 3))
def test_turns_are_rotations(yaw: float, pitch: float, roll: float) -> None:
    axes = turn(yaw, pitch, roll)
    assert np.allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    assert angles_of(axes[2]) == pytest.approx((yaw, pitch), abs=1e-6)


def test_tables_are_read_between_their_texels() -> None:
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert look_up(table, np.array([0.5], np.float32), np.array([1.0], np.float32))[0] == pytest.approx(4.5)
    n = 2500
    x = np.linspace(0, 3, n).astype(np.float32)
    assert np.allclose(look_up(table, x, np.zeros(n, np.float32)), x, atol=0.05)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 1000])
def test_polar_coordinates_of_any_number_of_points(n: int) -> None:
    angle = np.linspace(0, 6.28, n).astype(np.float32)
    radius, found = polar(20 * np.cos(angle), 20 * np.sin(angle))
    assert np.allclose(radius, 20, rtol=1e-5)
    assert np.allclose(np.cos(found), np.cos(angle), atol=1e-3)


def facing(distance: float, tilt: float) -> float:
    """Red light from white tissue straight ahead, tilted by so many radians."""
    ray = np.array([[0.0], [0.0], [1.0]], np.float32)
    normal = np.array([[0.0], [np.sin(tilt)], [-np.cos(tilt)]], np.float32)
    light = shade(
        np.ones((1, 3), np.float32),
        np.zeros(1, np.float32),
        normal,
        normal,
        ray,
        np.array([distance], np.float32),
        np.ones(1, np.float32),
        np.eye(3, dtype=np.float32),
        Optics(wetness=0.0),
    )
    return float(light[0, 0])


@pytest.mark.parametrize("distance", [20.0, 30.0, 60.0])
def test_the_lamps_obey_the_inverse_square(distance: float) -> None:
    assert facing(distance, 0.6) / facing(2 * distance, 0.6) == pytest.approx(4, rel=0.08)


def test_tissue_that_faces_the_lamps_is_brighter_and_mirrors_them() -> None:
    assert facing(25.0, 0.6) > 1.5 * facing(25.0, 1.3)
    assert facing(25.0, 0.0) > 1.1 * facing(25.0, 0.4)
