"""Parts of the loop: modality dropout really hides, the schedule, the threshold, the size limit."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from core.data.batches import BatchMaker, ModalityDropout
from core.data.manifest import Row, read_manifest
from core.errors import PolypTraceError
from core.inference.bundle import read_bundle
from core.models.dmcl import Dmcl
from core.training.config import TrainConfig
from core.training.masked_language import train_tokenizer
from core.training.no_match import fit_threshold, within_patient_scores
from core.training.publish import ship
from core.training.run_folder import RunFolder
from core.training.schedule import rate_factor, run_share
from core.training.tokens import TokenTable
from core.training.trainer import Trainer, selection_score
from core.training.validation import FUSED, IMAGE, ClipVectors, Validator


def make_trainer(
    manifest: Path, config: TrainConfig, folder: Path, dropout: ModalityDropout
) -> tuple[Trainer, BatchMaker]:
    rows = [row for row in read_manifest(manifest).rows if row.split == "train"]
    maker = BatchMaker(rows, 32, config.augmentation, dropout, 3, 2)
    tokens = TokenTable(train_tokenizer([row.text for row in rows], 200), 32)
    model = Dmcl(config.model)
    run = RunFolder.create(folder, config, "{}", {}, {})
    return Trainer(model, maker, None, tokens, config, run, torch.device("cpu")), maker


@pytest.mark.parametrize(
    ("dropout", "hidden", "seen"),
    [
        (ModalityDropout(no_image=1.0, no_text=0.0, thin_text=0.0), "image.resnet.", "text.bert."),
        (ModalityDropout(no_image=0.0, no_text=1.0, thin_text=0.0), "text.bert.", "image.resnet."),
    ],
)
def test_a_dropped_modality_teaches_nothing(
    manifest: Path, config: TrainConfig, tmp_path: Path, dropout: ModalityDropout, hidden: str, seen: str
) -> None:
    trainer, maker = make_trainer(manifest, config, tmp_path / "run", dropout)
    identity, metric = trainer._losses(maker.batch(0))
    (identity + metric).backward()  # type: ignore[no-untyped-call]
    strength = {hidden: 0.0, seen: 0.0}
    for name, parameter in trainer.model.named_parameters():
        for prefix in strength:
            if name.startswith(prefix) and parameter.grad is not None:
                strength[prefix] += float(parameter.grad.abs().sum())
    assert strength[hidden] == 0
    assert strength[seen] > 0


def test_a_dropped_picture_can_t_be_guessed_from_the_embedding(
    manifest: Path, config: TrainConfig, tmp_path: Path
) -> None:
    trainer, _ = make_trainer(manifest, config, tmp_path / "run", ModalityDropout(0, 0, 0))
    model = trainer.model.eval()
    ids, mask = trainer._tokens.encode(["A polyp of 3 mm.", "A polyp of 3 mm."])
    images = torch.rand(2, 3, 32, 32) * 255
    with torch.inference_mode():
        yes, no = torch.tensor([True, True]), torch.tensor([False, False])
        blind, mute = (
            model(images, ids, mask, no, yes),
            model(images[:1].repeat(2, 1, 1, 1), ids, mask, yes, no),
        )
        full = model(images, ids, mask, yes, yes)
    assert torch.allclose(blind[0], blind[1], atol=1e-6)
    assert torch.allclose(mute[0], mute[1], atol=1e-6)
    assert not torch.allclose(full[0], full[1], atol=1e-4)


def test_the_rate_warms_up_and_comes_down() -> None:
    rates = [rate_factor(run_share(step, 100), 0.1) for step in range(101)]
    assert 0 < rates[0] < rates[5] < rates[10] == pytest.approx(1.0)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0, abs=1e-9)
    assert run_share(1, 100, elapsed=50, max_seconds=100) == 0.5
    assert run_share(80, 100, elapsed=50, max_seconds=100) == 0.8
    assert run_share(200, 100) == 1


def test_the_checkpoint_is_chosen_by_both_and_by_the_picture_alone() -> None:
    reader = {"fused_mAP": 0.9, "image_mAP": 0.1}
    looker = {"fused_mAP": 0.8, "image_mAP": 0.6}
    assert (selection_score(looker) or 0) > (selection_score(reader) or 0)
    assert selection_score({}) is None


def row(patient: str, lesion: str | None, exam: int) -> Row:
    return Row(f"{patient}{lesion}{exam}", Path("x"), None, patient, lesion, exam, "val", "")


def test_each_known_lesion_is_asked_with_and_without_itself() -> None:
    rows = [row("a", "1", 1), row("a", "2", 1), row("a", "1", 2), row("b", "1", 1), row("b", "9", 2)]
    vectors = np.asarray([[1, 0], [0, 1], [0.8, 0.6], [1, 0], [0.6, 0.8]], dtype=np.float32)
    is_query = np.asarray([False, False, True, False, True])
    scores, matches = within_patient_scores(ClipVectors(rows, vectors), is_query)
    assert scores == pytest.approx([0.8, 0.6, 0.6])
    assert matches == [True, False, False]


def test_the_threshold_parts_the_two_kinds(manifest: Path) -> None:
    rows = [r for r in read_manifest(manifest).rows if r.split == "val"]
    tokens = TokenTable(Tokenizer.from_str(train_tokenizer(["polyp"], 100).to_str()), 16)
    validator = Validator(rows, tokens, 32)
    lesions = {
        identity: n for n, identity in enumerate(dict.fromkeys(r.identity for r in validator.first_rows))
    }
    rng = np.random.default_rng(0)
    own = np.eye(8)[[lesions[r.identity] for r in validator.first_rows]] + rng.normal(
        0, 0.05, (len(validator.first_rows), 8)
    )
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    rule = fit_threshold(ClipVectors(validator.first_rows, own.astype(np.float32)), validator)
    assert rule is not None
    assert 0.2 < rule.threshold < 1
    assert rule.pairs == 8
    nothing = np.zeros(len(validator.first_rows), bool)
    assert within_patient_scores(ClipVectors(validator.first_rows, own.astype(np.float32)), nothing) == (
        [],
        [],
    )


def test_validation_ranks_the_last_exam_against_earlier_ones(manifest: Path, config: TrainConfig) -> None:
    rows = [r for r in read_manifest(manifest).rows if r.split == "val"]
    tokens = TokenTable(train_tokenizer([r.text for r in rows], 200), 32)
    validator = Validator(rows, tokens, 32)
    assert validator.is_query.tolist() == [r.exam == 2 for r in validator.first_rows]
    model = Dmcl(config.model).train()
    figures = validator.figures(model, torch.device("cpu"))
    assert model.training
    assert 0 < figures["image_mAP"] <= 1
    clips = validator.embed(model, torch.device("cpu"))
    assert np.allclose(np.linalg.norm(clips[FUSED].vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(clips[FUSED].vectors, clips[IMAGE].vectors)


def test_what_is_shipped_is_whole_small_and_nothing_else(first_run: Any, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(first_run.result.bundle, bundle)
    (bundle / "model.onnx").write_bytes(b"derived")
    target = tmp_path / "shelf" / "starter"
    info, size = ship(read_bundle(bundle), target, 40_000_000)
    assert info.folder == target
    assert {path.name for path in target.iterdir()} == {"manifest.json", *info.manifest.files}
    assert size == sum(path.stat().st_size for path in target.iterdir()) < 40_000_000
    before = (target / "manifest.json").read_bytes()
    with pytest.raises(PolypTraceError) as caught:
        ship(info, target, size - 1)
    assert caught.value.code == "bundle-too-large"
    assert (target / "manifest.json").read_bytes() == before
