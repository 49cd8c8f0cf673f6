"""`train dmcl` from a manifest to a bundle: what comes out, that it learns, that a stop costs nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from core.data.splits import split_hash
from core.errors import Cancelled
from core.inference.bundle import read_bundle
from core.models.bundle import load_model
from core.progress import CancelToken
from core.training.checkpoint import load_tensors
from core.training.config import Start, TrainConfig
from core.training.dmcl import train_dmcl

ROOT = Path(__file__).resolve().parents[3]
OnStep = Callable[[dict[str, Any]], None]


class KilledError(Exception):
    """Stands for the process's sudden end: nothing in the training catches it."""


def killed_at(step: int) -> OnStep:
    def on_step(event: dict[str, Any]) -> None:
        if event["stage"] == "train" and event["step"] == step:
            raise KilledError

    return on_step


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_tensors(run / "best.safetensors")[0]


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_three_steps_make_a_whole_bundle(first_run: Any) -> None:
    result, events, told = first_run.result, first_run.events, first_run.told
    info = read_bundle(result.bundle)
    assert info.manifest.model_id == result.model
    assert info.manifest.architecture["width"] == 64
    assert info.manifest.training_manifest_sha256 is not None
    assert load_model(result.bundle).config.image_size == 32
    assert {"fused_mAP", "image_rank1", "text_mAP"} <= set(result.metrics)
    assert all(0 <= value <= 1 for value in result.metrics.values())
    assert f"{result.metrics['fused_mAP']:.3f}" in info.card
    assert "36 pictures of 6 lesions of 3 patients" in info.card
    assert "began with random weights" in info.card

    assert [event["stage"] for event in events].count("train") == 3
    assert {event["run"] for event in events} == {"first"}
    assert events[0]["device"] == "cpu"
    assert events[0]["device_reason"]
    assert json.loads(json.dumps(events)) == events
    assert [(step.done, step.total) for step in told] == [(1, 3), (2, 3), (3, 3)]
    logged = [json.loads(line) for line in (result.run / "metrics.jsonl").read_text().splitlines()]
    assert [event["step"] for event in logged if event["stage"] == "validate"] == [2, 3]


def test_no_patient_is_on_both_sides(first_run: Any) -> None:
    facts = json.loads((first_run.result.run / "data.json").read_text())
    assert facts["disjoint"] is True
    sides = {"train": {"p0", "p1", "p2"}, "val": {"p3", "p4"}}
    assert facts["split_sha256"] == {side: split_hash(patients) for side, patients in sides.items()}
    assert facts["splits"]["train_patients"] == 3
    assert facts["splits"]["val_patients"] == 2


def test_the_loss_falls_where_it_can_be_learnt_by_heart(
    manifest: Path, config: TrainConfig, tmp_path: Path
) -> None:
    events: list[dict[str, Any]] = []
    longer = msgspec.structs.replace(config, steps=24, identities=6, validate_every=24)
    result = train_dmcl(manifest, tmp_path / "run", longer, device="cpu", on_step=events.append)
    losses = [event["loss"] for event in events if event["stage"] == "train"]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:3])
    assert result.metrics["image_rank1"] >= 0.75  # other lesions, by chance 0.25


def test_killed_and_resumed_ends_with_the_same_weights(
    manifest: Path, config: TrainConfig, tmp_path: Path
) -> None:
    settings = msgspec.structs.replace(config, steps=4)
    whole = train_dmcl(manifest, tmp_path / "whole", settings, device="cpu")
    for step in (1, 3):  # before and after the first checkpoint, which the validation of step 2 leaves
        with pytest.raises(KilledError):
            train_dmcl(manifest, tmp_path / "cut", settings, device="cpu", on_step=killed_at(step))
    # Other wishes don't matter to a run that has begun.
    other = msgspec.structs.replace(settings, steps=9, seed=5)
    resumed = train_dmcl(None, tmp_path / "cut", other, device="cpu")
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert resumed.model == whole.model
    steps = [json.loads(line)["step"] for line in (tmp_path / "cut/metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 2, 3, 4, 4]


def test_cancelled_leaves_a_checkpoint_and_goes_on(
    manifest: Path, config: TrainConfig, tmp_path: Path
) -> None:
    token = CancelToken()

    def stop(event: dict[str, Any]) -> None:
        if event["step"] == 1:
            token.cancel()

    with pytest.raises(Cancelled):
        train_dmcl(manifest, tmp_path / "cut", config, device="cpu", on_step=stop, cancel=token)
    events: list[dict[str, Any]] = []
    train_dmcl(None, tmp_path / "cut", device="cpu", on_step=events.append)
    train_dmcl(manifest, tmp_path / "whole", config, device="cpu")
    assert [event["step"] for event in events if event["stage"] == "train"] == [2, 3]
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))


