"""A run that fails says why: in the error, and on record in its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from core.data.batches import Batch
from core.data.tracklets.batches import TrackletBatch
from core.errors import PolypTraceError
from core.training.checkpoint import load_facts
from core.training.config import TrainConfig
from core.training.dmcl import train_dmcl
from core.training.objective import Objective
from core.training.tracklet_config import TrackletConfig
from core.training.tracklet_loop import TrackletLoop
from core.training.tracklet_sources import TrackletSources
from core.training.tracklets import pretrain_tracklets

Losses = dict[str, torch.Tensor]


def record(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "failure.json").read_text())
    return found


def test_a_loss_that_is_no_number(
    manifest: Path, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Objective.losses

    def broken(self: Objective, batch: Batch) -> Losses:
        return {
            name: loss * (float("nan") if batch.step == 1 else 1) for name, loss in whole(self, batch).items()
        }

    monkeypatch.setattr(Objective, "losses", broken)
    with pytest.raises(PolypTraceError) as caught:
        train_dmcl(manifest, tmp_path / "run", config, device="cpu")
    assert caught.value.code == "training-diverged"
    assert "step 2" in caught.value.message
    assert record(tmp_path / "run") | {"when": ""} == {**caught.value.as_dict(), "step": 1, "when": ""}
    monkeypatch.undo()
    train_dmcl(None, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run/failure.json").exists()


def test_an_unreadable_picture_and_going_on_when_it_is_back(
    manifest: Path, config: TrainConfig, tmp_path: Path
) -> None:
    pictures = {path: path.read_bytes() for path in manifest.parent.glob("*.png")}

    def lose(event: dict[str, Any]) -> None:
        for path in pictures if event["stage"] == "start" else ():
            path.write_bytes(b"no picture")

    with pytest.raises(PolypTraceError) as caught:
        train_dmcl(manifest, tmp_path / "run", config, device="cpu", on_step=lose)
    assert record(tmp_path / "run")["code"] == caught.value.code == "picture-unreadable"
    assert ".png" in caught.value.message
    for path, content in pictures.items():
        path.write_bytes(content)
    assert train_dmcl(None, tmp_path / "run", device="cpu").metrics


def test_memory_that_runs_out_lowers_the_batch_and_says_so(
    manifest: Path, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, sizes = Objective.losses, []

    def small(self: Objective, batch: Batch) -> Losses:
        sizes.append(len(batch.labels))
        if len(batch.labels) > 4 and batch.step >= 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return whole(self, batch)

    monkeypatch.setattr(Objective, "losses", small)
    events: list[dict[str, Any]] = []
    settings = msgspec.structs.replace(config, identities=5)
    result = train_dmcl(manifest, tmp_path / "run", settings, device="cpu", on_step=events.append)
    assert sizes == [10, 10, 4, 4]
    said = "The memory ran out at step 2: 2 lesions a batch from there on."
    assert said in result.notes
    assert [event["note"] for event in events if event["stage"] == "note"] == [said]
    facts = load_facts(tmp_path / "run/checkpoint.safetensors")
    assert (facts["identities"], facts["step"]) == (2, 3)

    def never(self: Objective, batch: Batch) -> Losses:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")

    monkeypatch.setattr(Objective, "losses", never)
    with pytest.raises(PolypTraceError) as caught:
        train_dmcl(manifest, tmp_path / "none", config, device="cpu")
    assert caught.value.code == record(tmp_path / "none")["code"] == "out-of-memory"
    assert "batch of 3 × 2" in caught.value.message


def test_a_fault_of_ours_is_on_record_too(
    manifest: Path, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(self: Objective, batch: Batch) -> Losses:
        raise KeyError("slip")

    monkeypatch.setattr(Objective, "losses", wrong)
    with pytest.raises(KeyError):
        train_dmcl(manifest, tmp_path / "run", config, device="cpu")
    assert record(tmp_path / "run")["code"] == "internal"
    assert "KeyError" in record(tmp_path / "run")["message"]


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("loss", "training-diverged", "The loss of learning"),
        ("gradient", "training-diverged", "The gradient of learning"),
        ("memory", "out-of-memory", "memory isn't enough"),
    ],
)
def test_learning_without_labels_that_fails_says_why(
    what: str,
    code: str,
    words: str,
    manifest: Path,
    config: TrainConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = TrackletLoop._loss

    def broken(self: TrackletLoop, batch: TrackletBatch) -> torch.Tensor:
        loss = whole(self, batch)
        if batch.step < 1:
            return loss
        if what == "memory":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        if what == "gradient":
            loss.register_hook(lambda grad: grad * float("inf"))
            return loss
        return loss * float("nan")

    monkeypatch.setattr(TrackletLoop, "_loss", broken)
    tiny = msgspec.structs.replace(config, tracklets=TrackletConfig(tracklets=4, steps=2, width=16))
    run, sources = tmp_path / "run/pretrain", TrackletSources(manifest=str(manifest))
    with pytest.raises(PolypTraceError) as caught:
        pretrain_tracklets(run, tiny, sources, device="cpu")
    assert caught.value.code == code
    assert words in caught.value.message
    assert record(run) | {"when": ""} == {**caught.value.as_dict(), "step": 1, "when": ""}
    monkeypatch.undo()
    pretrain_tracklets(run, tiny, sources, device="cpu")
    assert not (run / "failure.json").exists()


def test_a_checkpoint_that_can_t_be_read_is_on_record(
    manifest: Path, config: TrainConfig, tmp_path: Path
) -> None:
    train_dmcl(manifest, tmp_path / "run", config, device="cpu")
    (tmp_path / "run/checkpoint.safetensors").write_bytes(b"no checkpoint")
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is, it is on record
        train_dmcl(None, tmp_path / "run", device="cpu")
    assert record(tmp_path / "run")["step"] == 0
