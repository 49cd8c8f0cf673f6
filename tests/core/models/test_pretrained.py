"""Initial weights from local files, and the full-size network."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.errors import PolypTraceError
from core.inference.device import DeviceChoice
from core.models import device
from core.models.config import PAPER, BertSettings, DmclConfig, read_bert_settings
from core.models.layers import IdentityHead, make_resnet
from core.models.losses import identity_loss, triplet_loss
from core.models.pretrained import build_dmcl

TEXT = BertSettings(vocab_size=40, hidden=32, layers=1, heads=2, intermediate=64, positions=32)
SMALL = DmclConfig(width=32, depth=1, image_size=64, max_tokens=16, text=TEXT)


def save_bert(folder: Path, **shape: int) -> None:
    """A BERT folder with random weights, as transformers writes it, made on the spot."""
    from transformers import BertConfig, BertModel

    BertModel(BertConfig(**shape)).save_pretrained(folder)


def code_of(*args: object) -> str:
    with pytest.raises(PolypTraceError) as refused:
        build_dmcl(SMALL, *args)  # type: ignore[arg-type]
    return refused.value.code


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_image_weights_come_from_a_local_file(tmp_path: Path, ending: str) -> None:
    state = make_resnet("resnet18").state_dict()
    path = tmp_path / f"w{ending}"
    if ending == ".pth":
        torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, path)
    else:
        save_file(state, path)
    model = build_dmcl(SMALL, image_weights=path)
    assert torch.equal(model.image.resnet.layer4[1].conv2.weight, state["layer4.1.conv2.weight"])


def test_wrong_image_weights_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("no weights")
    save_file(make_resnet("resnet34").state_dict(), tmp_path / "r34.safetensors")
    assert code_of(tmp_path / "none.pth") == "weights-missing"
    assert code_of(tmp_path / "text.pth") == "weights-unreadable"
    assert code_of(tmp_path / "r34.safetensors") == "weights-mismatch"


def test_weights_that_would_run_code_are_refused(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    torch.save({"conv1.weight": Harmful()}, tmp_path / "bad.pth")
    assert code_of(tmp_path / "bad.pth") == "weights-unreadable"
    assert not (tmp_path / "ran").exists()


def test_torchvision_weights_are_taken_from_the_cache_or_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(PolypTraceError) as refused:
        build_dmcl(SMALL, image_weights="torchvision")
    assert refused.value.code == "weights-missing"
    assert "resnet18-f37072fd.pth" in refused.value.hint
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth").write_bytes(b"cut short")
    assert code_of("torchvision") == "weights-unreadable"


def test_the_text_encoder_comes_from_a_bert_folder(tmp_path: Path) -> None:
    save_bert(
        tmp_path,
        vocab_size=55,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=96,
        max_position_embeddings=40,
    )
    from transformers import BertModel

    theirs = BertModel.from_pretrained(tmp_path, add_pooling_layer=False).eval()
    model = build_dmcl(SMALL, text_folder=tmp_path).eval()
    assert (model.config.text.vocab_size, model.config.text.hidden, model.config.text.heads) == (55, 48, 3)
    ids, mask = torch.randint(1, 55, (2, 9)), torch.ones(2, 9, dtype=torch.int64)
    mask[1, 5:] = 0
    with torch.no_grad():
        ours = model.text.states(ids, mask)
        expected = theirs(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.allclose(ours[mask.bool()], expected[mask.bool()], atol=1e-5)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "{",
        '{"model_type": "gpt2"}',
        '{"vocab_size": "many"}',
        '{"position_embedding_type": "relative_key"}',
    ],
)
def test_no_bert_folder_is_refused_in_words(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(PolypTraceError) as refused:
        read_bert_settings(tmp_path)
    assert refused.value.code == "bert-folder"


def test_the_full_size_network_builds_and_learns_one_step(tmp_path: Path) -> None:
    """ResNet-50, width 768, twelve BERT layers of width 768 (a tenth of its vocabulary, to spare memory)."""
    save_bert(tmp_path, vocab_size=3000)
    started = time.monotonic()
    model = build_dmcl(PAPER, text_folder=tmp_path).train()
    text = model.config.text
    assert (text.hidden, text.layers, text.heads, text.intermediate) == (768, 12, 12, 3072)
    assert (model.config.width, model.config.heads, model.image.channels) == (768, 24, 2048)
    head = IdentityHead(768, 2)
    optimiser = torch.optim.Adam(
        [
            {"params": list(model.backbone_parameters()), "lr": 1e-5},
            {"params": [*model.head_parameters(), *head.parameters()], "lr": 1e-4},
        ],
        weight_decay=1e-5,
    )
    before = {name: model.get_parameter(name).clone() for name in ("image.resnet.conv1.weight", "types")}
    frozen = model.text.bert.get_parameter("encoder.layer.0.output.dense.weight").clone()
    images, ids = torch.rand(4, 3, 64, 64) * 255, torch.randint(1, 3000, (4, 12))
    labels, yes = torch.tensor([0, 0, 1, 1]), torch.ones(4, dtype=torch.bool)
    features = model(images, ids, torch.ones_like(ids), yes, yes)
    loss = identity_loss(head(features), labels) + triplet_loss(features, labels)
    loss.backward()
    optimiser.step()
    assert torch.isfinite(loss)
    assert all(not torch.equal(value, model.get_parameter(name)) for name, value in before.items())
    assert torch.equal(frozen, model.text.bert.get_parameter("encoder.layer.0.output.dense.weight"))
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert time.monotonic() - started < 60


def test_a_device_that_torch_cannot_use_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise AssertionError("Torch not compiled with CUDA enabled")

    monkeypatch.setattr(device, "choose_device", lambda _: DeviceChoice("cuda", "found a card"))
    monkeypatch.setattr(device.torch, "zeros", broken)
    assert device.usable_device("auto").name == "cpu"
    assert "not compiled" in device.usable_device("auto").reason
    with pytest.raises(PolypTraceError) as refused:
        device.usable_device("cuda")
    assert refused.value.code == "device-unavailable"


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"avx2": True}, False),
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True, "avx512_bf16": False}, True),
    ],
)
def test_only_processors_that_multiply_bfloat16_gain_by_it(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, bool], expected: bool
) -> None:
    monkeypatch.setattr(device.torch.cpu, "get_capabilities", lambda: able)
    assert device.gains_by_bfloat16(torch.device("cpu")) is expected
    assert device.gains_by_bfloat16(torch.device("cuda"))
    assert not device.gains_by_bfloat16(torch.device("mps"))


def test_the_cpu_is_usable() -> None:
    assert device.usable_device("cpu") == DeviceChoice("cpu", "asked for")
