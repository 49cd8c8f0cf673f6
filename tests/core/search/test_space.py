"""The space without torch gives what torch gives, and refuses what it isn't."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import PolypTraceError
from core.inference.bundle import MANIFEST
from core.inference.space import SpaceReader
from core.models.drcl_bundle import load_space
from core.search.features import Words
from core.search.samples import CLIP, MODALITIES
from core.search.vectors import NEARNESS, ClipVectors, WordSpace


def test_numpy_and_torch_agree(space: WordSpace) -> None:
    _, loaded = load_space(space.reader.info.folder)
    for modality in MODALITIES:
        length = space.reader.shape.modalities[modality].features
        samples = np.random.default_rng(2).normal(size=(5, length)).astype(np.float32)
        with torch.inference_mode():
            expected = loaded.encoders[modality](torch.from_numpy(samples)).numpy()
        np.testing.assert_allclose(space.reader.encode(modality, samples), expected, atol=2e-6)


def test_a_clip_has_two_halves(space: WordSpace) -> None:
    frames = np.eye(space.reader.shape.modalities[CLIP].features, dtype=np.float32)[:3]
    words = Words({"segment": ("sigmoid",)})
    stored = np.stack([space.of_clip(frames, words), space.of_clip(frames, None), space.of_clip(None, words)])
    assert np.linalg.norm(stored, axis=1) == pytest.approx(1, abs=1e-5)
    clips = ClipVectors.of(np.arange(3), stored, space.dim)
    assert clips.pictures.tolist() == [True, True, False]
    assert clips.words.tolist() == [True, False, True]
    places, codes = clips.mixed[:, : space.dim], clips.mixed[:, space.dim :]
    assert np.linalg.norm(places, axis=1) == pytest.approx(1, abs=1e-5)
    assert codes.sum(axis=1) == pytest.approx([1, 0, 1])
    np.testing.assert_allclose(clips.halves[0, 1], space.of_descriptions([words])[0], atol=1e-6)
    np.testing.assert_allclose(places[2], space.of_descriptions([words])[0], atol=1e-6)
    np.testing.assert_allclose(places[1], space.of_pictures(frames), atol=1e-6)
    with pytest.raises(ValueError, match="neither"):
        space.of_clip(None, Words({}, "free words alone say no kind"))


def test_each_field_of_a_query_counts_the_same(space: WordSpace) -> None:
    texts = [
        Words({"segment": ("sigmoid", "rectum"), "paris": ("Ip",)}),
        Words({}),
        Words({"paris": ("Is",)}),
    ]
    asked = space.queries_of(texts)[:, space.dim :]
    each = 1 / (NEARNESS + 2)
    assert asked[0][asked[0] > 0] == pytest.approx([each] * 3), "any of the two segments would do"
    assert not space.queries_of(texts)[1].any(), "who asks for nothing"
    clips = [
        Words({"segment": ("rectum",), "paris": ("Ip",)}),
        Words({"segment": ("caecum",), "paris": ("Is",)}),
    ]
    alone = 1 / (NEARNESS + 1)
    np.testing.assert_allclose(space.codes_of(clips) @ asked.T, [[2 * each, 0, 0], [0, 0, alone]], atol=1e-6)


def test_a_report_that_says_little_agrees_by_less(space: WordSpace) -> None:
    little, more = Words({"state": ("polyp",)}), Words({"segment": ("rectum",), "size_mm": ("6–9",)})
    clip = Words({"state": ("polyp",), "segment": ("rectum",), "size_mm": ("6–9",), "paris": ("Ip",)})
    asked = space.reports_of([little, more])[:, space.dim :]
    assert (asked @ space.codes_of([clip])[0]).tolist() == pytest.approx([2 / 9, 4 / 9])


def test_what_says_more_of_what_is_asked_never_stands_below(space: WordSpace) -> None:
    near = space.with_codes(
        np.eye(1, space.dim, dtype=np.float32), [Words({"segment": ("rectum",), "paris": ("Ip",)})]
    )
    fits, opposite = near[0].copy(), near[0].copy()
    fits[: space.dim], opposite[: space.dim] = -near[0, : space.dim], near[0, : space.dim]
    fits, opposite = (
        np.sign(fits),
        np.sign(opposite),
    )  # as far as can be and all codes; as near, and one of two
    opposite[space.dim + int(np.flatnonzero(opposite[space.dim :])[0])] = 0
    assert near[0] @ fits > near[0] @ opposite - 1e-6


def test_another_kind_of_model_is_refused(small_bundle: Path) -> None:
    with pytest.raises(PolypTraceError) as refused:
        SpaceReader.open(small_bundle)
    assert refused.value.code == "model-kind"


def test_weights_of_another_architecture_are_refused(space: WordSpace, tmp_path: Path) -> None:
    folder = tmp_path / "space"
    shutil.copytree(space.reader.info.folder, folder)
    manifest = folder / MANIFEST
    manifest.write_text(manifest.read_text("utf-8").replace('"width": 64', '"width": 63'), "utf-8")
    with pytest.raises(PolypTraceError) as refused:
        SpaceReader.open(folder)
    assert refused.value.code == "bundle-damaged"
