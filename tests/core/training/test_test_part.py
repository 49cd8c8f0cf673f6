"""The reference picks its checkpoint on the fold that it reports. Ours never opens the test part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.data.manifest import read_manifest, write_manifest
from core.data.splits import training_parts
from core.errors import PolypTraceError
from core.training import dmcl
from core.training.config import TrainConfig
from core.training.dmcl import train_dmcl


def with_test_part(manifest: Path) -> Path:
    """Beside the others four lesions to test on, whose pictures are nowhere: who looks at them, fails."""
    rows = read_manifest(manifest).rows
    test = [
        msgspec.structs.replace(
            row,
            clip_id=f"t{row.clip_id}",
            path=row.path.with_name(f"nowhere-{row.path.name}"),
            patient_id=f"t{row.patient_id}",
            split="query" if row.exam == 2 else "gallery",
        )
        for row in rows
        if row.split == "val"
    ]
    return write_manifest(manifest, [*rows, *test])


def check(manifest: Path, config: TrainConfig, run: Path) -> None:
    """Trains, validates and chooses, with pictures for training and validation alone."""
    done = train_dmcl(with_test_part(manifest), run, config, device="cpu")
    assert done.metrics


def test_training_and_choosing_never_open_the_test_part(
    manifest: Path, config: TrainConfig, tmp_path: Path
) -> None:
    check(manifest, config, tmp_path / "run")


def test_a_checkpoint_chosen_on_the_test_part_is_caught(
    manifest: Path, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(rows: Any, seed: int, val_share: float) -> Any:
        train, _, note = training_parts(rows, seed, val_share)
        return train, [row for row in rows if row.split in ("query", "gallery")], note

    monkeypatch.setattr(dmcl, "training_parts", faulty)
    with pytest.raises(PolypTraceError, match="nowhere"):
        check(manifest, config, tmp_path / "run")
