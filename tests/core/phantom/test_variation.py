"""What differs from exam to exam and from view to view, while the lesion stays the same."""

from __future__ import annotations

import numpy as np
import pytest

from core.phantom.centreline import centreline_of
from core.phantom.colon import shape_of
from core.phantom.curtain import drawn
from core.phantom.fields import INTERLACED, NONE, SEQUENTIAL, combed, fringed
from core.phantom.lesion import LesionBody
from core.phantom.mucosa import Skin
from core.phantom.plan import plan
from core.phantom.residue import residue_of
from core.phantom.scene import Optics, PhantomLesion
from core.phantom.seeding import stream
from core.phantom.shading import shade
from core.phantom.surface_pattern import capillaries, net, spots, streaks, surface_blood
from core.phantom.wobble import Wobble, warped, warped_labels


def _lesion(paris: str = "Is", seed: int = 5) -> PhantomLesion:
    return PhantomLesion(
        "k", seed, "sigmoid", 250.0, 0.4, "polyp", paris, "none", 9.0, 7.5, 4.5, 0.0, "red", ("smooth",)
    )


def _body(squeeze: int, paris: str = "Is") -> LesionBody:
    return LesionBody(_lesion(paris), shape_of(3, 800.0), centreline_of(3, 800.0), 1.0, squeeze)


def _skin(n: int) -> Skin:
    one = np.ones(n, np.float32)
    return Skin(0.5 * one, 0.5 * one, one, 0 * one, 0.3 * one, np.full((n, 2), 0.1, np.float32))


def test_a_lesion_is_squeezed_from_exam_to_exam_but_keeps_its_skin() -> None:
    planned, first, second = _body(0), _body(11), _body(12)
    assert np.array_equal(first.skin.height, second.skin.height)
    assert not np.allclose(first._halves, second._halves, rtol=0.02)
    assert np.allclose(first._halves, planned._halves, rtol=0.5)
    # Pressed flat it gets wider: the three changes cancel out.
    assert np.prod(first._halves) == pytest.approx(np.prod(planned._halves), rel=1e-3)
    flat = [_body(s, "IIa").relief(*_places()) for s in (0, 11, 12)]
    assert np.abs(flat[1] - flat[2]).max() > 0.02
    assert np.corrcoef(flat[1], flat[2])[0, 1] > 0.6


def _places() -> tuple[np.ndarray, np.ndarray]:
    s, angle = np.meshgrid(np.linspace(246, 254, 40), np.linspace(0.2, 0.6, 40))
    return s.ravel().astype(np.float32), angle.ravel().astype(np.float32)


def test_exams_of_a_patient_have_residue_and_lamps_of_their_own() -> None:
    exams = [exam.optics for patient in plan(3, 30) for exam in patient.exams]
    assert len({one.seed for one in exams}) == len(exams)
    clean = sum(one.residue == 0 for one in exams) / len(exams)
    assert 0.15 < clean < 0.55
    assert {np.sign(one.lamp_turn) for one in exams} == {-1.0, 1.0}


def test_a_clean_bowel_has_no_residue_and_a_dirty_one_covers_its_share() -> None:
    assert residue_of(4, 0.0) is None
    rng = np.random.default_rng(1)
    s = rng.uniform(100, 500, 20000).astype(np.float32)
    angle = rng.uniform(0, 6.28, 20000).astype(np.float32)
    for seed in range(8):
        residue = residue_of(seed, 1.0)
        assert residue is not None
        for kind in range(4):
            mask = residue._mask(kind, s, angle)
            assert (mask > 0).mean() == pytest.approx(residue.cover[kind], abs=0.06)
        skin = residue.over(_skin(len(s)), s, angle)
        covered = sum(residue.cover) > 0.02
        assert (skin.vessel.min() < 0.4) == covered
        assert skin.film.max() <= 1


def test_residue_stays_where_it_is() -> None:
    first, again, other = residue_of(9, 0.9), residue_of(9, 0.9), residue_of(10, 0.9)
    s, angle = _places()
    assert first is not None
    assert again is not None
    assert other is not None
    assert np.array_equal(first.over(_skin(1600), s, angle).bile, again.over(_skin(1600), s, angle).bile)
    assert first.shift != other.shift


