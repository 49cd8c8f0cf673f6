"""Findings as samples of four modalities."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import PolypTraceError
from core.search.features import Words
from core.search.samples import THINNED, Findings, Seen, Told, clip_of, search_data, thinned

CODES = {"state": ("polyp",), "segment": ("rectum",), "paris": ("Is",), "size_mm": ("≤5",)}


def seen(frames: int = 2) -> Seen:
    return Seen(Words(CODES, "tiny"), np.eye(4, dtype=np.float32)[:frames])


def many(**left_out: int) -> Findings:
    told = [Told(Words({"segment": ("rectum",)}, "tiny"), CODES)] * 12
    return Findings([seen()] * left_out.get("seen", 12), told[: left_out.get("told", 12)])


def test_each_modality_has_its_own_number_of_samples() -> None:
    made = search_data({"train": many(), "val": Findings([seen()], [])}, "fields")
    sizes = made.data.sizes
    whole = 12 * (1 + THINNED)
    assert sizes["train"]["frame"] == 24
    assert sizes["train"]["clip"] == sizes["train"]["report"] == 12
    assert 12 <= sizes["train"]["description"] <= whole, "what says nothing any more is left out"
    assert sizes["val"] == {"frame": 2, "clip": 1, "description": 1}
    assert made.data.categories == ("Paris: Is", "segment: rectum", "size: ≤5")
    assert made.data.parts["val"]["clip"].labels.tolist() == [[1, 1, 1]]
    assert made.features.words == ("tiny",)
    inputs = made.inputs("dmcl-1")
    assert (inputs.pictures_of, inputs.words) == ("dmcl-1", ("tiny",))
    assert "segment=rectum" in inputs.codes


def test_a_modality_without_samples_is_left_out() -> None:
    made = search_data({"train": many(told=0)}, "fields")
    assert made.data.modalities == ("frame", "clip", "description")


def test_too_little_is_refused() -> None:
    with pytest.raises(PolypTraceError) as refused:
        search_data({"train": Findings([seen()], [])}, "fields")
    assert refused.value.code == "cross-modal-invalid"


def test_thinned_descriptions_say_less_and_never_more() -> None:
    rng = np.random.default_rng(0)
    words = Words(CODES, "tiny")
    drawn = [thinned(words, rng) for _ in range(50)]
    assert all(one.codes.items() <= CODES.items() for one in drawn)
    assert 1.0 < np.mean([len(one.codes) for one in drawn]) < 3.0
    assert {one.free for one in drawn} == {"", "tiny"}
    assert thinned(words, None) == words


def test_a_whole_clip_is_the_mean_of_its_frames() -> None:
    assert clip_of(np.array([[3, 0], [0, 4]], dtype=np.float32)) == pytest.approx([0.6, 0.8])
    assert clip_of(np.array([[1, 0], [-1, 0]], dtype=np.float32)) == pytest.approx([0, 0])
