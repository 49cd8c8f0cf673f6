"""The embedder: torch's embeddings without torch, in the order that was asked for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import Cancelled, PolypTraceError
from core.inference import embedder as module
from core.inference.batches import OutOfMemoryError
from core.inference.bundle import read_bundle
from core.inference.device import DeviceChoice
from core.inference.embedder import Embedder
from core.inference.preprocess import to_square
from core.progress import CancelToken, Progress

ROOT = Path(__file__).resolve().parents[3]
Pictures = list[NDArray[np.uint8]]
RED, PALE = "Sessile polyp in the sigmoid, red.", "Flat pale polyp behind a fold."


@pytest.fixture(scope="module")
def embedder(small_bundle: Path) -> Embedder:
    return Embedder.open(small_bundle, device="cpu", threads=1)


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((a * b).sum(axis=-1))


def test_a_clip_gives_a_row_of_length_one_for_each_crop(embedder: Embedder, pictures: Pictures) -> None:
    vectors = embedder.embed(pictures, RED)
    assert vectors.shape == (5, embedder.dim) == (5, 64)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.device == DeviceChoice("cpu", "asked for")
    assert embedder.model_id == embedder.manifest.model_id
    assert embedder.embed([], RED).shape == (1, 64)


def test_the_embeddings_are_torchs(embedder: Embedder, small_bundle: Path, pictures: Pictures) -> None:
    import torch

    from core.models.bundle import load_model

    net = load_model(small_bundle)
    images = torch.from_numpy(np.stack([to_square(p, 64) for p in pictures])).permute(0, 3, 1, 2).float()
    ids = torch.tensor([embedder.tokens(RED)] * 5)
    yes = torch.ones(5, dtype=torch.bool)
    with torch.no_grad():
        for text, flag in ((RED, yes), (None, ~yes)):
            expected = net(images, ids, torch.ones_like(ids), yes, flag).numpy()
            assert cosine(expected, embedder.embed(pictures, text)).min() >= 0.99999
        expected = net(images, ids, torch.ones_like(ids), ~yes, yes).numpy()[:1]
    assert cosine(expected, embedder.embed([], RED)).min() >= 0.99999


def test_pairs_come_back_in_their_order_whatever_the_batch(
    embedder: Embedder, small_bundle: Path, pictures: Pictures
) -> None:
    images = [pictures[0], None, pictures[1], pictures[0], pictures[2], pictures[3], None]
    texts = [RED, PALE, None, PALE, RED + " " + PALE, "", RED]
    together = embedder.embed_pairs(images, texts)
    for index, (image, text) in enumerate(zip(images, texts, strict=True)):
        alone = embedder.embed([] if image is None else [image], text)
        assert cosine(alone[0], together[index]) > 0.999999
    narrow = Embedder.open(small_bundle, device="cpu", threads=1, batch=2)
    seen: list[Progress] = []
    assert np.allclose(narrow.embed_pairs(images, texts, progress=seen.append), together, atol=1e-5)
    assert [(step.done, step.total) for step in seen] == [(2, 7), (4, 7), (6, 7), (7, 7)]
    assert len({tuple(np.round(row, 4)) for row in together}) == 7


def test_nothing_gives_nothing_and_unequal_lists_are_a_mistake(
    embedder: Embedder, pictures: Pictures
) -> None:
    assert embedder.embed_pairs([], []).shape == (0, 64)
    with pytest.raises(ValueError, match="1 images but 2 texts"):
        embedder.embed_pairs(pictures[:1], [RED, PALE])


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_neither_picture_nor_text_is_refused_in_words(embedder: Embedder, text: str | None) -> None:
    with pytest.raises(PolypTraceError) as refused:
        embedder.embed([], text)
    assert refused.value.code == "nothing-to-embed"


def test_a_long_text_is_cut_at_what_the_network_reads(embedder: Embedder, pictures: Pictures) -> None:
    tokens = embedder.tokens(RED * 100)
    assert tokens is not None
    assert len(tokens) == embedder.manifest.preprocessing.max_tokens == 128
    assert np.isfinite(embedder.embed(pictures[:1], RED * 100)).all()


def test_cancelling_stops_before_the_next_batch(small_bundle: Path, pictures: Pictures) -> None:
    token = CancelToken()
    narrow = Embedder.open(small_bundle, device="cpu", threads=1, batch=1)
    seen: list[Progress] = []

    def watch(step: Progress) -> None:
        seen.append(step)
        if step.done == 2:
            token.cancel()

    with pytest.raises(Cancelled):
        narrow.embed_pairs(pictures, [RED] * 5, cancel=token, progress=watch)
    assert len(seen) == 2
    with pytest.raises(Cancelled):
        narrow.embed(pictures, RED, cancel=token)


class Cramped:
    """A device with room for so many rows; what it answers tells the rows apart."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.sizes: list[int] = []

    def run(self, batch: tuple[NDArray[Any], ...]) -> NDArray[np.float32]:
        pictures, *_, picture_row, _ = batch
        if len(picture_row) > self.room:
            raise OutOfMemoryError
        self.sizes.append(len(picture_row))
        return np.repeat(pictures[picture_row].mean(axis=(1, 2, 3))[:, None], 64, axis=1).astype(np.float32)