def test_the_warp_moves_with_time_and_takes_the_mask_along() -> None:
    wobble = Wobble(stream(1, "wobble"), 0.03)
    disc = np.zeros((80, 100), np.int16)
    disc[20:60, 30:70] = 3
    now, later = wobble.maps(100, 80, 0.0), wobble.maps(100, 80, 1.5)
    assert 0.3 < np.abs(now[0] - np.arange(100)).max() < 15
    assert np.abs(now[0] - later[0]).max() > 0.2
    picture = np.repeat((disc > 0).astype(np.float32)[..., None], 3, 2)
    bent = warped(picture, now)[..., 0] > 0.5
    labels = warped_labels(disc, now)
    assert set(np.unique(labels)) == {0, 3}
    assert (bent != (labels == 3)).mean() < 0.02
    still = Wobble(stream(1, "wobble"), 0.0).maps(100, 80)
    assert np.array_equal(warped_labels(disc, still), disc)


def test_a_sequential_camera_splits_colours_only_when_it_moves() -> None:
    light = np.zeros((20, 40, 3), np.float32)
    light[:, 20] = 1
    assert fringed(light, SEQUENTIAL, 0.0, 0.0, 0.0) is light
    assert fringed(light, NONE, 3.0, 0.0, 0.0) is light
    split = fringed(light, SEQUENTIAL, 3.0, 0.0, 0.0)[10]
    assert list(split.argmax(0)) == [17, 20, 23]


def test_interlacing_combs_every_other_row() -> None:
    picture = np.zeros((6, 10, 3), np.uint8)
    picture[:, 4] = 200
    rows = combed(picture, INTERLACED, 2.0)[..., 0].argmax(1)
    assert list(rows) == [4, 6, 4, 6, 4, 6]
    assert combed(picture, NONE, 2.0) is picture


def test_some_lesions_are_partly_hidden_and_never_wholly() -> None:
    rng, hidden = stream(2, "curtain"), []
    light = np.full((60, 60, 3), 0.5, np.float32)
    shown = np.zeros((60, 60), bool)
    shown[15:45, 15:45] = True
    for _ in range(300):
        front, seen = drawn(light, shown, rng)
        assert not (seen & ~shown).any()
        hidden.append(1 - seen.sum() / shown.sum())
        if hidden[-1] == 0 and front is light:
            continue
        assert np.isfinite(front).all()
    share = np.array(hidden)
    assert (share > 0.02).mean() == pytest.approx(0.12, abs=0.06)
    assert share.max() < 0.75


def test_surface_patterns_differ_from_lesion_to_lesion() -> None:
    a, again, b = (surface_blood(np.random.default_rng(s), 96, 8.0, pitted=False) for s in (1, 1, 2))
    assert np.array_equal(a, again)
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.35
    assert 0.2 < a.min() < a.max() < 4
    for pattern in (net, streaks):
        drawn_ = pattern(np.random.default_rng(3), 96, 8.0)
        assert drawn_.min() >= 0
        assert drawn_.max() <= 1
        assert drawn_.std() > 0.1
    dots = spots(np.random.default_rng(4), 96, 10, 4.0)
    assert 0.01 < (dots > 0.5).mean() < 0.2
    assert 0 < capillaries(np.random.default_rng(5), 96).mean() < 0.5


def test_the_lamp_with_the_larger_share_throws_the_light() -> None:
    n = 1
    up = np.array([[0.0], [0.0], [-1.0]], np.float32)
    tilted = np.array([[-0.5], [0.0], [-0.866]], np.float32)
    rays, t = np.array([[0.0], [0.0], [1.0]], np.float32), np.full(n, 5.0, np.float32)
    axes, one = np.eye(3, dtype=np.float32), np.ones(n, np.float32)
    colour = np.full((n, 3), 0.5, np.float32)

    def light(share: float, normal: np.ndarray) -> float:
        optics = Optics(lamp_share=share, lamp_mm=4.0, wetness=0.0)
        return float(shade(colour, 0 * one, normal, normal, rays, t, one, axes, optics)[0, 1])

    assert light(0.9, up) == pytest.approx(light(0.1, up), rel=1e-4)
    assert light(0.9, tilted) > 1.2 * light(0.1, tilted)  # it faces the lamp on the left
