"""What training refuses, in words, before it has written anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from core.data.manifest import Row
from core.errors import PolypTraceError
from core.training.chosen import chosen_settings
from core.training.config import LossSettings, TrainConfig, check
from core.training.dmcl import train_dmcl
from core.training.presets import preset

Change = Callable[[Callable[[Row], Row | None]], Path]


def refused(manifest: Path | None, run: Path, config: TrainConfig | str) -> PolypTraceError:
    with pytest.raises(PolypTraceError) as caught:
        train_dmcl(manifest, run, config, device="cpu")
    error = caught.value
    assert not error.message[0].islower()
    assert error.message.endswith(".")
    assert "Traceback" not in error.message
    return error


def test_one_lesion_is_too_few(changed: Change, config: TrainConfig, tmp_path: Path) -> None:
    manifest = changed(lambda row: row if row.split == "val" or row.polyp_id == "l0" else None)
    error = refused(manifest, tmp_path / "run", config)
    assert error.code == "too-few-identities"
    assert "1" in error.message
    assert not (tmp_path / "run").exists()


def test_no_known_identity_is_too_few(changed: Change, config: TrainConfig, tmp_path: Path) -> None:
    manifest = changed(lambda row: msgspec.structs.replace(row, polyp_id=None))
    assert refused(manifest, tmp_path / "run", config).code == "too-few-identities"


def test_missing_pictures_are_named(manifest: Path, config: TrainConfig, tmp_path: Path) -> None:
    pictures = sorted(manifest.parent.glob("*.png"))
    pictures[-1].unlink()  # one that the first batch may not hold
    error = refused(manifest, tmp_path / "run", config)
    assert error.code == "picture-missing"
    assert pictures[-1].name in error.message
    pictures[0].unlink()
    assert f"2 of {len(pictures)} files" in refused(manifest, tmp_path / "run", config).message
    assert not (tmp_path / "run").exists()


def test_a_bad_manifest_is_refused_with_its_row(manifest: Path, config: TrainConfig, tmp_path: Path) -> None:
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join([*lines[:4], lines[4].replace(",train,", ",practice,"), *lines[5:]]))
    error = refused(manifest, tmp_path / "run", config)
    assert error.code == "manifest-invalid"
    assert "Row 5" in error.message


def test_no_manifest_and_no_file(config: TrainConfig, tmp_path: Path) -> None:
    assert refused(None, tmp_path / "run", config).code == "no-training-data"
    assert refused(tmp_path / "none.csv", tmp_path / "run", config).code == "manifest-missing"


def test_no_training_rows(changed: Change, config: TrainConfig, tmp_path: Path) -> None:
    manifest = changed(lambda row: msgspec.structs.replace(row, split="gallery"))
    assert refused(manifest, tmp_path / "run", config).code == "no-training-rows"


def test_a_patient_on_both_sides_is_refused(changed: Change, config: TrainConfig, tmp_path: Path) -> None:
    def swap(row: Row) -> Row:
        return msgspec.structs.replace(row, patient_id="p0") if row.patient_id == "p3" else row

    error = refused(changed(swap), tmp_path / "run", config)
    assert error.code == "split-overlap"

    def test(row: Row) -> Row:
        return msgspec.structs.replace(row, split="query") if row.clip_id == "c1-2" else row

    assert refused(changed(test), tmp_path / "run", config).code == "split-overlap"  # trained on and tested
    assert "p0" not in error.message  # counts, no patient codes


def test_a_changed_manifest_isn_t_resumed_with(
    manifest: Path, changed: Change, config: TrainConfig, tmp_path: Path
) -> None:
    train_dmcl(manifest, tmp_path / "run", msgspec.structs.replace(config, steps=1), device="cpu")
    changed(lambda row: row if row.exam == 1 or row.split == "val" else None)
    assert refused(manifest, tmp_path / "run", config).code == "run-data-changed"


def test_an_unreadable_checkpoint_is_said(manifest: Path, config: TrainConfig, tmp_path: Path) -> None:
    train_dmcl(manifest, tmp_path / "run", msgspec.structs.replace(config, steps=1), device="cpu")
    (tmp_path / "run/checkpoint.safetensors").write_bytes(b"half a file")
    assert refused(None, tmp_path / "run", config).code == "checkpoint-unreadable"


def test_quick_ends_within_minutes() -> None:
    quick = preset("quick")
    assert quick.max_seconds is not None
    assert quick.max_seconds <= 180


@pytest.mark.parametrize(
    "change",
    [
        {"identities": 1},
        {"pictures": 1},
        {"steps": 0},
        {"max_seconds": 0.0},
        {"warmup": 1.0},
        {"lr_head": 0.0},
        {"optimiser": "sgd"},
        {"loss": LossSettings(metric="none")},
        {"loss": LossSettings(miner="none")},
    ],
)
def test_settings_that_don_t_fit_are_refused(change: dict[str, object], tmp_path: Path) -> None:
    wrong = msgspec.structs.replace(TrainConfig(), **change)
    with pytest.raises(PolypTraceError) as caught:
        check(wrong)
    assert caught.value.code == "training-settings"
    with pytest.raises(PolypTraceError) as caught:
        preset("nonesuch")
    assert caught.value.code == "unknown-preset"


@pytest.mark.parametrize("words", ["model.own_share=nan", "loss.image_metric_weight=-1", "clip_norm=inf"])
def test_settings_that_are_no_sound_numbers_are_refused(words: str) -> None:
    with pytest.raises(PolypTraceError) as caught:
        chosen_settings("compact", None, [words])
    assert caught.value.code in ("training-settings", "settings-value")


def test_a_row_of_table_3_can_be_looked_at_without_its_weights() -> None:
    assert chosen_settings("table3-text", complete=False).start.pretrained == "text"
    with pytest.raises(PolypTraceError):
        chosen_settings("table3-text")