def test_a_real_kill_changes_nothing(manifest: Path, config: TrainConfig, tmp_path: Path) -> None:
    """The real command, killed in the middle of its steps and resumed by the real command."""
    settings = msgspec.structs.replace(config, steps=7, checkpoint_seconds=1e-6, validate_every=3)
    (tmp_path / "settings.json").write_bytes(msgspec.json.encode(settings))
    wishes = ("--preset", "compact", "--config", str(tmp_path / "settings.json"), "--manifest", str(manifest))
    with program(tmp_path, *wishes) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("{") and (event := json.loads(line))["step"] >= 4:
                os.kill(process.pid, signal.SIGKILL)
                break
    (run,) = (tmp_path / "data/runs").iterdir()
    assert event["step"] == 4
    assert not (run / "model").exists()
    with program(tmp_path, "--resume", run.name) as process:
        said, told = process.communicate(timeout=400)
    assert process.returncode == 0, told
    events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert 3 <= events[0]["step"] <= 5
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the command: sums in the same order
    try:
        whole = train_dmcl(manifest, tmp_path / "whole", settings, device="cpu")
    finally:
        torch.set_num_threads(before)
    assert_same(weights(tmp_path / "whole"), weights(run))
    last, other = (load_tensors(folder / "checkpoint.safetensors")[0] for folder in (tmp_path / "whole", run))
    assert_same(last, other)  # the optimiser's memory too
    assert json.loads(said)["model"] == whole.model


def program(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "core", "train", "dmcl", *words, "--device", "cpu", "--json"]
    return subprocess.Popen(
        [*command, "--data-dir", str(folder / "data")],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_epochs_and_the_split_are_on_record(first_run: Any) -> None:
    run = first_run.result.run
    epochs = [json.loads(line) for line in (run / "epochs.jsonl").read_text().splitlines()]
    assert [(line["epoch"], line["step"], line["batches"]) for line in epochs] == [(1, 2, 2), (2, 3, 1)]
    losses = [event["loss"] for event in first_run.events if event["stage"] == "train"]
    assert epochs[0]["loss"] == pytest.approx(np.mean(losses[:2]), abs=1e-4)
    logged = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    validated = [event for event in logged if event["stage"] == "validate"]
    for epoch, event in zip(epochs, validated, strict=True):
        assert {**event, **epoch["validation"]} == event
    told = next(event for event in first_run.events if event["stage"] == "start")
    assert (told["train_patients"], told["val_patients"], told["disjoint"]) == (3, 2, True)
    assert told["split_sha256"] == first_run.result.data["split_sha256"]
    # Four lesions in two exams of one clip each: every last clip asks, every first one is there.
    counted = {"queries": told["val_lesions"], "lesions": told["val_lesions"], "clips": told["val_lesions"]}
    assert first_run.result.data["validation"] == counted
    assert json.loads((run / "config.json").read_text())["seed"] == 0
    assert json.loads((run / "environment.json").read_text())["packages"]["torch"]


def test_time_can_end_a_run(manifest: Path, config: TrainConfig, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    short = msgspec.structs.replace(config, steps=100_000, max_seconds=1.0, validate_every=100_000)
    result = train_dmcl(manifest, tmp_path / "run", short, device="cpu", on_step=events.append)
    rates = [event["rate_factor"] for event in events if event["stage"] == "train"]
    assert 1 <= len(rates) < 1000
    assert result.metrics  # validated once more at the end
    assert result.seconds < 60
    assert f"ended the training at step {len(rates)} of 100000" in read_bundle(result.bundle).card


def test_fine_tuning_takes_over_the_bundle_s_network(
    first_run: Any, config: TrainConfig, tmp_path: Path
) -> None:
    first = first_run.result
    still = msgspec.structs.replace(
        config,
        steps=1,
        lr_backbone=1e-9,
        lr_head=1e-9,
        model=msgspec.structs.replace(config.model, depth=1),
        start=Start(model=str(first.bundle)),
    )
    second = train_dmcl(first_run.manifest, tmp_path / "second", still, device="cpu")
    assert f"from the weights of {first.model}" in read_bundle(second.bundle).card
    one, other = load_model(first.bundle), load_model(second.bundle)
    assert other.config == one.config
    assert torch.allclose(one.image.project.weight, other.image.project.weight, atol=1e-3)
    assert read_bundle(second.bundle).tokenizer.read_text() == read_bundle(first.bundle).tokenizer.read_text()
