"""The starter model's command, end to end at a tiny size."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import combinations, product
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from core.data.augment import NONE
from core.data.manifest import Row, read_manifest, write_manifest
from core.data.splits import patients_of
from core.domain import Box
from core.errors import Cancelled, PolypTraceError
from core.inference.bundle import read_bundle
from core.models.bundle import load_model
from core.models.config import BertSettings
from core.phantom.benchmark import BenchmarkSpec, load_spec, plan_benchmark
from core.phantom.crops import CropSettings
from core.phantom.plan import PlannedPatient, plan
from core.progress import CancelToken
from core.training import starter
from core.training.command import claim
from core.training.config import TrainConfig, check
from core.training.mlm_loop import MlmSettings
from core.training.starter import make_starter
from core.training.starter_check import check_starter
from core.training.starter_recipe import Recipe

BERT = BertSettings(vocab_size=400, hidden=32, layers=1, heads=2, intermediate=64, positions=128)


@pytest.fixture
def recipe(config: TrainConfig) -> Recipe:
    model = msgspec.structs.replace(config.model, text=BERT, max_tokens=128)
    training = msgspec.structs.replace(config, model=model, augmentation=NONE, identities=4, steps=3)
    text = MlmSettings(bert=BERT, texts=40, steps=4, batch=8)
    return Recipe(
        patients=4,
        held_back=2,
        part=2,
        crop_px=64,
        views=1,
        seed=3,
        text=text,
        training=training,
        tuning=training,
    )


@pytest.fixture
def spec() -> BenchmarkSpec:
    """Three patients of the benchmark's kind, one picture a view."""
    published = load_spec()
    rendering = msgspec.structs.replace(published.rendering, crop_px=64, views=1)
    return msgspec.structs.replace(
        published, seed=5, patients=4, val=1, test=2, rendering=rendering, plan_sha256="", samples=()
    )


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Manifests of pictures without text, named as the real ones."""
    folder, rng, rows = tmp_path / "real", np.random.default_rng(0), []
    folder.mkdir()
    for polyp, exam in product(range(7), (1, 2)):
        path = folder / f"{polyp}-{exam}.png"
        cv2.imwrite(str(path), rng.integers(0, 256, (40, 50, 3), dtype=np.uint8))
        asked = "gallery" if exam == 1 else "query"
        split = asked if polyp < 3 else "train" if polyp < 5 else "val"
        box = Box(5, 5, 30, 30)
        rows.append(Row(f"c{polyp}-{exam}", path, None, f"s{polyp}", f"s{polyp}", exam, split, "", box))
    for name in ("reid_split", "reid_split_shift", "reid_all_test", "reid_all_test_shift"):
        write_manifest(folder / f"{name}.csv", rows)
    return folder


def test_from_nothing_to_a_shipped_bundle_with_a_stop_on_the_way(
    recipe: Recipe, spec: BenchmarkSpec, real: Path, tmp_path: Path
) -> None:
    out, work = tmp_path / "starter", tmp_path / "work"
    token = CancelToken()

    def stop_while_training(event: dict[str, Any]) -> None:
        if event["stage"] == "train" and event["step"] == 1:
            token.cancel()

    with pytest.raises(Cancelled):
        make_starter(out, work, recipe, device="cpu", workers=1, on_event=stop_while_training, cancel=token)
    assert not out.exists()
    events: list[dict[str, Any]] = []
    answer = make_starter(
        out, work, recipe, spec=spec, real=real, device="cpu", workers=1, on_event=events.append
    )

    # The second start renders only the benchmark and goes on with the second step.
    stages = [event["stage"] for event in events]
    assert "crops: patients" not in stages
    assert "text encoder" not in stages
    assert [event["step"] for event in events if event["stage"] == "train"] == [2, 3, 1, 2, 3]
    assert json.loads(json.dumps(events)) == events

    info = read_bundle(out)
    assert {path.name for path in out.iterdir()} == {"manifest.json", *info.manifest.files}
    assert answer["model"] == info.manifest.model_id
    assert answer["bytes"] == sum(path.stat().st_size for path in out.iterdir()) < 40_000_000
    assert {"run", "metrics", "seconds"} <= answer.keys()
    for part in ("validation", "benchmark"):
        figures = info.manifest.metrics[part]
        for way in ("model", "image_only", "text_only", "colour_histogram"):
            assert 0 <= figures[way]["mAP"] <= 1
            assert f"{figures[way]['mAP']:.3f}" in info.card
    for figures in info.manifest.metrics["real"].values():
        assert 0 <= figures["model"]["frame_mAP"] <= 1
        assert f"{figures['colour_histogram']['frame_mAP']:.3f}" in info.card
    assert len(info.manifest.metrics["real"]) == 6
    assert {event["run"] for event in events if event["stage"] == "train"} == {"starter", "tuned"}
    assert "20 of the 29 were used for choosing" in info.card
    assert "Research use only" in info.card
    assert load_model(out).config.width == 64

    # What was measured of this very model isn't measured again: test polyps are asked once.
    again: list[dict[str, Any]] = []
    repeated = make_starter(
        out, work, recipe, spec=spec, real=real, device="cpu", workers=1, on_event=again.append
    )
    assert repeated["model"] == answer["model"]
    assert not any(event["stage"].startswith("measuring") for event in again)
    assert any(event["stage"].startswith("measuring") for event in events)

    # The next version goes on from this one, whose copy stays when the new one takes its place.
    following = tmp_path / "next"
    with pytest.raises(PolypTraceError) as caught:
        make_starter(out, following, recipe, parent=out, spec=spec, device="cpu", workers=1)
    assert caught.value.code == "starter-seed-used"
    anew = msgspec.structs.replace(recipe, seed=4)
    went_on = make_starter(out, following, anew, parent=out, spec=spec, device="cpu", workers=1)
    assert went_on["model"] != answer["model"]
    assert went_on["metrics"]["seeds"] == [3, 4]
    assert read_bundle(following / "parent").manifest.model_id == answer["model"]
    card = read_bundle(out).card
    assert f"went on from the weights of the version before, {answer['model']}." in card
    assert f"{answer['model']}: Text encoder: masked-language pre-training" in card

    # Nobody whom a version learnt from is held back from another one, or in the benchmark.
    people = []
    for folder in (work, following):
        rows, known = read_manifest(folder / "crops/manifest.csv").rows, _planned(folder)
        train, val = (patients_of(row for row in rows if row.split == split) for split in ("train", "val"))
        assert (len(train), len(val)) == (4, 2)
        people.append(_anatomy(known[code] for code in train))
        held = _anatomy(known[code] for code in val)
    people.append(held)
    asked = patients_of(read_manifest(work / "benchmark/manifest.csv").rows)
    people.append(
        _anatomy(one.patient for one in plan_benchmark(spec, spec.seed) if one.patient.code in asked)
    )
    assert all(people)
    assert not any(a & b for a, b in combinations(people, 2))


def test_a_bundle_is_judged_anew_on_patients_that_no_version_knows(
    recipe: Recipe, spec: BenchmarkSpec, tmp_path: Path
) -> None:
    out, work = tmp_path / "starter", tmp_path / "work"
    made = make_starter(out, work, recipe, spec=spec, device="cpu", workers=1)
    before = read_bundle(out)
    more = msgspec.structs.replace(recipe, held_back=4)
    benchmark = work / "benchmark/manifest.csv"
    note = "13 of them had taught the version before."
    done = check_starter(out, tmp_path / "check", more, [3], [note], benchmark=benchmark, workers=1)
    after = read_bundle(out)
    assert done["model"] == made["model"] == after.manifest.model_id
    assert after.manifest.weights == before.manifest.weights
    rule = after.manifest.no_match
    assert rule is not None
    assert rule.queries == after.manifest.metrics["validation"]["queries"] > 4
    assert f"below a cosine of {rule.threshold:.3f}, learnt from {rule.queries} queries" in after.card
    assert "of 4 such patients whom no version learns from; threshold" in after.card
    assert note in after.card
    assert after.card.count("### ") == before.card.count("### ")
    assert f"{after.manifest.metrics['validation']['model']['mAP']:.3f}" in after.card


def _planned(work: Path) -> dict[str, PlannedPatient]:
    """The patients that were learnt from or validated on, by code, planned again from their parts' seeds."""
    records = [
        msgspec.json.decode(path.read_bytes(), type=CropSettings)
        for path in work.glob("crops/*/crops/crops.json")
    ]
    planned = [plan(one.seed, one.patients, max_exams=one.max_exams, always_present=True) for one in records]
    return {patient.code: patient for part in planned for patient in part}


