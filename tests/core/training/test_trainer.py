"""Parts of the loop: modality dropout really hides, the schedule, the threshold, the size limit."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from core.data.batches import BatchMaker, CropStore, ModalityDropout
from core.data.manifest import Manifest, Row, read_manifest
from core.errors import PolypTraceError
from core.evaluation.comparison import compare
from core.evaluation.items import choose_sides, frames
from core.evaluation.protocols import catalogue
from core.inference.bundle import read_bundle
from core.inference.device import DeviceChoice
from core.models.dmcl import Dmcl
from core.training.checkpoint import load_facts
from core.training.config import LossSettings, TrainConfig
from core.training.devices import Devices
from core.training.dmcl import train_dmcl
from core.training.heads import centre_image_token
from core.training.masked_language import train_tokenizer
from core.training.no_match import fit_threshold, within_patient_scores
from core.training.objective import loss_weights
from core.training.publish import ship
from core.training.run_folder import RunFolder
from core.training.schedule import rate_factor, run_share
from core.training.text_reader import TextReader
from core.training.tokens import TokenTable
from core.training.trainer import Trainer, selection_score
from core.training.validation import FUSED, IMAGE, ClipVectors, Validator, to_input

ALONE = Devices(DeviceChoice("cpu", "asked for"))


def make_trainer(
    manifest: Path, config: TrainConfig, folder: Path, dropout: ModalityDropout
) -> tuple[Trainer, BatchMaker]:
    rows = [row for row in read_manifest(manifest).rows if row.split == "train"]
    maker = BatchMaker(rows, 32, config.augmentation, dropout, 3, 2)
    reader = TextReader(TokenTable(train_tokenizer([row.text for row in rows], 200), 32))
    model = Dmcl(config.model)
    run = RunFolder.create(folder, config, "{}", {}, {})
    return Trainer(model, maker, None, reader, config, run, ALONE), maker


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
    sum(trainer._objective.losses(maker.batch(0)).values()).backward()  # type: ignore[union-attr]
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
    ids, mask = trainer._objective._reader.tokens.encode(["A polyp of 3 mm.", "A polyp of 3 mm."])
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
    assert selection_score(reader, picture_alone=False) == 0.9


@pytest.mark.parametrize(("no_text", "chosen"), [(0.0, 2), (0.3, 4)])
def test_a_stand_in_that_never_learnt_chooses_no_checkpoint(
    no_text: float,
    chosen: int,
    manifest: Path,
    config: TrainConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = iter([{"fused_mAP": 0.9, "image_mAP": 0.1}, {"fused_mAP": 0.8, "image_mAP": 0.6}])
    monkeypatch.setattr(Validator, "figures", lambda *_: next(found))
    dropout = msgspec.structs.replace(config.modality_dropout, no_image=0.0, no_text=no_text)
    settings = msgspec.structs.replace(config, steps=4, modality_dropout=dropout)
    train_dmcl(manifest, tmp_path / "run", settings, device="cpu")
    assert load_facts(tmp_path / "run/best.safetensors")["step"] == chosen


def row(patient: str, lesion: str | None, exam: int) -> Row:
    return Row(f"{patient}{lesion}{exam}", Path("x"), None, patient, lesion, exam, "val", "")


def test_each_known_lesion_is_asked_with_and_without_itself() -> None:
    rows = [row("a", "1", 1), row("a", "2", 1), row("a", "1", 2), row("b", "1", 1), row("b", "9", 2)]
    vectors = np.asarray([[1, 0], [0, 1], [0.8, 0.6], [1, 0], [0.6, 0.8]], dtype=np.float32)
    is_query = np.asarray([False, False, True, False, True])
    scores = within_patient_scores(ClipVectors(rows, vectors), is_query)
    assert scores.best == pytest.approx([0.8, 0.6, 0.6])
    assert scores.has_match == [True, False, False]
    expected = [pytest.approx((0.8, 0.6)), pytest.approx((0.6,)), pytest.approx((0.6,))]
    assert [choice.scores for choice in scores.choices] == expected
    assert [choice.right for choice in scores.choices] == [0, None, None]
    assert (scores.queries, scores.pairs) == (2, 3)


def test_the_threshold_parts_the_two_kinds(manifest: Path) -> None:
    rows = [r for r in read_manifest(manifest).rows if r.split == "val"]
    tokens = TokenTable(Tokenizer.from_str(train_tokenizer(["polyp"], 100).to_str()), 16)
    validator = Validator(rows, TextReader(tokens), 32)
    lesions = {
        identity: n for n, identity in enumerate(dict.fromkeys(r.identity for r in validator.first_rows))
    }
    rng = np.random.default_rng(0)
    own = np.eye(8)[[lesions[r.identity] for r in validator.first_rows]] + rng.normal(
        0, 0.05, (len(validator.first_rows), 8)
    )
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    rule = fit_threshold(ClipVectors(validator.first_rows, own.astype(np.float32)), validator, "drawn")
    assert rule is not None
    assert 0.2 < rule.threshold < 1
    assert (rule.queries, rule.pairs, rule.learnt_on) == (4, 8, "drawn")
    nothing = np.zeros(len(validator.first_rows), bool)
    empty = within_patient_scores(ClipVectors(validator.first_rows, own.astype(np.float32)), nothing)
    assert (empty.best, empty.choices) == ([], [])


def test_validation_ranks_the_last_exam_against_earlier_ones(manifest: Path, config: TrainConfig) -> None:
    rows = [r for r in read_manifest(manifest).rows if r.split == "val"]
    tokens = TokenTable(train_tokenizer([r.text for r in rows], 200), 32)
    validator = Validator(rows, TextReader(tokens), 32)
    assert validator.is_query.tolist() == [r.exam == 2 for r in validator.first_rows]
    model = Dmcl(config.model).train()
    figures = validator.figures(model, torch.device("cpu"))
    assert model.training
    assert 0 < figures["image_mAP"] <= 1
    clips = validator.embed(model, torch.device("cpu"))
    assert np.allclose(np.linalg.norm(clips[FUSED].vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(clips[FUSED].vectors, clips[IMAGE].vectors)


def test_validation_is_the_evaluation_of_the_part_val(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        row("a", "1", 1), row("a", "2", 1), row("a", "1", 2), row("a", None, 2),  # nobody knows the last one
        row("b", "1", 1), row("b", "1", 2),
        row("c", "1", 1),  # a single exam answers
        row("d", "1", 1), row("d", "2", 1), row("d", "1", 2), row("d", "1", 3), row("d", "2", 2),
    ]  # fmt: skip
    change = msgspec.structs.replace
    rows[4:6] = [change(one, camera="x") for one in rows[4:6]]  # b isn't known again: it is the same camera
    rows[10] = change(rows[10], junk=True)  # so exam 2 is d's last
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(len(rows), 2))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    by_clip = {one.clip_id: vector for one, vector in zip(rows, vectors, strict=True)}
    validator = Validator(rows, TextReader(TokenTable(train_tokenizer(["polyp"], 100), 16)), 32)
    own = np.stack([by_clip[one.clip_id] for one in validator.first_rows])
    monkeypatch.setattr(validator, "embed", lambda *_: {FUSED: ClipVectors(validator.first_rows, own)})
    query, gallery = choose_sides(Manifest(Path("m.csv"), rows), "val")
    sides = [frames(side, np.stack([by_clip[one.clip_id] for one in side])) for side in (query, gallery)]
    expected = catalogue(compare(*sides))
    assert expected.queries == 3
    found = validator.figures(Dmcl(config.model), torch.device("cpu"))
    assert found == {"fused_mAP": expected.mean_average_precision, "fused_rank1": expected.rank1}


def test_the_reference_s_protocol_fuses_earlier_clips_with_the_query_s_text(
    manifest: Path, config: TrainConfig
) -> None:
    rows = [r for r in read_manifest(manifest).rows if r.split == "val"]
    # One lesion has its own camera, so it can't be known again: its query counts for nothing.
    rows = [msgspec.structs.replace(r, camera="x" if r.identity == rows[0].identity else None) for r in rows]
    reader = TextReader(TokenTable(train_tokenizer([r.text for r in rows], 200), 32))
    torch.manual_seed(3)
    model, cpu = Dmcl(config.model).eval(), torch.device("cpu")
    validator = Validator(rows, reader, 32, query_text=True)
    found = validator.figures(model, cpu)
    ranked = validator._by_query_text(model, cpu, validator.embed(model, cpu)[FUSED])
    assert (ranked.queries, ranked.queries_without_match) == (3, 1)
    assert found["image_mAP"] == Validator(rows, reader, 32).figures(model, cpu)["image_mAP"]
    clips = list(dict.fromkeys(r.clip_id for r in rows))
    store = CropStore(rows, 32)
    of = {c: [i for i, r in enumerate(rows) if r.clip_id == c] for c in clips}
    yes = torch.ones(1, dtype=torch.bool)

    def vector(clip: str, text: str) -> torch.Tensor:
        """One picture at a time, with the whole network."""
        ids, mask = reader.tokens.encode([text])
        with torch.inference_mode():
            frames = [model(to_input(store.square(i)[None], cpu), ids, mask, yes, yes) for i in of[clip]]
        return torch.nn.functional.normalize(torch.cat(frames).mean(0), dim=0)

    ranks = []
    for query in [c for c in clips if rows[of[c][0]].exam == 2]:
        asked = rows[of[query][0]]
        if asked.camera is not None:
            continue
        held = [c for c in clips if rows[of[c][0]].exam == 1]
        scores = {c: float(vector(query, asked.text) @ vector(c, asked.text)) for c in held}
        order = sorted(held, key=lambda c: -scores[c])
        ranks.append(1 + [rows[of[c][0]].identity for c in order].index(asked.identity))
    assert found["fused_mAP"] == pytest.approx(np.mean([1 / rank for rank in ranks]), abs=1e-6)


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


def test_the_picture_s_own_identity_loss_is_a_setting(
    manifest: Path, config: TrainConfig, tmp_path: Path
) -> None:
    loss = LossSettings(image_identity_weight=0.5, metric_warmup=0.5)
    trainer, maker = make_trainer(
        manifest, msgspec.structs.replace(config, loss=loss), tmp_path / "run", ModalityDropout(1.0, 0, 0)
    )
    losses = trainer._objective.losses(maker.batch(0))
    assert set(losses) == {"identity", "metric", "image_identity"}
    losses["image_identity"].backward()  # type: ignore[no-untyped-call]
    assert float(trainer.model.image.resnet.conv1.weight.grad.abs().sum()) > 0
    assert loss_weights(loss, 0.1) == pytest.approx(
        {"identity": 1, "metric": 0.2, "image_identity": 0.5, "image_metric": 0}
    )
    assert loss_weights(loss, 0.9)["metric"] == 1
    assert loss_weights(LossSettings(), 0.0)["metric"] == 1


def test_the_picture_s_own_losses_can_be_the_only_ones_that_teach_the_image_encoder(
    manifest: Path, config: TrainConfig, tmp_path: Path
) -> None:
    loss = LossSettings(image_identity_weight=1, image_metric_weight=1, fusion_teaches_image=False)
    model = msgspec.structs.replace(config.model, own_share=0.4, colour_share=0.1)
    trainer, maker = make_trainer(
        manifest,
        msgspec.structs.replace(config, model=model, loss=loss),
        tmp_path / "run",
        ModalityDropout(0, 0, 0),
    )
    image = trainer.model.image
    before = image.own_norm.running_mean.clone()
    losses = trainer._objective.losses(maker.batch(0))
    assert set(losses) == {"identity", "metric", "image_identity", "image_metric"}
    assert not torch.equal(image.own_norm.running_mean, before)  # follows the features
    (losses["identity"] + losses["metric"]).backward(retain_graph=True)
    assert image.resnet.conv1.weight.grad is None
    assert float(image.project.weight.grad.abs().sum()) > 0
    losses["image_metric"].backward()
    assert float(image.resnet.conv1.weight.grad.abs().sum()) > 0


def test_a_shared_text_is_read_once_and_a_hidden_one_not_at_all(
    manifest: Path, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, maker = make_trainer(manifest, config, tmp_path / "run", ModalityDropout(0, 0.5, 0))
    batch, read = maker.batch(0), []
    tokens = trainer._objective._reader.tokens
    encode = tokens.encode
    monkeypatch.setattr(tokens, "encode", lambda texts: (read.append(list(texts)), encode(texts))[1])
    trainer._objective.losses(batch)
    shown = {text if has else "" for text, has in zip(batch.texts, batch.has_text, strict=True)}
    assert sorted(read[0]) == sorted(shown)
    assert "" in shown
    assert len(shown) < len(batch.texts)


def test_image_tokens_of_an_untrained_network_are_told_apart(manifest: Path, config: TrainConfig) -> None:
    rows = read_manifest(manifest).rows
    maker = BatchMaker(rows, 32, config.augmentation, ModalityDropout(0, 0, 0), 8, 4)
    torch.manual_seed(0)
    model = Dmcl(config.model).train()
    images = to_input(maker.batch(0).images, torch.device("cpu"))
    running = {name: value.clone() for name, value in model.named_buffers()}
    with torch.no_grad():
        before = mean_cosine(model.image.token(model.image_map(images)))
    model.load_state_dict(running, strict=False)
    centre_image_token(model, images)
    assert all(torch.equal(value, running[name]) for name, value in model.named_buffers() if "var" in name)
    with torch.no_grad():
        tokens = model.image.token(model.image_map(images))
    assert before > 0.3
    assert abs(mean_cosine(tokens)) < 0.1
    assert float(tokens.std(0).mean()) == pytest.approx(1, abs=0.05)


def mean_cosine(tokens: torch.Tensor) -> float:
    unit = torch.nn.functional.normalize(tokens, dim=1)
    count = len(unit)
    return float(((unit @ unit.T).sum() - count) / (count * (count - 1)))
