"""Training on the training part of a public data set: what is learnt from, and what stays on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.layouts.freeze import frozen_training_part
from core.data.layouts.read import read_layout
from core.data.manifest import read_manifest
from core.errors import PolypTraceError
from core.evaluation.seen import seen_in_training, seen_warnings
from core.training.config import TrainConfig
from core.training.dmcl import train_dmcl

from ..data.layouts.trees import MARKET, TRAIN, colo_pair, persons


def test_persons_without_texts_are_learnt_from_their_training_part(
    tmp_path: Path, config: TrainConfig
) -> None:
    data = read_layout("market1501", persons(tmp_path / "market", MARKET))
    run = tmp_path / "runs" / "first"
    with frozen_training_part(data, run) as manifest:
        done = train_dmcl(manifest, run, config, device="cpu", source="the training part of Market-1501")
    rows = read_manifest(run / "manifest.csv").rows
    assert {row.polyp_id for row in rows} == {"0002", "0007", "0010"}
    assert {(row.camera, row.split) for row in rows} == {(camera, "train") for camera in "1236"}
    assert "from the training part of Market-1501" in (done.bundle / "card.md").read_text("utf-8")
    # Validation asks across cameras: a held-back person's last camera against the others.
    assert done.data["validation"] == {"queries": 1, "lesions": 1, "clips": 1}
    assert done.metrics == {}, "one person can't be mistaken for another"
    # What it learnt from is known afterwards; what it is tested on it has never seen.
    training, testing = data.manifest.split("train").rows, data.manifest.split("query", "gallery").rows
    runs = tmp_path / "runs"
    assert seen_in_training(runs, "first", training) == len(training) == 6
    assert seen_in_training(runs, "first", testing) == 0
    assert "6 of these 9" in seen_warnings(6, 9)[0]
    assert seen_warnings(0, 9) == seen_warnings(None, 9) == []
    # A manifest that was changed since vouches for nothing.
    manifest.write_text(manifest.read_text("utf-8") + "\n", "utf-8")
    assert seen_in_training(runs, "first", training) is None
    assert seen_in_training(runs, "nobody", training) is None


def test_a_run_that_never_began_leaves_nothing(tmp_path: Path, config: TrainConfig) -> None:
    one = {TRAIN: {name: MARKET[TRAIN][name] for name in list(MARKET[TRAIN])[:2]}}
    data = read_layout("market1501", persons(tmp_path / "market", MARKET | one))
    run = tmp_path / "runs" / "first"
    with pytest.raises(PolypTraceError), frozen_training_part(data, run) as manifest:
        train_dmcl(manifest, run, config, device="cpu")
    assert not run.exists()


def test_data_without_a_training_part_are_refused(tmp_path: Path) -> None:
    data = read_layout("colopair", colo_pair(tmp_path / "frames"))
    with pytest.raises(PolypTraceError, match="marked for training"):
        frozen_training_part(data, tmp_path / "run").__enter__()
    assert not (tmp_path / "run").exists()
