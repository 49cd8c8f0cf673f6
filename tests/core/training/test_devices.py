"""Two processes learn what one does, through the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn
from typer.testing import CliRunner

from core.cli.app import app
from core.data.augment import PAPER
from core.data.batches import BatchMaker, ModalityDropout
from core.data.manifest import read_manifest, write_manifest
from core.errors import PolypTraceError
from core.inference.device import DeviceChoice
from core.training import devices as rooms
from core.training import processes
from core.training.checkpoint import load_tensors
from core.training.config import TrainConfig
from core.training.devices import Devices, first_failure, join, lead, lost_process
from core.training.dmcl import train_dmcl
from core.training.processes import several
from core.training.run_folder import begun_with
from core.training.shared_norms import share_norms
from core.training.tracklet_config import TrackletConfig

ROOT = Path(__file__).resolve().parents[3]
QUIET = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def quiet(config: TrainConfig) -> TrainConfig:
    """Without dropout, whose noise each process draws for itself, and in single precision."""
    text = msgspec.structs.replace(config.model.text, dropout=0.0)
    model = msgspec.structs.replace(config.model, dropout=0.0, text=text)
    loss = msgspec.structs.replace(config.loss, neck=True, image_identity_weight=1.0)
    return msgspec.structs.replace(config, model=model, loss=loss, mixed_precision=False)


def in_two(manifest: Path, settings: TrainConfig, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """The real command with two processes."""
    (tmp_path / "settings.json").write_bytes(msgspec.json.encode(settings))
    return subprocess.run(
        [
            *(sys.executable, "-m", "core", "train", "dmcl", "--preset", "compact", "--processes", "2"),
            *("--manifest", str(manifest), "--config", str(tmp_path / "settings.json"), "--device", "cpu"),
            *("--data-dir", str(tmp_path / "data"), "--json"),
        ],
        cwd=ROOT,
        env=os.environ | QUIET | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def test_two_processes_learn_what_one_does(manifest: Path, config: TrainConfig, tmp_path: Path) -> None:
    """Losses within 1e-3, the gradient's length within 1 %, 999 of 1000 weights within a tenth of a step."""
    settings = quiet(config)
    alone: list[dict[str, Any]] = []
    train_dmcl(manifest, tmp_path / "one", settings, device="cpu", on_step=alone.append)
    done = in_two(manifest, settings, tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "data/runs").iterdir()  # only the first process writes
    told = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert told[0]["processes"] == 2
    assert json.loads((run / "environment.json").read_text())["processes"] == 2
    for name, close in (("loss", 1e-3), ("identity", 1e-3), ("metric", 1e-3), ("image_identity", 1e-3)):
        assert steps(told, name) == pytest.approx(steps(alone, name), abs=close)
    assert steps(told, "gradient") == pytest.approx(steps(alone, "gradient"), rel=0.01)
    one, two = (load_tensors(folder / "best.safetensors")[0] for folder in (tmp_path / "one", run))
    # Adam moves a weight whose gradient is rounding noise by a whole step either way: a few may be apart.
    apart = torch.cat([(value.float() - two[name].float()).abs().flatten() for name, value in one.items()])
    assert float((apart > 0.1 * config.lr_head).float().mean()) < 1e-3
    assert json.loads(done.stdout)["data"]["splits"]["train_patients"] == 3


def test_two_processes_learn_in_mixed_precision(manifest: Path, config: TrainConfig, tmp_path: Path) -> None:
    """As the command comes: on processors that multiply bfloat16 themselves, in that."""
    settings = msgspec.structs.replace(quiet(config), mixed_precision=True)
    alone: list[dict[str, Any]] = []
    train_dmcl(manifest, tmp_path / "one", settings, device="cpu", on_step=alone.append)
    done = in_two(manifest, settings, tmp_path)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert steps(told, "loss") == pytest.approx(steps(alone, "loss"), rel=0.02)
    (run,) = (tmp_path / "data/runs").iterdir()
    assert begun_with(run) == 2  # and so many go on with it
    assert begun_with(tmp_path) is None


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """A group of this process alone."""
    store = dist.FileStore(str(tmp_path / "store"), 1)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("group")
