"""Table 3 by one command: runs alike but for their first weights, kept when done, and what the table says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from core.data.manifest import read_manifest, write_manifest
from core.data.tracklets.film import FilmSettings
from core.errors import PolypTraceError
from core.evaluation.bootstrap import mean_interval, runs_interval
from core.inference.bundle import read_bundle
from core.models.config import BertSettings
from core.paths import resource
from core.phantom.benchmark import load_spec, plan_benchmark
from core.progress import CancelToken, no_progress
from core.training import ablation
from core.training.ablation import make_table
from core.training.ablation_figures import RunFigures, Scores
from core.training.ablation_recipe import OTHERS, ROWS, TRAINING, AblationRecipe, unlabelled_clips
from core.training.ablation_table import markdown, table
from core.training.config import TrainConfig, read_config
from core.training.mlm_loop import MlmSettings
from core.training.presets import ABLATION
from core.training.tracklet_config import TrackletConfig
from core.training.tracklet_sources import check_sources

from .test_train_dmcl import KilledError

BERT = BertSettings(vocab_size=300, hidden=32, layers=1, heads=2, intermediate=64, positions=64)


@pytest.fixture
def tested(manifest: Path) -> Path:
    """The tiny world with two of its patients to be tested on: their last exam asks."""
    rows = []
    for row in read_manifest(manifest).rows:
        asked = "query" if row.exam == 2 else "gallery"
        rows.append(msgspec.structs.replace(row, split=asked) if row.patient_id in ("p0", "p1") else row)
    return write_manifest(manifest, rows)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    shutil.copy(resource("demo", "videos", "PH4-002-E2.mp4"), folder)
    return folder


@pytest.fixture
def recipe(config: TrainConfig, films: Path) -> AblationRecipe:
    model = msgspec.structs.replace(config.model, text=BERT, max_tokens=48)
    tracklets = TrackletConfig(
        tracklets=4, steps=1, width=16, films=FilmSettings(every_s=2.0, seconds=0.6, pictures=2)
    )
    training = msgspec.structs.replace(
        config, model=model, identities=2, steps=2, validate_every=2, tracklets=tracklets
    )
    text = MlmSettings(texts=40, steps=2, batch=8)
    return AblationRecipe(training=training, text=text, patients=None, videos=str(films))


def test_runs_differ_in_their_first_weights_alone_and_a_killed_one_goes_on(
    tested: Path, recipe: AblationRecipe, tmp_path: Path
) -> None:
    work = tmp_path / "work"

    def kill(event: dict[str, Any]) -> None:
        if event.get("run") == "both, seed 0" and event["stage"] == "train":
            raise KilledError

    with pytest.raises(KilledError):
        make_table(work, recipe, ("none", "both"), (0,), manifest=tested, device="cpu", on_event=kill)
    halfway = json.loads((work / "table.json").read_text())
    assert halfway["missing"] == ["both, seed 0"]
    assert "**Not finished:** both, seed 0." in (work / "table.md").read_text()
    kept = (work / "seed-0/none/figures.json").stat().st_mtime_ns
    learnt = (work / "seed-0/image-encoder/image-encoder.safetensors").stat().st_mtime_ns
    found = make_table(work, recipe, ("none", "both"), (0,), manifest=tested, device="cpu")
    assert (work / "seed-0/none/figures.json").stat().st_mtime_ns == kept
    assert (work / "seed-0/image-encoder/image-encoder.safetensors").stat().st_mtime_ns == learnt
    assert found["missing"] == []
    assert set(found["rows"]) == {"none", "both"}
    assert json.loads((work / "table.json").read_text())["rows"].keys() == found["rows"].keys()

    none, both = (read_config(work / f"seed-0/{row}/config.json") for row in ("none", "both"))
    plain = type(none.start)()
    assert msgspec.structs.replace(none, start=plain) == msgspec.structs.replace(both, start=plain)
    assert (none.start.pretrained, both.start.pretrained) == ("none", "both")
    first = read_bundle(work / "seed-0/none/model").tokenizer.read_text()
    assert first == read_bundle(work / "seed-0/both/model").tokenizer.read_text()
    assert "began with random weights" in read_bundle(work / "seed-0/none/model").card
    assert "learnt without labels" in read_bundle(work / "seed-0/both/model").card
    other = msgspec.structs.replace(recipe, text=MlmSettings(steps=3))
    with pytest.raises(PolypTraceError) as caught:
        make_table(work, other, ("none",), (0,), manifest=tested, device="cpu")
    assert caught.value.code == "table-other-recipe"


def test_unlabelled_clips_say_nothing_of_whom_they_show(tmp_path: Path) -> None:
    published = load_spec()
    rendering = msgspec.structs.replace(published.rendering, crop_px=64, views=2)
    spec = msgspec.structs.replace(published, rendering=rendering, plan_sha256="", samples=())
    sources = unlabelled_clips(tmp_path, spec, 1, 1, no_progress, CancelToken())
    check_sources(sources)
    assert sources.manifest is not None
    rows = read_manifest(sources.manifest).rows
    assert len({row.clip_id for row in rows}) < len(rows)
    assert all(row.polyp_id is None and not row.text and row.split == "train" for row in rows)
    asked = {one.patient.exams[0].colon.seed for one in plan_benchmark(published, published.seed)}
    others = plan_benchmark(msgspec.structs.replace(spec, patients=1, val=0, test=0), spec.seed + OTHERS)
    assert others[0].patient.exams[0].colon.seed not in asked


def figures(seed: int, good: float, steps: int = 5) -> RunFigures:
    """A run on six patients with two queries each, right more often the higher ``good`` is."""
    rng = np.random.default_rng(seed)
    patients = [f"p{n // 2}" for n in range(12)]
    right = (rng.random(12) < good).astype(float).tolist()
    scores = {name: Scores(patients, right) for name in ("mAP", "rank1", "within_rank1")}
    ways = {"model": scores, "image_only": scores}
    return RunFigures(
        ways=ways,
        steps=steps,
        planned=5,
        seconds=1.0,
        model=f"m{seed}",
        queries=12,
        gallery=20,
        patients=6,
        chance=0.5,
    )


def test_the_table_s_figures_are_means_over_seeds_and_paired_differences() -> None:
    runs = {
        "none": {seed: figures(seed, 0.3) for seed in range(3)},
        "image": {seed: figures(seed + 10, 0.8) for seed in range(2)},
    }
    found = table(runs)
    values = np.array([runs["none"][seed].ways["model"]["mAP"].values for seed in range(3)])
    own = found["rows"]["none"]["model"]["mAP"]
    assert own["mean"] == pytest.approx(values.mean())
    assert own["seeds"]["1"] == pytest.approx(values[1].mean())
    assert own["patients_and_seeds"][0] <= own["mean"] <= own["patients_and_seeds"][1]
    gain = found["against_none"]["image"]["model"]["mAP"]
    image = np.array([runs["image"][seed].ways["model"]["mAP"].values for seed in range(2)])
    assert gain["mean"] == pytest.approx((image - values[:2]).mean())  # the seeds that both have
    assert "none" not in found["against_none"]
    text = markdown(found, runs, 128, [])
    assert "128 px" in text
    assert f"{own['mean']:.3f}" in text
    assert f"{gain['mean']:+.3f}" in text
    assert "text alone" not in text.lower()
    assert "Every run learnt from 5 batches" in text


def test_runs_that_time_ended_are_said() -> None:
    runs = {"none": {0: figures(0, 0.5), 1: figures(1, 0.5, steps=3)}}
    assert "1 of 2 runs were ended by the time limit**, after 3 of 5 batches" in markdown(
        table(runs), runs, 128, []
    )


def test_an_interval_over_seeds_too_is_wider_and_without_spread_the_same() -> None:
    rng = np.random.default_rng(0)
    patients = [f"p{n // 2}" for n in range(40)]
    same = np.repeat(rng.random((40, 1)), 3, axis=1)
    one = mean_interval(same[:, 0], patients)
    assert runs_interval(same, patients) == pytest.approx(one)
    assert runs_interval(same, patients, over_runs=False) == pytest.approx(one)
    spread = same + np.array([-0.3, 0.0, 0.3])
    narrow = runs_interval(spread, patients, over_runs=False)
    wide = runs_interval(spread, patients)
    assert narrow is not None
    assert wide is not None
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])
    assert runs_interval(spread, ["p"] * 40) is None


def test_the_preset_is_the_ablation_s_with_tracklets_no_longer_than_a_run() -> None:
    assert TRAINING.model.image_size == 128
    assert TRAINING.max_seconds is TRAINING.tracklets.max_seconds is None
    assert msgspec.structs.replace(ABLATION, max_seconds=None, tracklets=TRAINING.tracklets) == TRAINING
    assert ABLATION.max_seconds is not None
    assert ABLATION.max_seconds <= 20 * 60
    assert ROWS == ("none", "text", "image", "both")


def test_options_become_the_recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    seen: list[Any] = []

    def table_of(work: Path, recipe: AblationRecipe, rows: Any, seeds: Any, **other: Any) -> dict[str, Any]:
        seen.append((work, recipe, rows, list(seeds), other["manifest"]))
        return {}

    monkeypatch.setattr(ablation, "make_table", table_of)
    options = [
        "--size",
        "224",
        "--seeds",
        "2",
        "--rows",
        "both,none",
        "--set",
        "steps=7",
        "--text-steps",
        "3",
    ]
    assert ablation.main([*options, "--manifest", str(tmp_path / "m.csv")]) == 0
    work, recipe, rows, seeds, manifest = seen[0]
    assert (str(work), rows, seeds) == ("build/table3-224", ["none", "both"], [0, 1])
    assert (recipe.training.model.image_size, recipe.training.steps, recipe.text.steps) == (224, 7, 3)
    assert manifest == tmp_path / "m.csv"
    assert ablation.main(["--rows", "one"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["error"]["code"] == "table-rows"
