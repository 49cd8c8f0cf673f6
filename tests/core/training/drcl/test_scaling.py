"""Features of unusual scale: scaled as others are, or refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from core.data.cross_modal.samples import CrossModal, Samples
from core.errors import PolypTraceError
from core.training.drcl.config import DrclSettings
from core.training.drcl.run import train_drcl
from core.training.drcl.scaling import feature_scaling

Invented = Callable[..., CrossModal]
FEATURES = np.random.default_rng(0).normal((0, 5, -2), size=(200, 3))


@pytest.mark.parametrize("factor", [1e-30, 1e-25, 1.0, 1e20, 1e36])
def test_any_scale_becomes_the_usual_one(factor: float) -> None:
    features = (FEATURES * factor).astype(np.float32)
    shift, scale = feature_scaling(features, "text")
    assert shift.dtype == scale.dtype == np.float64
    scaled = (features - shift.astype(np.float32)) * scale.astype(np.float32)
    assert scaled.mean(0) == pytest.approx([0, 0, 0], abs=1e-5)
    assert scaled.std(0) == pytest.approx([1, 1, 1], abs=1e-5)


def test_what_doesn_t_vary_is_only_shifted() -> None:
    features = np.full((1000, 2), 0.1, dtype=np.float32)
    features[:, 1] = np.arange(1000)
    shift, scale = feature_scaling(features, "text")
    assert scale[0] == 1
    assert (features[:, 0] - shift[0]) * scale[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (FEATURES * 4e37, "too large"),
        (FEATURES * 1e-42, "too small"),
        (np.ones((5, 2)), "all training samples are the same"),
    ],
)
def test_what_can_t_be_scaled_is_refused_before_a_run_is_begun(
    features: np.ndarray, words: str, invented: Invented, settings: DrclSettings, tmp_path: Path
) -> None:
    data = invented()
    text = data.parts["train"]["text"]
    odd = Samples(features.astype(np.float32)[: len(text)], text.labels[: len(features)])
    parts = {**data.parts, "train": {**data.parts["train"], "text": odd}}
    with pytest.raises(PolypTraceError) as caught:
        train_drcl(msgspec.structs.replace(data, parts=parts), tmp_path / "run", settings, "cpu")
    assert caught.value.code == "features-scale"
    assert words in caught.value.message
    assert "features of text" in caught.value.message
    assert caught.value.hint
    assert not (tmp_path / "run").exists()


def test_features_that_stay_as_they_are_have_a_usual_size(
    invented: Invented, settings: DrclSettings, tmp_path: Path
) -> None:
    data = invented()
    plain = msgspec.structs.replace(settings, scaling="none", epochs=1)
    for factor in (1e20, 1e-20):
        parts = {
            part: {name: Samples(one.features * np.float32(factor), one.labels) for name, one in own.items()}
            for part, own in data.parts.items()
        }
        with pytest.raises(PolypTraceError, match="taken as they are"):
            train_drcl(msgspec.structs.replace(data, parts=parts), tmp_path / "run", plain, "cpu")
    assert train_drcl(data, tmp_path / "run", plain, "cpu").model


@pytest.mark.parametrize(
    ("measure", "words"),
    [("prior.quality", "The prior of image diverged"), ("consistency.likelihood", "The encoder of image")],
)
def test_a_training_that_diverges_says_so(
    measure: str,
    words: str,
    invented: Invented,
    settings: DrclSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(scores: torch.Tensor, _labels: torch.Tensor) -> torch.Tensor:
        return torch.full((len(scores),), float("nan"))

    monkeypatch.setattr(f"core.training.drcl.{measure}", nothing)
    with pytest.raises(PolypTraceError, match=words) as caught:
        train_drcl(invented(), tmp_path / "run", msgspec.structs.replace(settings, epochs=2), "cpu")
    assert caught.value.code == "training-diverged"
    assert "learning rates" in caught.value.hint