def test_a_shared_norm_reckons_in_single_precision_under_autocast() -> None:
    torch.manual_seed(0)
    plain, pictures = nn.BatchNorm2d(3), 5 + torch.randn(6, 3, 17, 19)
    (shared,) = share_norms(nn.Sequential(nn.BatchNorm2d(3)), "cpu")
    expected = plain(pictures)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made = shared(pictures.bfloat16())
    assert made.dtype is torch.bfloat16
    assert torch.allclose(made.float(), expected, atol=0.05)
    for name in ("running_mean", "running_var"):  # of rounded pictures, but not rounded themselves
        assert torch.allclose(getattr(shared, name), getattr(plain, name), rtol=2e-3)


def steps(events: list[dict[str, Any]], name: str) -> list[float]:
    found = [event[name] for event in events if event["stage"] == "train"]
    assert len(found) == 3
    return found


def test_parts_of_a_batch_make_the_whole(manifest: Path) -> None:
    rows = [row for row in read_manifest(manifest).rows if row.split == "train"]
    maker = BatchMaker(rows, 32, PAPER, ModalityDropout(0.2, 0.4, 0.2), 5, 3)
    whole = maker.batch(4)
    parts = []
    for rank in range(4):
        member = Devices(DeviceChoice("cpu", "asked for"))
        member.rank, member.count = rank, 4
        parts.append(maker.batch(4, member.part))
    assert [len(part.images) for part in parts] == [4, 4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([part.images for part in parts]), whole.images)
    np.testing.assert_array_equal(np.concatenate([part.has_text for part in parts]), whole.has_text)
    assert sum((part.texts for part in parts), ()) == whole.texts
    assert all(np.array_equal(part.labels, whole.labels) for part in parts)


def test_a_failure_of_one_process_is_everybody_s() -> None:
    alone = Devices(DeviceChoice("cpu", "asked for"))
    assert lead(alone, "run") == "run"
    with pytest.raises(PolypTraceError) as caught:
        lead(alone, failure=PolypTraceError("picture-missing", "A picture is missing."))
    assert caught.value.code == "picture-missing"
    failure = first_failure([None, {"code": "a", "message": "b", "hint": "c"}])
    assert failure is not None
    assert failure.code == "a"
    assert first_failure([None, None]) is None
    lost = lost_process(RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer"))
    assert lost is not None
    assert lost.code == "training-process-lost"
    assert lost_process(RuntimeError("shape mismatch")) is None


def test_a_process_that_dies_before_it_joins_says_why() -> None:
    with pytest.raises(PolypTraceError) as caught, several(3, ["train", "dmcl", "--no-such-option"]):
        pytest.fail("nobody took part")
    assert caught.value.code == "training-process-lost"
    assert "no-such-option" in caught.value.message
    assert "WORLD_SIZE" not in os.environ


def test_learning_without_labels_is_over_before_others_are_started(
    manifest: Path, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    data = tmp_path / "data"

    @contextmanager
    def nobody(count: int, arguments: Any) -> Iterator[None]:
        assert list((data / "runs").glob("*/pretrain/image-encoder.safetensors"))
        started.append(count)
        yield

    monkeypatch.setattr(processes, "several", nobody)
    tiny = TrackletConfig(tracklets=4, steps=1, width=16)
    file = tmp_path / "settings.json"
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(config, steps=1, tracklets=tiny)))
    train = ["train", "dmcl", "--preset", "compact", "--config", str(file), "--device", "cpu", "--json"]
    train += ["--processes", "2", "--pretrain", "tracklets", "--data-dir", str(data), "--manifest"]
    rows = [msgspec.structs.replace(row, polyp_id=None) for row in read_manifest(manifest).rows]
    nameless = write_manifest(manifest.with_name("nameless.csv"), rows)
    for given, count in ((manifest, 2), (nameless, 1)):
        done = CliRunner().invoke(app, [*train, str(given)])
        assert done.exit_code == 0, done.output
        assert started.pop() == count  # where nothing follows, nobody else is needed


def test_processes_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PolypTraceError) as caught, several(0, []):
        pass
    assert caught.value.code == "too-few-processes"
    with several(1, []):
        assert "WORLD_SIZE" not in os.environ
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setattr(rooms, "usable_device", lambda _: DeviceChoice("cuda", "asked for"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(PolypTraceError) as caught:
        join("cuda")
    assert caught.value.code == "too-many-processes"
    monkeypatch.setitem(sys.modules, "accelerate", None)
    monkeypatch.setattr(rooms, "usable_device", lambda _: DeviceChoice("cpu", "asked for"))
    with pytest.raises(PolypTraceError) as caught:
        join("cpu")
    assert caught.value.code == "accelerate-missing"
