"""A common space of several modalities through the real program: train, evaluate, refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ..core.data.cross_modal.trees import wikipedia
from .conftest import Run

SMALL = ["--set", "width=16", "--set", "dim=8", "--set", "epochs=3", "--set", "batch=64"]

ACROSS = ["evaluate", "--protocol", "cross-modal", "--features", "x.npz"]


def _json(done: Any) -> dict[str, Any]:
    assert done.code == 0, done.out + done.err
    document: dict[str, Any] = done.document
    return document


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "wikipedia"
    folder.mkdir()
    wikipedia(folder)
    return folder


def test_from_a_benchmark_to_figures_and_back(quick: Run, root: Path, tmp_path: Path) -> None:
    data = tmp_path / "d"
    done = quick(data, "train", "drcl", "--layout", "wikipedia", root, *SMALL, "--json")
    said = _json(done)
    assert set(said["metrics"]["map_all"]) == {"image->text", "text->image"}
    assert said["data"]["sizes"]["test"] == {"image": 9, "text": 9}
    events = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert {event["run"] for event in events} == {said["run"]}
    assert {(event["stage"], event["modality"]) for event in events} == {
        (stage, name) for stage in ("prior", "encoder") for name in ("image", "text")
    }
    listed = _json(quick(data, "models", "list", "--json"))["models"]
    assert ("drcl", "candidate") in {(one["kind"], one["state"]) for one in listed}
    again = _json(
        quick(data, "train", "drcl", "--layout", "wikipedia", root, *SMALL, "--resume", said["run"], "--json")
    )
    assert again["model"] == said["model"]
    out = tmp_path / "out"
    asked = ["evaluate", "--protocol", "cross-modal", "--layout", "wikipedia", root]
    found = _json(quick(data, *asked, "--model", said["run"], "--out", out, "--json"))
    assert found["model"] == said["model"]
    assert set(found["baselines"]["cca"]["map_all"]) == {"image->text", "text->image"}
    assert found["published"]
    page = (out / "report.html").read_text("utf-8")
    assert "CCA" in page
    assert (out / "figures" / "precision-recall-image.svg").is_file()
    bare = _json(quick(data, *asked, "--model", said["run"], "--no-baselines", "--json"))
    assert bare["baselines"]["cca"] is None
    assert bare["map_all"] == found["map_all"] == said["metrics"]["map_all"]
    shown = quick(data, *asked, "--model", said["model"])
    assert shown.code == 0
    assert "image->text" in shown.out
    assert "Research use only" in shown.out


def test_features_of_one_s_own(quick: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {}
    for name, length, count in (("image", 4, 40), ("report", 3, 30)):
        labels = np.arange(count) % 3
        arrays[f"{name}_train_features"] = rng.normal(size=(count, length)) + labels[:, None]
        arrays[f"{name}_train_labels"] = labels
    np.savez(tmp_path / "own.npz", **arrays)
    said = _json(quick(tmp_path / "d", "train", "drcl", "--features", tmp_path / "own.npz", *SMALL, "--json"))
    assert "map_all" not in said["metrics"]  # nothing to test on
    assert set(said["metrics"]["validation"]["map_all"]) == {"image->report", "report->image"}
    assert any("held back" in note for note in said["notes"])
    assert any("no part to test on" in note for note in said["notes"])
    card = _json(quick(tmp_path / "d", "models", "show", said["model"], "--json"))["card"]
    assert "No figures: nothing was held back for a test" in card


def _features(file: Path, **lengths: int) -> Path:
    rng = np.random.default_rng(1)
    arrays = {}
    for name, length in lengths.items():
        labels = np.arange(12) % 3
        arrays[f"{name}_features"] = rng.normal(size=(12, length)) + labels[:, None]
        arrays[f"{name}_labels"] = labels
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file


def test_features_of_one_s_own_are_asked_with_a_model(quick: Run, tmp_path: Path) -> None:
    data, rng = tmp_path / "d", np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 30), ("test", 9)):
        for name, length in (("image", 4), ("report", 3)):
            labels = np.arange(count) % 3
            arrays[f"{name}_{part}_features"] = rng.normal(size=(count, length)) + labels[:, None]
            arrays[f"{name}_{part}_labels"] = labels
    file = tmp_path / "own.npz"
    np.savez(file, **arrays)
    said = _json(quick(data, "train", "drcl", "--features", file, *SMALL, "--json"))
    asked = ["evaluate", "--protocol", "cross-modal", "--model", said["model"], "--json", "--features"]
    found = _json(quick(data, *asked, file))
    assert found["map_all"] == pytest.approx(said["metrics"]["map_all"], abs=0.02)
    assert found["data"]["sizes"]["test"] == {"image": 9, "report": 9}
    whole = _json(quick(data, *asked, _features(tmp_path / "whole.npz", image=4, report=3)))
    assert set(whole["map_all"]) == {"image->report", "report->image"}
    assert whole["baselines"]["cca"] is None
    for lengths, words in (
        ({"image": 5, "report": 3}, "of length 5; the model"),
        ({"image": 4, "sound": 3}, "no encoder for sound"),
    ):
        refused = quick(data, *asked, _features(tmp_path / "other.npz", **lengths))
        assert (refused.code, refused.error["code"]) == (1, "model-modality")
        assert words in refused.error["message"]
    one = quick(data, *asked, _features(tmp_path / "one.npz", image=4))
    assert (one.code, one.error["code"]) == (1, "cross-modal-invalid")
    bare = quick(data, "evaluate", "--features", file, "--json")
    assert (bare.code, bare.error["code"]) == (1, "features-layout")
    assert "--model" in bare.error["hint"]
    val = quick(data, *asked, file, "--split", "val")
    assert (val.code, val.error["code"]) == (1, "features-layout")


def test_what_would_train_is_told_and_settings_are_looked_at_first(
    quick: Run, root: Path, tmp_path: Path
) -> None:
    data = tmp_path / "d"
    asked = ["train", "drcl", "--layout", "wikipedia", root]
    told = _json(quick(data, *asked, *SMALL, "--dry-run", "--json"))
    assert told["settings"]["width"] == 16
    assert told["data"]["sizes"]["test"] == {"image": 9, "text": 9}
    assert not (data / "runs").exists()
    idle = quick(data, *asked, *SMALL, "--set", "rates.sound=0.01", "--dry-run")
    assert "no modality sound" in idle.err
    for wrong in ("dim=1", "epochs=0", "seed=-1"):
        done = quick(data, *asked, *SMALL, "--set", wrong)
        assert done.code == 1
        assert "--resume" not in done.out  # there is no run to go on with
        assert "--print-settings" in done.err
    assert not (data / "runs").exists()


def test_features_that_cannot_be_scaled_are_refused_before_anything_is_learnt(
    quick: Run, tmp_path: Path
) -> None:
    file = tmp_path / "flat.npz"
    same = np.ones((30, 4), np.float32)
    labels = np.arange(30) % 3
    arrays = {}
    for name in "ab":
        arrays |= {f"{name}_train_features": same, f"{name}_train_labels": labels}
    np.savez(file, **arrays)  # type: ignore[arg-type]
    done = quick(tmp_path / "d", "train", "drcl", "--features", file, "--dry-run", "--json")
    assert (done.code, done.error["code"]) == (1, "features-scale")


def test_help_names_every_preset(quick: Run, tmp_path: Path) -> None:
    from core.training.drcl.presets import PRESETS

    told = " ".join(quick(tmp_path / "d", "train", "--help").out.replace("│", " ").split())
    assert [name for name in PRESETS if name not in told] == []


def test_settings_are_printed_and_changed(quick: Run, tmp_path: Path) -> None:
    done = quick(
        tmp_path / "d", "train", "drcl", "--preset", "xmedia", "--set", "rates.3d=0.01", "--print-settings"
    )
    assert done.code == 0, done.err
    settings = json.loads(done.out)
    assert settings["dim"] == 512
    assert settings["rates"]["3d"] == 0.01
    assert settings["rates"]["text"] == 3e-4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "drcl"], "--features FILE"),
        (["train", "drcl", "--layout", "wikipedia"], "give the folder"),
        (["train", "drcl", "--layout", "market1501", "."], "reads wikipedia"),
        (["train", "drcl", "--layout", "wikipedia", ".", "--pretrain", "tracklets"], "can't go with drcl"),
        (["train", "drcl", "--features", "x.npz", "--videos", "."], "--videos can't go with drcl"),
        (["train", "drcl", "--features", "x.npz", "--images", "."], "--images can't go with drcl"),
        (["train", "drcl", "--features", "x.npz", "--catalogue"], "--catalogue can't go with drcl"),
        (["train", "drcl", "--features", "x.npz", ".", "--dry-run"], "ROOT can't go with drcl"),
        (["train", "dmcl", "--layout", "wikipedia", "."], "train drcl"),
        (["train", "dmcl", "--features", "x.npz"], "train drcl"),
        (["evaluate", "--layout", "wikipedia", "."], "cross-modal"),
        (["evaluate", "--features", "x.npz", "--model", "drcl"], "cross-modal"),
        (["evaluate", "--protocol", "cross-modal", "--layout", "wikipedia", "."], "--model"),
        ([*ACROSS, "--rerank", "5"], "--rerank can't go with"),
        ([*ACROSS, "--full-frame"], "--full-frame can't go with"),
        ([*ACROSS, "--model", "drcl", "."], "ROOT can't go with"),
    ],
)
def test_wrong_usage_is_told(quick: Run, tmp_path: Path, arguments: list[str], words: str) -> None:
    done = quick(tmp_path / "d", *arguments)
    assert done.code == 2
    assert words in " ".join(done.err.replace("│", " ").split())


def test_a_model_of_lesions_has_no_such_space(quick: Run, root: Path, tmp_path: Path) -> None:
    asked = ["evaluate", "--protocol", "cross-modal", "--layout", "wikipedia", root, "--json"]
    done = quick(tmp_path / "d", *asked, "--model", "dmcl")
    assert done.code == 1
    assert done.document["error"]["code"] == "model-kind"


def test_how_a_run_goes_on_is_a_command(tmp_path: Path) -> None:
    from core.cli.train_words import go_on_hint
    from core.paths import DataDir

    folder = DataDir(tmp_path / "my data")
    for run, name in ((folder.runs / "drcl-1", "drcl-1"), (tmp_path / "a b", f"'{tmp_path / 'a b'}'")):
        run.mkdir(parents=True)
        told = f"Go on with: polyptrace train drcl --resume {name} --data-dir '{folder.root}'"
        assert go_on_hint(run, folder, "drcl") == told


def test_a_run_goes_on_by_its_own_data_and_settings(quick: Run, tmp_path: Path) -> None:
    data, rng = tmp_path / "d", np.random.default_rng(0)
    arrays = {}
    for name, length in (("image", 4), ("report", 3)):
        arrays[f"{name}_train_features"] = rng.normal(size=(30, length))
        arrays[f"{name}_train_labels"] = np.arange(30) % 3
    file = tmp_path / "own.npz"
    np.savez(file, **arrays)
    said = _json(quick(data, "train", "drcl", "--features", file, *SMALL, "--json"))
    run = data / "runs" / said["run"]
    (run / "encoder-report.safetensors").unlink()
    alone = ["train", "drcl", "--resume", said["run"], "--json"]
    assert _json(quick(data, *alone))["model"] == said["model"]
    assert _json(quick(data, *alone, "--features", file))["model"] == said["model"]
    other = quick(
        data, *alone, "--features", file, "--set", "width=16", "--set", "dim=8", "--set", "batch=64"
    )
    assert (other.code, other.error["code"]) == (1, "run-data-changed")
    assert "epochs 3, not 200" in other.error["message"]
    np.savez(file, **{**arrays, "image_train_features": arrays["image_train_features"] + 1})
    changed = quick(data, *alone)
    assert (changed.code, changed.error["code"]) == (1, "run-data-changed")
    assert "other data" in changed.error["message"]
    (run / "source.json").unlink()
    silent = quick(data, *alone)
    assert silent.code == 2
    assert "add --features FILE" in " ".join(silent.err.replace("│", " ").split())


def test_a_run_that_isn_t_there_isn_t_begun(quick: Run, root: Path, tmp_path: Path) -> None:
    asked = ["train", "drcl", "--layout", "wikipedia", root, *SMALL, "--resume", "drcl-none", "--json"]
    done = quick(tmp_path / "d", *asked)
    assert done.code == 1
    assert done.document["error"]["code"] == "run-unknown"
    assert not (tmp_path / "d" / "runs" / "drcl-none").exists()