def _anatomy(patients: Iterable[PlannedPatient]) -> set[int]:
    """Seeds of the patients' colons and lesions: codes differ even where two are the same person."""
    colons = [exam.colon for patient in patients for exam in patient.exams]
    return {colon.seed for colon in colons} | {lesion.seed for colon in colons for lesion in colon.lesions}


def test_a_folder_without_the_real_manifests_is_refused_before_anything_is_made(
    recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(PolypTraceError) as caught:
        make_starter(tmp_path / "starter", tmp_path / "work", recipe, real=tmp_path)
    assert caught.value.code == "real-data-missing"
    assert not (tmp_path / "work").exists()


def test_another_recipe_in_the_same_folder_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    claim(tmp_path / "work", recipe, "starter-other-recipe")
    claim(tmp_path / "work", recipe, "starter-other-recipe")
    with pytest.raises(PolypTraceError) as caught:
        claim(tmp_path / "work", msgspec.structs.replace(recipe, seed=4), "starter-other-recipe")
    assert caught.value.code == "starter-other-recipe"


def test_the_command_line_says_what_is_wrong_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(tmp_path / "work", Recipe(), "starter-other-recipe")
    monkeypatch.setattr("core.training.command.signal.signal", lambda *_: None)
    code = starter.main(
        ["--work-dir", str(tmp_path / "work"), "--out", str(tmp_path / "out"), "--steps", "7"]
    )
    assert code == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "starter-other-recipe"


def test_the_shipped_recipe_is_sound() -> None:
    recipe = Recipe()
    check(recipe.training)
    assert recipe.training.identities * recipe.training.pictures == 64
    assert recipe.training.model.backbone == "resnet18"
    assert recipe.training.model.width == 256
    assert starter._recipe(starter._parser().parse_args([])) == recipe
