"""Bundles: saved whole, read whole, or refused in words."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from core.errors import PolypTraceError
from core.inference.bundle import MANIFEST, NoMatchSettings, amend_bundle, read_bundle
from core.models import bundle
from core.models.bundle import SHARD_BYTES, load_model, save_bundle
from core.models.config import COMPACT, BertSettings, DmclConfig
from core.models.dmcl import Dmcl
from core.text.tokenizer import train_wordpiece


@pytest.fixture
def copied(small_bundle: Path, tmp_path: Path) -> Path:
    """A copy that may be spoilt."""
    return Path(shutil.copytree(small_bundle, tmp_path / "copy", ignore=shutil.ignore_patterns("*.onnx")))


def refusal(folder: Path) -> PolypTraceError:
    with pytest.raises(PolypTraceError) as refused:
        read_bundle(folder)
    assert refused.value.message
    assert refused.value.hint
    return refused.value


def test_weights_come_back_as_fp16_of_what_was_saved(small_bundle: Path, tmp_path: Path) -> None:
    model = load_model(small_bundle)
    assert not model.training
    again = load_model(save_bundle(tmp_path / "b", model, tokenizer(small_bundle), card="# x").folder)
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
        assert value.dtype in (torch.float32, torch.int64)


def tokenizer(folder: Path) -> str:
    return (folder / "tokenizer.json").read_text("utf-8")


def test_the_id_belongs_to_the_network(small_bundle: Path, tmp_path: Path) -> None:
    model = load_model(small_bundle)
    first = read_bundle(small_bundle).manifest
    twin = save_bundle(tmp_path / "twin", model, tokenizer(small_bundle), card="# other card", name="other")
    assert twin.manifest.model_id == first.model_id
    with torch.no_grad():
        model.no_text[0] += 0.5
    other = save_bundle(tmp_path / "other", model, tokenizer(small_bundle), card="# x")
    assert other.manifest.model_id != first.model_id


def test_the_compact_model_weighs_at_most_40_mb(tmp_path: Path) -> None:
    words = train_wordpiece(["sessile polyp in the sigmoid"], 100, 1)
    info = save_bundle(tmp_path / "compact", Dmcl(COMPACT), words.to_str(), card="# x")
    sizes = {path.name: path.stat().st_size for path in info.folder.iterdir()}
    # The full vocabulary's file weighs some 0.2 MB, this one's 0.02 MB.
    assert sum(sizes.values()) < 39_500_000
    assert len(info.manifest.weights) > 1
    assert max(sizes.values()) <= SHARD_BYTES
    assert set(sizes) == {MANIFEST, *info.manifest.files}


def test_a_tensor_larger_than_a_shard_is_cut_and_joined(
    small_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "SHARD_BYTES", 1_100_000)
    model = load_model(small_bundle)
    info = save_bundle(tmp_path / "cut", model, tokenizer(small_bundle), card="# x")
    assert max((info.folder / name).stat().st_size for name in info.manifest.weights) <= 1_100_000
    again = load_model(info.folder).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in model.state_dict().items())


def test_a_tensor_beyond_fp16_stays_float32(small_bundle: Path, tmp_path: Path) -> None:
    model = load_model(small_bundle)
    with torch.no_grad():
        model.no_text[0] = 1e6
    info = save_bundle(tmp_path / "large", model, tokenizer(small_bundle), card="# x")
    assert load_model(info.folder).no_text[0].item() == 1e6


def test_numbers_that_are_not_finite_are_refused_and_the_old_bundle_stays(copied: Path) -> None:
    model = load_model(copied)
    before = (copied / MANIFEST).read_bytes()
    with torch.no_grad():
        model.no_text[0] = torch.nan
    with pytest.raises(PolypTraceError) as refused:
        save_bundle(copied, model, tokenizer(copied), card="# x")
    assert refused.value.code == "weights-not-finite"
    assert (copied / MANIFEST).read_bytes() == before
    assert [path.name for path in copied.parent.iterdir()] == [copied.name]


def test_saving_again_replaces_the_bundle(copied: Path) -> None:
    save_bundle(copied, load_model(copied), tokenizer(copied), card="# New card")
    assert read_bundle(copied).card == "# New card"
    assert not (copied / "model.onnx.json").exists()
    assert [path.name for path in copied.parent.iterdir()] == [copied.name]


def test_the_old_bundle_comes_back_when_the_exchange_fails(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, words, real = load_model(copied), tokenizer(copied), Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "bundle":
            raise OSError("disk gone")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="disk gone"):
        save_bundle(copied, model, words, card="# x")
    assert read_bundle(copied).card == "# Small untrained model\n"


def test_a_tokenizer_with_more_pieces_than_the_encoder_is_refused(small_bundle: Path, tmp_path: Path) -> None:
    text = BertSettings(vocab_size=10, hidden=32, layers=1, heads=2, intermediate=64, positions=64)
    with pytest.raises(PolypTraceError) as refused:
        save_bundle(
            tmp_path / "b",
            Dmcl(DmclConfig(width=32, depth=1, max_tokens=16, text=text)),
            tokenizer(small_bundle),
            card="",
        )
    assert refused.value.code == "tokenizer-mismatch"
    assert not (tmp_path / "b").exists()


def flip_a_byte(folder: Path) -> None:
    path = folder / "weights-000.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def truncate(folder: Path) -> None:
    path = folder / "weights-000.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def retell(folder: Path, **changes: object) -> None:
    raw = msgspec.json.decode((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(msgspec.json.encode({**raw, **changes}))


@pytest.mark.parametrize(
    ("spoil", "code", "names"),
    [
        (flip_a_byte, "bundle-damaged", "weights-000"),
        (truncate, "bundle-damaged", "weights-000"),
        (lambda f: (f / "weights-001.safetensors").unlink(), "bundle-damaged", "weights-001"),
        (lambda f: (f / "tokenizer.json").unlink(), "bundle-damaged", "tokenizer.json"),
        (lambda f: (f / "card.md").write_text("edited"), "bundle-damaged", "card.md"),
        (lambda f: (f / MANIFEST).unlink(), "bundle-missing", MANIFEST),
        (lambda f: (f / MANIFEST).write_text("{"), "bundle-damaged", MANIFEST),
        (lambda f: (f / MANIFEST).write_text("[]"), "bundle-damaged", MANIFEST),
        (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe\x00"), "bundle-damaged", MANIFEST),
        (lambda f: retell(f, format=99), "bundle-too-new", "newer"),
        (lambda f: retell(f, model_id="dmcl-000000000000"), "bundle-damaged", "id"),
        (lambda f: (f / "extra.pt").write_bytes(b"x"), "bundle-unsafe", "extra.pt"),
        (lambda f: (f / "more.safetensors").write_bytes(b"x"), "bundle-unsafe", "more.safetensors"),
        (lambda f: retell(f, files={"../x": "0"}), "bundle-unsafe", "../x"),
        (lambda f: retell(f, files={"w.pkl": "0"}), "bundle-unsafe", "w.pkl"),
    ],
)
def test_a_spoilt_bundle_is_refused_in_words(
    copied: Path, spoil: Callable[[Path], object], code: str, names: str
) -> None:
    spoil(copied)
    error = refusal(copied)
    assert error.code == code
    assert names in error.message


def test_no_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert {refusal(tmp_path / name).code for name in ("none", "file")} == {"bundle-missing"}


def test_weights_of_another_architecture_are_refused(small_bundle: Path, tmp_path: Path) -> None:
    info = read_bundle(small_bundle)
    folder = Path(shutil.copytree(small_bundle, tmp_path / "mixed", ignore=shutil.ignore_patterns("*.onnx")))
    raw = msgspec.to_builtins(info.manifest)
    raw["architecture"]["depth"] = 3
    raw["model_id"] = bundle.content_id(
        "dmcl", raw["architecture"], info.manifest.preprocessing, info.manifest.files
    )
    (folder / MANIFEST).write_bytes(msgspec.json.encode(raw))
    with pytest.raises(PolypTraceError) as refused:
        load_model(folder)
    assert refused.value.code == "bundle-damaged"


def test_what_is_learnt_later_is_added_without_a_new_id(copied: Path) -> None:
    before = read_bundle(copied).manifest.model_id
    no_match = NoMatchSettings(threshold=0.4, slope=9.0, intercept=-3.0, pairs=61)
    after = amend_bundle(copied, metrics={"rank1": 0.5}, no_match=no_match, card="# Card 2")
    assert after.manifest.model_id == before
    assert (after.manifest.no_match, after.manifest.metrics, after.card) == (
        no_match,
        {"rank1": 0.5},
        "# Card 2",
    )
    load_model(copied)
