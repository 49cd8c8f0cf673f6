"""The derived ONNX file: the same embeddings as torch, never a stale or half-written one."""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from core.errors import PolypTraceError
from core.inference import onnx_file
from core.inference.bundle import read_bundle
from core.inference.embedder import Embedder
from core.inference.onnx_file import MIN_COSINE, find_onnx, home_for_writing, read_record
from core.models import export, onnx_export
from core.models.bundle import load_model, save_bundle
from core.models.dmcl import Dmcl
from core.models.serving import Serving


@pytest.fixture
def bare(small_bundle: Path, tmp_path: Path) -> Path:
    """A copy without its ONNX file."""
    return Path(
        shutil.copytree(small_bundle, tmp_path / "bare", ignore=shutil.ignore_patterns("model.onnx*"))
    )


@pytest.fixture
def quick(small_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's exporter, which always gives these bytes, is spared; the check against torch isn't."""
    data = (small_bundle / "model.onnx").read_bytes()
    monkeypatch.setattr(onnx_export, "_exported", lambda _: data)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def test_the_cosine_to_torch_is_recorded(small_bundle: Path) -> None:
    record = read_record(small_bundle)
    info = read_bundle(small_bundle)
    assert record is not None
    assert MIN_COSINE <= record.cosine <= 1
    assert (record.model_id, record.weights) == (info.manifest.model_id, info.manifest.weights)
    assert find_onnx(info) == small_bundle / "model.onnx"


def test_serving_is_the_network_with_rows_joined(small_bundle: Path) -> None:
    model = load_model(small_bundle)
    pictures, ids, mask, picture_row, text_row = onnx_export.random_inputs(model.config, 3, 2, 9, 6, seed=5)
    with torch.no_grad():
        served = Serving(model)(pictures, ids, mask, picture_row, text_row)
        images = pictures.permute(0, 3, 1, 2).float()[picture_row.clamp(min=0)]
        chosen = text_row.clamp(min=0)
        expected = model(images, ids[chosen], mask[chosen], picture_row >= 0, text_row >= 0)
    assert {-1} < set(picture_row.tolist() + text_row.tolist())
    assert torch.allclose(served, expected, atol=1e-5)


def test_deriving_twice_gives_the_same_bytes_and_nothing_is_derived_twice(
    bare: Path, small_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = export.ensure_onnx(bare)
    assert path.read_bytes() == (small_bundle / "model.onnx").read_bytes()
    monkeypatch.setattr(onnx_export, "derive", None)
    assert export.ensure_onnx(bare) == path
    assert leftovers(bare) == []


def test_a_changed_file_is_not_used(small_bundle: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small_bundle, tmp_path / "changed"))
    info = read_bundle(folder)
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)
    assert find_onnx(info, tmp_path / "cache") is None
    shutil.copy(small_bundle / "model.onnx", folder)
    assert find_onnx(info, tmp_path / "cache") is not None
    (folder / "model.onnx.json").write_text("{}")
    assert find_onnx(info, tmp_path / "cache") is None


def test_a_form_that_gives_other_embeddings_is_refused_and_left_nowhere(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(serving: Serving) -> bytes:
        torch.manual_seed(99)
        wrong = Serving(type(serving.model)(serving.model.config)).eval()
        return real(wrong)

    real = onnx_export._exported
    monkeypatch.setattr(onnx_export, "_exported", other)
    with pytest.raises(PolypTraceError) as refused:
        export.ensure_onnx(bare)
    assert refused.value.code == "onnx-differs"
    assert not (bare / "model.onnx").exists()
    assert leftovers(bare) == []
    monkeypatch.setattr(onnx_export, "_exported", lambda _: b"no protobuf")
    with pytest.raises(PolypTraceError) as refused:
        export.ensure_onnx(bare)
    assert refused.value.code == "onnx-differs"


@pytest.mark.usefixtures("quick")
def test_a_bundle_that_cannot_be_written_uses_the_cache(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = onnx_file._can_write
    monkeypatch.setattr(onnx_file, "_can_write", lambda folder: folder != bare and real(folder))
    before = sorted(path.name for path in bare.iterdir())
    path = export.ensure_onnx(bare, tmp_path / "cache")
    assert path.is_relative_to(tmp_path / "cache")
    assert sorted(path.name for path in bare.iterdir()) == before
    assert find_onnx(read_bundle(bare), tmp_path / "cache") == path


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="file rights of POSIX")
def test_a_folder_without_the_right_to_write_is_seen(small_bundle: Path) -> None:
    root = Path(tempfile.mkdtemp())
    try:
        folder, cache = root / "bundle", root / "cache"
        folder.mkdir(mode=0o555)
        cache.mkdir()
        root.chmod(0o755)
        cache.chmod(0o777)
        info = read_bundle(small_bundle)
        moved = type(info)(folder, info.manifest)
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(65534)
        try:
            assert home_for_writing(moved, cache).is_relative_to(cache)
        finally:
            if was_root:
                os.seteuid(0)
    finally:
        shutil.rmtree(root)


@pytest.mark.usefixtures("quick")
def test_several_at_once_derive_it_once(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    real = onnx_export.derive

    def counted(*args: object) -> Path:
        runs.append(1)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(onnx_export, "derive", counted)
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(export.ensure_onnx, [bare] * 4))
    assert paths == {bare / "model.onnx"}
    assert len(runs) == 1
    assert leftovers(bare) == []


def test_the_command_answers_with_one_document(
    bare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export.main([str(tmp_path / "nothing")]) == 1
    assert '"bundle-missing"' in capsys.readouterr().out
    (bare / "card.md").write_text("spoilt")
    assert export.main([str(bare)]) == 1
    assert '"bundle-damaged"' in capsys.readouterr().out


def test_the_check_covers_texts_and_pictures_of_several_sizes(small_bundle: Path) -> None:
    serving = Serving(load_model(small_bundle)).eval()
    assert onnx_export.smallest_cosine(serving, small_bundle / "model.onnx") >= MIN_COSINE
    with torch.no_grad():
        serving.model.no_text += 0.05 * torch.randn_like(serving.model.no_text)
    with pytest.raises(PolypTraceError):
        onnx_export.smallest_cosine(serving, small_bundle / "model.onnx")


def test_own_features_and_colours_are_exported_too(small_bundle: Path, tmp_path: Path) -> None:
    plain = load_model(small_bundle)
    model = Dmcl(msgspec.structs.replace(plain.config, own_share=0.4, colour_share=0.2, pooling="gem")).eval()
    model.load_state_dict(plain.state_dict(), strict=False)
    tokenizer = read_bundle(small_bundle).tokenizer.read_text("utf-8")
    info = save_bundle(tmp_path / "beside", model, tokenizer, card="", name="Beside")
    assert info.manifest.dim == model.dim == 64 + 512 + 256
    export.ensure_onnx(info.folder)
    record = read_record(info.folder)
    assert record is not None
    assert record.cosine >= MIN_COSINE
    embedder = Embedder.open(info.folder, "cpu")
    rng = np.random.default_rng(0)
    crops = [rng.integers(0, 256, (40 + 9 * at, 50, 3), dtype=np.uint8) for at in range(3)]
    vectors = embedder.embed_pairs([*crops, None], ["a polyp", None, "another", "a polyp"])
    assert vectors.shape == (4, model.dim)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert not vectors[3, 64:].any()