def test_a_batch_that_is_too_large_is_halved(small_bundle: Path, pictures: Pictures) -> None:
    backend = Cramped(3)
    many = pictures * 4
    embedder = Embedder(read_bundle(small_bundle), backend, DeviceChoice("cuda", "test"), batch=16)
    vectors = embedder.embed(many, RED)
    expected = [to_square(picture, 64).mean() for picture in many]
    assert np.allclose(vectors[:, 0], expected, atol=1e-2)
    assert max(backend.sizes) <= 3
    cramped = Embedder(read_bundle(small_bundle), Cramped(0), DeviceChoice("cuda", "test"), batch=16)
    with pytest.raises(PolypTraceError) as refused:
        cramped.embed(many, RED)
    assert refused.value.code == "out-of-memory"


def broken(*_: object) -> None:
    raise RuntimeError("no kernel image is available")


def test_a_broken_cuda_falls_back_only_with_auto_and_says_so(
    small_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "choose_device", lambda _: DeviceChoice("cuda", "found a card"))
    monkeypatch.setattr(module, "_on_cuda", broken)
    opened = Embedder.open(small_bundle, device="auto", threads=1)
    assert opened.device.name == "cpu"
    assert "no kernel image" in opened.device.reason
    with pytest.raises(PolypTraceError) as refused:
        Embedder.open(small_bundle, device="cuda")
    assert refused.value.code == "device-unavailable"


def garbage(path: Path) -> Path:
    path.write_bytes(b"no protobuf")
    return path


def test_an_onnx_file_that_cannot_run_is_said_in_words(
    small_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_onnx", lambda *_: garbage(tmp_path / "model.onnx"))
    with pytest.raises(PolypTraceError) as refused:
        Embedder.open(small_bundle, device="cpu")
    assert refused.value.code == "model-failed"


CODE = """
import sys
from pathlib import Path
import numpy as np
from core.inference.embedder import Embedder
embedder = Embedder.open(Path(sys.argv[1]), device="cpu", cache=Path(sys.argv[2]), threads=1)
crop = np.full((40, 60, 3), 90, np.uint8)
pairs = embedder.embed_pairs([crop, None], [None, "Red."])
print(embedder.embed([crop], "A flat polyp.").shape, *pairs.shape)
print([name for name in ("torch", "torchvision", "transformers") if name in sys.modules])
"""


@pytest.mark.parametrize("derived", [True, False], ids=["onnx there", "onnx derived on the way"])
def test_a_fresh_interpreter_embeds_without_torch(small_bundle: Path, tmp_path: Path, derived: bool) -> None:
    ignored: Callable[..., set[str]] | None = None if derived else shutil.ignore_patterns("model.onnx*")
    folder = shutil.copytree(small_bundle, tmp_path / "Modell é", ignore=ignored)
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(folder), str(tmp_path / "cache")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split("\n")[:2] == ["(1, 64) 2 64", "[]"], done.stderr
    assert (folder / "model.onnx").is_file()


class Counting:
    """Hands on to the network and counts the rows."""

    def __init__(self, embedder: Embedder) -> None:
        self.inner, self.rows = embedder._backend, 0

    def run(self, batch: tuple[NDArray[Any], ...]) -> NDArray[np.float32]:
        self.rows += len(batch[-1])
        return self.inner.run(batch)


def test_a_text_without_picture_is_embedded_once(
    embedder: Embedder, small_bundle: Path, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Counting(embedder)
    fresh = Embedder(read_bundle(small_bundle), backend, DeviceChoice("cpu", "test"), batch=8)
    first = fresh.embed([], RED)
    first_again = fresh.embed([], RED)
    assert (backend.rows, np.array_equal(first, first_again)) == (1, True)
    first_again[:] = 0  # what was given away is the caller's
    assert np.array_equal(fresh.embed([], RED), first)
    images = [None, pictures[0], None, None]
    texts = [PALE, RED, RED, PALE]
    seen: list[Progress] = []
    mixed = fresh.embed_pairs(images, texts, progress=seen.append)
    assert backend.rows == 1 + 3, "a text beside a picture and one not seen before go through the network"
    assert [(step.done, step.total) for step in seen] == [(4, 4)]
    assert np.allclose(mixed, embedder.embed_pairs(images, texts), atol=1e-5)
    other = Embedder(read_bundle(small_bundle), backend, DeviceChoice("cpu", "test"), batch=8)
    other.embed([], RED)
    assert backend.rows == 5, "another loaded network knows nothing of it"
    monkeypatch.setattr(module, "_TEXTS_KEPT", 2)
    for text in ("One.", "Two.", "One.", "Three.", "One.", "Two."):
        other.embed([], text)
    assert backend.rows == 9, "the text that was used longest ago makes room"
