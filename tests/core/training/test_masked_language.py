"""Vocabulary and masked-language pre-training of the small BERT."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import safetensors.torch
import torch

from core.errors import Cancelled, PolypTraceError
from core.models.config import BertSettings, DmclConfig
from core.models.pretrained import build_dmcl
from core.progress import CancelToken, Progress
from core.text.tokenizer import SPECIAL
from core.training.checkpoint import load_tensors
from core.training.masked_language import (
    description_texts,
    pretrain_text,
    read_result,
    summary,
    train_tokenizer,
)
from core.training.mlm_loop import MlmSettings, mask_tokens

TINY = MlmSettings(
    bert=BertSettings(vocab_size=600, hidden=48, layers=1, heads=2, intermediate=96, positions=128),
    texts=60,
    steps=60,
    batch=16,
    rate=5e-3,
)


def test_reading_beats_guessing_by_frequency(tmp_path: Path) -> None:
    pairs = [("red", "left"), ("pale", "right"), ("brown", "front"), ("white", "back")]
    texts = [
        f"A {a} polyp of {size} mm on the {b} wall: {b}, {a}." for a, b in pairs for size in range(3, 23)
    ]
    result = pretrain_text(tmp_path / "text", texts, msgspec.structs.replace(TINY, texts=0))
    assert result.loss < 0.75 * result.frequency_loss
    assert result.accuracy > 0.3
    assert read_result(tmp_path / "text") == result
    assert f"{result.accuracy:.3f}" in summary(result)
    # It is an ordinary BERT folder.
    model = build_dmcl(DmclConfig(width=64, depth=1, image_size=32), text_folder=tmp_path / "text")
    assert model.config.text.hidden == 48
    assert model.config.text.vocab_size == result.vocabulary


def test_interrupted_pretraining_ends_the_same(tmp_path: Path) -> None:
    short = msgspec.structs.replace(TINY, steps=6)
    token = CancelToken()

    def stop(step: Progress) -> None:
        if step.done == 3:
            token.cancel()

    with pytest.raises(Cancelled):
        pretrain_text(tmp_path / "cut", [], short, progress=stop, cancel=token)
    assert read_result(tmp_path / "cut") is None
    done: list[int] = []
    pretrain_text(tmp_path / "cut", [], short, progress=lambda step: done.append(step.done))
    assert done == [4, 5, 6]
    pretrain_text(tmp_path / "whole", [], short)
    one, other = (
        safetensors.torch.load_file(tmp_path / name / "model.safetensors") for name in ("cut", "whole")
    )
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_a_checkpoint_of_other_texts_is_left_alone(tmp_path: Path) -> None:
    short = msgspec.structs.replace(TINY, steps=3)
    token = CancelToken()
    with pytest.raises(Cancelled):
        pretrain_text(tmp_path / "t", [], short, progress=lambda _: token.cancel(), cancel=token)
    assert load_tensors(tmp_path / "t/checkpoint.safetensors")[1]["step"] == 1
    done: list[int] = []
    pretrain_text(tmp_path / "t", ["Another text."], short, progress=lambda step: done.append(step.done))
    assert done == [1, 2, 3]
    assert not (tmp_path / "t/checkpoint.safetensors").exists()


def test_no_typed_word_is_lost_and_the_vocabulary_repeats() -> None:
    texts = description_texts(60, seed=3)
    tokenizer = train_tokenizer(texts, 600)
    assert tokenizer.to_str() == train_tokenizer(texts[::-1], 600).to_str()
    encoded = tokenizer.encode("Zyxomma quixotic 7/9 (Kudo IIIL)!")
    assert "[UNK]" not in encoded.tokens
    assert encoded.tokens[0] == "[CLS]"
    assert encoded.tokens[-1] == "[SEP]"
    assert [tokenizer.token_to_id(token) for token in SPECIAL] == [0, 1, 2, 3, 4]


def test_masks_follow_bert_and_spare_special_tokens() -> None:
    ids = torch.randint(5, 400, (400, 50), generator=torch.Generator().manual_seed(1))
    ids[:, 0], ids[:, -1] = 2, 3
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[:, 40:] = False
    inputs, targets = mask_tokens(ids, mask, 0.15, 400, 4, torch.Generator().manual_seed(0))
    asked = targets != -100
    assert not asked[:, 0].any()
    assert not asked[:, 40:].any()
    assert float(asked[:, 1:40].float().mean()) == pytest.approx(0.15, abs=0.01)
    assert torch.equal(inputs[~asked], ids[~asked])
    assert torch.equal(targets[asked], ids[asked])
    assert float((inputs[asked] == 4).float().mean()) == pytest.approx(0.8, abs=0.03)
    assert float((inputs[asked] == ids[asked]).float().mean()) == pytest.approx(0.1, abs=0.03)


def test_an_encoder_above_four_million_parameters_is_refused(tmp_path: Path) -> None:
    large = msgspec.structs.replace(
        TINY, bert=msgspec.structs.replace(TINY.bert, hidden=384, heads=6, layers=4, intermediate=1024)
    )
    with pytest.raises(PolypTraceError) as caught:
        pretrain_text(tmp_path / "text", [], large)
    assert caught.value.code == "text-encoder-too-large"
