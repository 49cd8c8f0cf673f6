"""A frozen text encoder reads a text once; nothing else changes by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from core.data.manifest import read_manifest
from core.models.config import BertSettings, DmclConfig
from core.models.dmcl import Dmcl
from core.models.layers import bert_shape
from core.training.checkpoint import load_tensors
from core.training.config import Start, TrainConfig
from core.training.dmcl import train_dmcl
from core.training.masked_language import train_tokenizer
from core.training.text_reader import TextReader
from core.training.tokens import TokenTable

CPU = torch.device("cpu")
TEXTS = [
    "A red polyp of 3 mm.",
    "",
    "A pale polyp of 12 mm on a fold, with clear borders.",
    "A red polyp of 3 mm.",
]
TEXT = BertSettings(vocab_size=200, hidden=32, layers=2, heads=2, intermediate=64, positions=64)
Make = Callable[[int], tuple[TextReader, Dmcl]]


@pytest.fixture
def make() -> Make:
    tokenizer = train_tokenizer(TEXTS, 200)

    def made(limit_bytes: int, frozen: bool = True) -> tuple[TextReader, Dmcl]:
        torch.manual_seed(0)
        model = Dmcl(
            DmclConfig(width=64, depth=1, image_size=32, max_tokens=40, text=TEXT, text_frozen=frozen)
        )
        return TextReader(TokenTable(tokenizer, 40), limit_bytes), model.train()

    return made


def test_a_known_text_isn_t_read_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, model = make(1 << 20)
    runs: list[int] = []
    whole = model.text.bert.forward
    monkeypatch.setattr(model.text.bert, "forward", lambda **given: (runs.append(1), whole(**given))[1])
    first, mask = reader.read(model, TEXTS, CPU)
    assert len(runs) == reader.texts_read == 3  # the shared text once
    again, _ = reader.read(model, TEXTS[::-1], CPU)
    assert len(runs) == 3
    assert torch.equal(again, first[[3, 2, 1, 0]])
    assert mask.sum(1).tolist()[1] == 0
    # The projection is trained: its gradient comes through, the encoder's doesn't.
    first.sum().backward()
    assert model.text.project.weight.grad is not None
    assert all(p.grad is None for p in model.text.bert.parameters())


def test_kept_tokens_are_those_of_a_padded_batch(make: Make) -> None:
    reader, model = make(1 << 20)
    kept, mask = reader.read(model, TEXTS, CPU)
    ids, whole = reader.tokens.encode(TEXTS)
    batch = model.text_tokens(ids, whole)
    assert torch.equal(mask, whole)
    assert torch.allclose(kept[mask], batch[whole], atol=1e-5)
    with torch.inference_mode():
        reader, model = make(1 << 20)
        reader.read(model, TEXTS, CPU)  # validation may be the first to ask
    reader.read(model, TEXTS, CPU)[0].sum().backward()


def test_memory_is_bounded_and_the_oldest_goes(make: Make) -> None:
    _, model = make(0)
    length = len(TextReader(make(0)[0].tokens).tokens.encode([TEXTS[0]])[0][0])
    reader = TextReader(make(0)[0].tokens, 2 * (length + 1) * 32 * 4)
    same_length = ["A red polyp of 4 mm.", "A red polyp of 5 mm.", "A red polyp of 6 mm."]
    for text in same_length:
        reader.read(model, [text], CPU)
    assert reader.texts_read == 3
    reader.read(model, [same_length[2]], CPU)
    assert reader.texts_read == 3
    reader.read(model, [same_length[0]], CPU)
    assert reader.texts_read == 4
    nothing, _ = make(0)
    for _ in range(2):
        nothing.read(model, ["A red polyp."], CPU)
    assert nothing.texts_read == 2


def test_a_trained_encoder_reads_every_time(make: Make) -> None:
    reader, model = make(1 << 20, frozen=False)  # type: ignore[call-arg]
    for _ in range(2):
        reader.read(model, TEXTS, CPU)[0].sum().backward()
    assert reader.texts_read == 6
    assert any(p.grad is not None for p in model.text.bert.parameters())


def test_training_ends_the_same_with_and_without_it(
    manifest: Path, config: TrainConfig, tmp_path: Path
) -> None:
    from transformers import BertModel

    texts = [row.text for row in read_manifest(manifest).rows]
    tokenizer = train_tokenizer(texts, 200)
    shape = msgspec.structs.replace(TEXT, vocab_size=tokenizer.get_vocab_size())
    BertModel(bert_shape(shape)).save_pretrained(tmp_path / "bert")
    (tmp_path / "bert/tokenizer.json").write_text(tokenizer.to_str())
    frozen = msgspec.structs.replace(
        config,
        start=Start(text_folder=str(tmp_path / "bert")),
        model=msgspec.structs.replace(config.model, text_frozen=True),
    )
    for name, megabytes in (("with", 64), ("without", 0)):
        settings = msgspec.structs.replace(frozen, text_cache_mb=megabytes)
        train_dmcl(manifest, tmp_path / name, settings, device="cpu")
    one, other = (load_tensors(tmp_path / name / "checkpoint.safetensors")[0] for name in ("with", "without"))
    assert all(torch.equal(value, other[key]) for key, value in one.items())
