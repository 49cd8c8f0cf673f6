"""Explaining a pair with a bundle, and the pictures that come out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from core.domain import OVERLAY_CAPTION, RESEARCH_BANNER
from core.errors import PolypTraceError
from core.explain import overlay
from core.explain.explanation import ImageExplanation, strength_words
from core.explain.overlay import (
    MAX_SIDE,
    MIN_SIDE,
    blend,
    heat_colours,
    render_overlay,
    write_overlays,
)
from core.explain.pair import ExplainModel, Shown, explain_pair, open_model
from core.inference.embedder import Embedder

Pictures = list[NDArray[np.uint8]]
RED, PALE = "Sessile polyp in the sigmoid, red.", "Flat pale polyp behind a fold of the hepatic flexure."
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def model(small_bundle: Path) -> ExplainModel:
    return open_model(small_bundle, device="cpu")


@pytest.mark.parametrize(("text_q", "text_c"), [(RED, PALE), (RED, None), (None, " "), (RED * 60, PALE)])
def test_the_similarity_is_that_of_the_ranking(
    model: ExplainModel, small_bundle: Path, pictures: Pictures, text_q: str | None, text_c: str | None
) -> None:
    found = explain_pair(model, Shown(pictures[0], text_q), Shown(pictures[1], text_c))
    embedder = Embedder.open(small_bundle, device="cpu", threads=1)
    vectors = embedder.embed_pairs(pictures[:2], [text_q, text_c])
    assert found.similarity == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)
    assert found.model_id == embedder.model_id
    assert found.device == embedder.device
    for side in (found.query, found.candidate):
        assert side.map.shape == (64, 64)
        assert 0 <= side.map.min() <= side.map.max() <= 1
        assert side.strength > 0


def test_the_same_picture_and_text_have_no_clear_region(model: ExplainModel, pictures: Pictures) -> None:
    found = explain_pair(model, Shown(pictures[0], RED), Shown(pictures[0], RED))
    assert found.similarity == pytest.approx(1, abs=1e-6)
    assert not found.query.clear
    assert found.query.words == "no clear region"


def test_strengths_have_words() -> None:
    words = [strength_words(value) for value in (0.0, 9e-6, 1e-5, 9e-4, 1e-3, 9e-3, 1e-2, 3.0)]
    assert words == ["no clear region"] * 2 + ["weak"] * 2 + ["moderate"] * 2 + ["strong"] * 2


def test_the_colours_grow_evenly_in_lightness() -> None:
    ramp = heat_colours(np.linspace(0, 1, 64, dtype=np.float32)[None])
    lightness = cv2.cvtColor(ramp, cv2.COLOR_RGB2LAB)[0, :, 0].astype(float)
    steps = np.diff(lightness)
    assert (steps > 0).all()
    assert steps.max() < 3 * steps.mean()
    assert ramp[0, -1, 2] < ramp[0, -1, 0]


def spot(size: int = 32) -> NDArray[np.float32]:
    heat = np.zeros((size, size), np.float32)
    heat[: size // 4, : size // 4] = 1
    return heat


def test_cold_places_stay_as_they_were_and_opacity_rules_the_rest(pictures: Pictures) -> None:
    crop = pictures[1]
    assert np.array_equal(blend(crop, spot(), 0), crop)
    mixed = blend(crop, spot())
    assert mixed.shape == crop.shape
    assert np.array_equal(mixed[60:, 45:], crop[60:, 45:])
    hottest = blend(crop, spot(), 1)[:20, :15]
    assert np.array_equal(hottest, np.broadcast_to(heat_colours(np.ones((1, 1), np.float32)), hottest.shape))
    change = [np.abs(blend(crop, spot(), o).astype(int) - crop).sum() for o in (0.2, 0.5, 0.9)]
    assert change == sorted(change)
    with pytest.raises(ValueError, match="opacity"):
        blend(crop, spot(), 1.2)


@pytest.mark.parametrize("shape", [(9, 9), (40, 900), (300, 20), (700, 2000)])
def test_any_crop_is_shown_at_a_readable_width(shape: tuple[int, int]) -> None:
    crop = np.full((*shape, 3), 120, np.uint8)
    picture = render_overlay(crop, ImageExplanation(spot(), 0.02), 0.5, "Query")
    assert MIN_SIDE <= picture.shape[1] <= MAX_SIDE
    assert picture.dtype == np.uint8


def test_a_map_without_a_clear_region_is_not_drawn() -> None:
    crop = np.full((480, 480, 3), 120, np.uint8)
    plain = render_overlay(crop, ImageExplanation(spot(), 1e-7), 1.0, "Query")
    hot = render_overlay(crop, ImageExplanation(spot(), 1e-2), 1.0, "Query")
    assert (plain[:480] == 120).all()
    assert not (hot[:480] == 120).all()


def test_caption_strength_and_banner_are_in_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    real = cv2.putText

    def watched(image: NDArray[np.uint8], text: str, *rest: object) -> object:
        drawn.append(text)
        return real(image, text, *rest)

    monkeypatch.setattr(overlay.cv2, "putText", watched)
    crop = np.full((480, 480, 3), 120, np.uint8)
    picture = render_overlay(crop, ImageExplanation(spot(), 0.004), 0.8312, "Query")
    words = " ".join(drawn)
    for wanted in (
        "Query",
        "similarity of these two crops 0.831",
        "moderate",
        "0.004",
        OVERLAY_CAPTION,
        RESEARCH_BANNER,
    ):
        assert wanted in words
    banner = picture[-43:]
    assert (banner == overlay._INK).all(axis=2).sum() > 100
    assert (banner[:3] == overlay._SIGNAL).all()
    assert (picture[-4:] == overlay._SIGNAL).all()


def test_no_line_is_wider_than_the_picture() -> None:
    block = overlay._text_block([OVERLAY_CAPTION + " " + RESEARCH_BANNER, "x"], MIN_SIDE, (0, 0, 0))
    assert block.shape[0] > 2 * overlay._LINE + 2 * overlay._PAD
    assert not block[:, -overlay._PAD // 2 :].any()


def test_overlays_are_written_with_the_keys_of_the_contract(
    model: ExplainModel, pictures: Pictures, tmp_path: Path
) -> None:
    found = explain_pair(model, Shown(pictures[0], RED), Shown(pictures[1], PALE))
    out = tmp_path / "Größe é" / "overlays"
    told = msgspec.to_builtins(write_overlays(found, pictures[0], pictures[1], out))
    assert {"path", "strength"} <= set(told["query"]) == set(told["candidate"])
    assert told["similarity"] == found.similarity
    assert told["notice"] == RESEARCH_BANNER
    assert told["model"] == found.model_id
    for side, crop, explanation in (
        ("query", pictures[0], found.query),
        ("candidate", pictures[1], found.candidate),
    ):
        data = np.frombuffer(Path(told[side]["path"]).read_bytes(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
        expected = render_overlay(crop, explanation, found.similarity, side.capitalize())
        assert np.array_equal(picture, expected)
    assert sorted(path.name for path in out.iterdir()) == ["candidate.png", "query.png"]


def test_a_folder_that_cannot_be_written_is_said_in_words(
    model: ExplainModel, pictures: Pictures, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    found = explain_pair(model, Shown(pictures[0]), Shown(pictures[1]))
    with pytest.raises(PolypTraceError) as refused:
        write_overlays(found, pictures[0], pictures[1], tmp_path / "file")
    assert refused.value.code == "overlay-not-written"


def test_reports_can_draw_overlays_without_torch() -> None:
    code = (
        "import sys, core.explain.overlay; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
