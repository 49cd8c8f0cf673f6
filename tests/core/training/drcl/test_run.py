"""A run of DRCL: what it learns, what it keeps, how it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from core.data.cross_modal.samples import CrossModal, Samples
from core.errors import Cancelled, PolypTraceError
from core.evaluation.cross_modal import across_modalities
from core.inference.bundle import read_bundle
from core.models.drcl import ModalityEncoder
from core.models.drcl_bundle import load_space
from core.paths import resource
from core.progress import CancelToken
from core.training.checkpoint import load_tensors
from core.training.drcl.config import VARIANTS, DrclSettings
from core.training.drcl.embedding import embed_all
from core.training.drcl.prior import LearntPrior, best_prior
from core.training.drcl.run import DrclResult, train_drcl
from core.training.drcl.stage import Best, batches

Invented = Callable[..., CrossModal]


@pytest.fixture(scope="module")
def first(
    invented: Invented, settings: DrclSettings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[DrclResult, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    folder = tmp_path_factory.mktemp("runs") / "drcl-1"
    return train_drcl(invented(), folder, settings, "cpu", events.append), events


def test_unpaired_modalities_find_one_another(first: tuple[DrclResult, Any]) -> None:
    figures = first[0].metrics
    assert set(figures["map_all"]) == {
        f"{a}->{b}" for a in ("image", "text", "sound") for b in ("image", "text", "sound") if a != b
    }
    assert min(figures["map_all"].values()) > 0.6  # chance is about a quarter
    assert figures["average"] == pytest.approx(np.mean(list(figures["map_all"].values())))
    assert figures["prior"]["modality"] == max(figures["prior"]["scores"], key=figures["prior"]["scores"].get)


def test_the_best_prior_is_taken_whichever_modality_comes_first(
    invented: Invented, settings: DrclSettings, tmp_path: Path
) -> None:
    """The same modalities, the best of them last."""
    data, quick = invented(), msgspec.structs.replace(settings, epochs=3)
    scores = train_drcl(data, tmp_path / "one", quick, "cpu").metrics["prior"]["scores"]
    order = sorted(scores, key=scores.get)
    parts = {part: {name: own[name] for name in order} for part, own in data.parts.items()}
    turned = msgspec.structs.replace(data, parts=parts)
    done = train_drcl(turned, tmp_path / "other", quick, "cpu")
    assert done.metrics["prior"]["modality"] == order[-1]
    held = load_space(done.bundle)[1].prior
    for name in order:
        learnt, _ = load_tensors(tmp_path / "other" / f"prior-{name}.safetensors")
        same = [one for one in learnt.values() if one.shape == held.shape]
        assert any(torch.allclose(one, held, atol=1e-3) for one in same) == (name == order[-1]), name


def test_every_optimiser_is_the_paper_s_adam(
    invented: Invented, settings: DrclSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    plain = torch.optim.Adam.__init__

    def noted(self: torch.optim.Adam, *args: Any, **named: Any) -> None:
        made.append(named)
        plain(self, *args, **named)

    monkeypatch.setattr(torch.optim.Adam, "__init__", noted)
    train_drcl(invented(), tmp_path / "one", msgspec.structs.replace(settings, epochs=1), "cpu")
    assert len(made) == 6  # a prior and an encoder of three modalities
    assert {one["betas"] for one in made} == {(0.5, 0.999)}


def test_every_epoch_is_told_and_kept(first: tuple[DrclResult, list[dict[str, Any]]]) -> None:
    result, events = first
    stages = [(event["stage"], event["modality"]) for event in events if event["epoch"] == 1]
    names = ("image", "text", "sound")
    assert stages == [("prior", name) for name in names] + [("encoder", name) for name in names]
    lines = (result.run / "metrics.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == events
    for name in names:
        own = [event for event in events if (event["stage"], event["modality"]) == ("encoder", name)]
        best = max(own, key=lambda event: (event["score"], -event["epoch"]))
        assert result.metrics["encoders"][name]["epoch"] == best["epoch"]
        assert [event["epoch"] for event in own if event["best"]][-1] == best["epoch"]


def test_the_bundle_gives_the_figures_again(first: tuple[DrclResult, Any], invented: Invented) -> None:
    result, _ = first
    info, space = load_space(result.bundle)
    assert info.manifest.model_id == result.model
    assert info.manifest.kind == "drcl"
    assert space.categories == ("a", "b", "c", "d")
    again = across_modalities(embed_all(space.encoders, invented().parts["test"]))
    assert again.map_all == result.metrics["map_all"] == info.manifest.metrics["map_all"]
    assert "quality score" in info.card
    assert "Losses: labels × 1, similarity × 0.1, invariance × 0.1; q = 0.01 · epoch" in info.card
    assert "mixup of embeddings with γ = 0.9. Rates: image 0.003, text 0.003, sound 0.003" in info.card
    with pytest.raises(PolypTraceError) as caught:
        _ = info.manifest.reads
    assert caught.value.code == "model-kind"


def test_features_far_from_zero_keep_their_scaling(
    invented: Invented, settings: DrclSettings, tmp_path: Path
) -> None:
    data = invented()
    far = {
        part: {name: Samples(one.features * np.float32(0.02) + 1000, one.labels) for name, one in own.items()}
        for part, own in data.parts.items()
    }
    result = train_drcl(msgspec.structs.replace(data, parts=far), tmp_path / "run", settings, "cpu")
    _, space = load_space(result.bundle)
    for name, encoder in space.encoders.items():
        learnt, _ = load_tensors(result.run / f"encoder-{name}.safetensors")
        assert torch.equal(encoder.shift, learnt["shift"])
        assert torch.equal(encoder.scale, learnt["scale"])
    again = across_modalities(embed_all(space.encoders, far["test"]))
    assert again.map_all == result.metrics["map_all"]
    own = load_tensors(result.run / "encoder-image.safetensors")[0]
    unrounded = ModalityEncoder(space.encoders["image"].shape)
    unrounded.load_state_dict(own)
    samples = torch.from_numpy(far["test"]["image"].features)
    with torch.no_grad():
        alike = (unrounded(samples) * space.encoders["image"](samples)).sum(1)
    assert float(alike.min()) > 0.999


def test_spaces_that_were_published_before_still_load() -> None:
    _, space = load_space(resource("models/search"))
    assert all(torch.isfinite(encoder.shift).all() for encoder in space.encoders.values())


def test_a_stopped_run_goes_on_to_the_same_end(
    first: tuple[DrclResult, Any], invented: Invented, settings: DrclSettings, tmp_path: Path
) -> None:
    token, seen = CancelToken(), []

    def watch(event: dict[str, Any]) -> None:
        seen.append(event)
        if (event["stage"], event["modality"], event["epoch"]) == ("encoder", "text", 3):
            token.cancel()

    with pytest.raises(Cancelled):
        train_drcl(invented(), tmp_path / "run", settings, "cpu", watch, cancel=token)
    seen.clear()
    again = train_drcl(invented(), tmp_path / "run", settings, "cpu", seen.append)
    assert {(event["stage"], event["modality"]) for event in seen} == {
        ("encoder", "text"),
        ("encoder", "sound"),
    }
    assert again.model == first[0].model
    assert again.metrics["map_all"] == first[0].metrics["map_all"]


def test_other_data_or_settings_are_refused(
    first: tuple[DrclResult, Any], invented: Invented, settings: DrclSettings
) -> None:
    for data, changed, words in (
        (invented(multi=True), settings, "with other data."),
        (invented(), msgspec.structs.replace(settings, seed=1), "with other settings (seed 0, not 1)."),
    ):
        with pytest.raises(PolypTraceError) as caught:
            train_drcl(data, first[0].run, changed, "cpu")
        assert caught.value.code == "run-data-changed"
        assert words in caught.value.message


def test_samples_of_several_categories(invented: Invented, settings: DrclSettings, tmp_path: Path) -> None:
    data = invented(multi=True)
    assert not data.single
    result = train_drcl(data, tmp_path / "run", settings, "cpu")
    labels = data.parts["test"]
    chance = np.mean(
        [
            (labels[a].labels @ labels[b].labels.T > 0).mean()
            for a, b in (way.split("->") for way in result.metrics["map_all"])
        ]
    )
    assert result.metrics["average"] > chance + 0.15


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "full"])
def test_every_variant_of_the_ablation_trains(
    variant: str, invented: Invented, settings: DrclSettings, tmp_path: Path
) -> None:
    changed = msgspec.structs.replace(settings, epochs=3, **VARIANTS[variant])  # type: ignore[arg-type]
    plain = msgspec.structs.replace(settings, epochs=3)
    one = train_drcl(invented(), tmp_path / "one", changed, "cpu")
    other = train_drcl(invented(), tmp_path / "other", plain, "cpu")
    assert one.model != other.model
    assert 0 < one.metrics["average"] <= 1
    if variant == "no prior learning":
        assert one.metrics["prior"]["scores"] == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dim": 3}, "number of categories, 4"),
        ({"rate": 0.0}, "learning rates"),
        ({"q": 0.0}, "q lies"),
        ({"alpha": 0.0, "beta": 0.0, "label_weight": 0.0}, "one of alpha"),
        ({"patience": 0}, "patience"),
        ({"gamma": 1.5}, "gamma"),
        ({"beta": float("nan")}, "at least 0"),
    ],
)
def test_settings_that_can_t_train_are_refused(
    changes: dict[str, Any], words: str, invented: Invented, settings: DrclSettings, tmp_path: Path
) -> None:
    with pytest.raises(PolypTraceError) as caught:
        train_drcl(invented(), tmp_path / "run", msgspec.structs.replace(settings, **changes), "cpu")
    assert caught.value.code == "setting-invalid"
    assert words in caught.value.message
    assert not (tmp_path / "run").exists()


def test_a_damaged_bundle_and_another_kind_are_refused(first: tuple[DrclResult, Any], tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(first[0].bundle, tmp_path / "copy")
    (copy / "weights-000.safetensors").write_bytes(b"x")
    with pytest.raises(PolypTraceError) as caught:
        load_space(copy)
    assert caught.value.code == "bundle-damaged"
    assert read_bundle(first[0].bundle).manifest.architecture["dim"] == 16


def test_the_best_epoch_is_a_copy() -> None:
    module = torch.nn.Linear(2, 1)
    best = Best()
    assert best.offer(1, 0.5, module)
    kept = best.state["weight"].clone()
    with torch.no_grad():
        module.weight.add_(1)
    assert torch.equal(best.state["weight"], kept)
    assert not best.offer(2, 0.5, module)  # as good is not better
    assert not best.offer(3, 0.4, module)
    assert not best.offer(4, float("nan"), module)
    assert torch.equal(best.state["weight"], kept)
    assert best.epoch == 1


def test_the_best_prior_is_the_one_of_the_highest_quality() -> None:
    matrix = torch.zeros(2, 2)
    priors = [LearntPrior(name, matrix, score, 1) for name, score in (("a", 0.4), ("b", 0.6), ("c", 0.6))]
    assert best_prior(priors).modality == "b"


def test_batches_hold_every_sample_once_and_never_one_alone() -> None:
    for count, sizes in ((10, [4, 4, 2]), (9, [4, 5]), (3, [3]), (1, [1])):
        made = list(batches(count, 4, torch.Generator().manual_seed(0)))
        assert [len(one) for one in made] == sizes
        assert sorted(torch.cat(made).tolist()) == list(range(count))
