"""The network: pictures, texts and explanations, against torch run eagerly and the matrix product's speed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from table import Figure, Goal, Row
from threadpoolctl import threadpool_limits
from timing import Size, middle, paired, ratio, sgemm
from torch.utils.flop_counter import FlopCounterMode

from core.explain.eigengradcam import Side, eigen_projection, pair_maps
from core.inference.batches import Pair, pack
from core.inference.embedder import Embedder
from core.models.bundle import load_model, save_bundle
from core.models.config import BertSettings, DmclConfig
from core.models.dmcl import Dmcl
from core.models.export import ensure_onnx
from core.models.serving import Serving
from core.paths import resource

BATCH = 8
_FOLDER = tempfile.TemporaryDirectory(prefix="bench-model-")
FOLDER = Path(_FOLDER.name)
PLACES = ("caecum", "ascending colon", "hepatic flexure", "transverse colon", "sigmoid", "rectum")
SHAPES = ("sessile", "pedunculated", "flat", "granular laterally spreading")
TEXTS = tuple(
    f"A {shape} polyp in the {place}, {4 + 3 * number} mm"
    + ", red, on a fold, with a smooth surface and clear borders, in fair preparation" * (number % 3)
    for number, (shape, place) in enumerate((s, p) for s in SHAPES for p in PLACES)
)
"""24 texts of very different length."""


def starter() -> Path:
    """The shipped model, its ONNX file derived."""
    folder = Path(resource("models")) / "starter"
    ensure_onnx(folder, FOLDER)
    return folder


@lru_cache
def resnet50() -> Path:
    """An untrained network on ResNet-50 at 224 pixels with a small text encoder; as large as the paper's."""
    config = DmclConfig(backbone="resnet50", width=768, mlp_ratio=4, image_size=224, text=BertSettings())
    torch.manual_seed(3)
    tokenizer = (starter() / "tokenizer.json").read_text("utf-8")
    save_bundle(FOLDER / "resnet50", Dmcl(config).eval(), tokenizer, card="# Benchmark\n")
    ensure_onnx(FOLDER / "resnet50")
    return FOLDER / "resnet50"


def _crops(count: int, side: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(6)
    return [rng.integers(0, 256, (side, side, 3)).astype(np.uint8) for _ in range(count)]


def _operations(work: Callable[[], Any]) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        work()
    return int(counter.get_total_flops())


def _cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The smallest cosine between the rows."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(1) / lengths).min())


def _eager(model: Serving, batch: tuple[NDArray[Any], ...]) -> NDArray[np.float32]:
    with torch.no_grad():
        out: NDArray[np.float32] = model(*[torch.from_numpy(one) for one in batch]).numpy()
        return out


def embed(size: Size) -> list[Row]:
    """The shipped network on one thread, eight crops with one text."""
    return [_embed("embed", "starter model (ResNet-18, 96 pixels)", starter(), size)]


def embed_resnet50(size: Size) -> list[Row]:
    """The same at the paper's size, random weights."""
    name, work = "embed-resnet50", "ResNet-50, 224 pixels, random weights"
    if size.quick:
        return [
            Row(name=name, work=work, skipped="the smoke run leaves it out: its ONNX file takes too long")
        ]
    return [_embed(name, work, resnet50(), size)]


def _embed(name: str, what: str, folder: Path, size: Size) -> Row:
    embedder = Embedder.open(folder, "cpu", FOLDER, threads=1, batch=BATCH)
    net = Serving(load_model(folder)).eval()
    side = embedder.manifest.preprocessing.image_size
    crops, text = _crops(BATCH, side), TEXTS[1]
    batch = pack([Pair(crop, embedder.tokens(text)) for crop in crops], side, embedder._pad_id)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        product, operations = sgemm(size.of(1024, 256))
        works = (lambda: embedder.embed(crops, text), lambda: _eager(net, batch), product)
        ours, peer, least = paired(*works, rounds=2 * size.rounds, warm=2)
    share = _operations(lambda: _eager(net, batch)) / operations
    needed = [share * one for one in least]
    return Row(
        name=name,
        work=f"{what}: embedding, 1 thread, batch {BATCH}",
        ours=Figure(BATCH * 1000 / middle(ours), "crops/s", "core.inference.embedder (onnxruntime)"),
        peer=Figure(
            BATCH * 1000 / middle(peer),
            "crops/s",
            "the same network in torch, no_grad; OpenVINO: not installed",
        ),
        limit=Figure(BATCH * 1000 / middle(needed), "crops/s", "its operations at the speed of sgemm"),
        goals=(
            Goal("ours / torch", ratio(peer, ours), 1.5, least=True),
            Goal("ours / limit", ratio(needed, ours), 0.85, least=True),
        ),
        checks={
            "cosine to torch ≥ 0.99999": _cosine(embedder.embed(crops, text), _eager(net, batch)) >= 0.99999
        },
    )


def embed_gpu(size: Size) -> list[Row]:
    """On CUDA: the whole way from crops to vectors against the bare backbone's forward."""
    name, work = "embed-gpu", "starter model on CUDA: embedding, batch 64"
    if not torch.cuda.is_available():
        return [Row(name=name, work=work, skipped="no CUDA device in this computer")]
    embedder = Embedder.open(starter(), "cuda", FOLDER)
    net = load_model(starter()).requires_grad_(False).cuda()
    side = embedder.manifest.preprocessing.image_size
    crops = _crops(64, side)
    pixels = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float().cuda()

    def bare() -> None:
        with torch.inference_mode():
            net.image_map(pixels)
            torch.cuda.synchronize()

    ours, least = paired(lambda: embedder.embed(crops, TEXTS[1]), bare, rounds=3 * size.rounds, warm=3)
    cpu = Embedder.open(starter(), "cpu", FOLDER)
    same = _cosine(embedder.embed(crops, TEXTS[1]), cpu.embed(crops, TEXTS[1]))
    return [
        Row(
            name=name,
            work=work,
            ours=Figure(64_000 / middle(ours), "crops/s", "core.inference.embedder (torch)"),
            limit=Figure(64_000 / middle(least), "crops/s", "the bare backbone, pictures already there"),
            goals=(Goal("ours / bare backbone", ratio(ours, least), 1.25),),
            checks={"cosine to the CPU's ≥ 0.9999": same >= 0.9999},
        )
    ]


def text(size: Size) -> list[Row]:
    """24 descriptions without a picture, against padding all to the longest allowed."""
    folder = starter()
    embedder = Embedder.open(folder, "cpu", FOLDER, threads=1, batch=BATCH)
    model = load_model(folder)
    net = Serving(model).eval()
    preprocessing = embedder.manifest.preprocessing
    texts = TEXTS[:: size.of(1, 4)]
    none: list[NDArray[np.uint8] | None] = [None] * len(texts)

    def forgetful() -> Embedder:
        """One that has embedded no text yet."""
        return Embedder(embedder.info, embedder._backend, embedder.device, embedder.batch)

    def padded() -> NDArray[np.float32]:
        rows = []
        for one in texts:
            picture, ids, mask, *places = pack(
                [Pair(None, embedder.tokens(one))], preprocessing.image_size, embedder._pad_id
            )
            spare = ((0, 0), (0, preprocessing.max_tokens - ids.shape[1]))
            rows.append(_eager(net, (picture, np.pad(ids, spare), np.pad(mask, spare), *places)))
        return np.concatenate(rows)

    def alone() -> None:
        for one in texts:
            ids = torch.tensor([embedder.tokens(one)])
            with torch.no_grad():
                model.text_tokens(ids, torch.ones_like(ids))

    torch.set_num_threads(1)
    with threadpool_limits(1):
        product, operations = sgemm(size.of(1024, 256))
        works = (
            lambda: forgetful().embed_pairs(none, texts),
            padded,
            lambda: embedder.embed((), texts[0]),
            product,
        )
        ours, peer, again, least = paired(*works, rounds=size.of(5, 1))
    count, share = len(texts), _operations(alone) / operations
    return [
        Row(
            name="text",
            work=f"{count} descriptions without a picture, 1 thread, a text",
            ours=Figure(middle(ours, count), "ms", "core.inference.embedder: sorted by length, batches of 8"),
            peer=Figure(
                middle(peer, count), "ms", f"torch, one by one, padded to {preprocessing.max_tokens}"
            ),
            limit=Figure(
                share * middle(least, count), "ms", "the text encoder's operations at the speed of sgemm"
            ),
            goals=(Goal("padded / ours", ratio(peer, ours), 6, least=True),),
            checks={
                "cosine to torch ≥ 0.9999": _cosine(embedder.embed_pairs(none, texts), padded()) >= 0.9999
            },
            note="both run the fusion too, and the image encoder once a call on an empty picture: "
            "the network is one graph",
        ),
        Row(
            name="text-again",
            work="a text that was embedded a moment ago",
            ours=Figure(middle(again), "ms", "core.inference.embedder"),
            goals=(Goal("repeat", middle(again), 1, "ms"),),
            note="without a picture; with one it is encoded again, a small part of what the picture takes",
        ),
    ]


def gradcam(size: Size) -> list[Row]:
    """The projection on the first principal component, and the whole explanation of a pair."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        return [_projection(size), _overlay(size)]


def _projection(size: Size) -> Row:
    channels = size.of(2048, 512)
    rng = np.random.default_rng(8)
    activations, gradients = (
        torch.from_numpy(rng.standard_normal((1, channels, 7, 7)).astype(np.float32)) for _ in range(2)
    )

    def naive() -> NDArray[np.float64]:
        """The way of the usual libraries: all right singular vectors, to use the first."""
        product = (activations * gradients).double().numpy().reshape(channels, -1).T
        centred = product - product.mean(axis=0)
        _, _, right = np.linalg.svd(centred, full_matrices=True)
        return np.asarray(centred @ right[0], np.float64)

    matrix = torch.from_numpy(rng.standard_normal((49, channels)))
    ours, peer, least = paired(
        lambda: eigen_projection(activations, gradients),
        naive,
        lambda: torch.mm(matrix, matrix.T),
        rounds=size.of(5, 1),
    )
    mine, theirs = eigen_projection(activations, gradients).numpy().ravel(), naive()
    return Row(
        name="gradcam",
        work=f"EigenGradCAM's projection, {channels} × 7 × 7, 1 thread",
        ours=Figure(middle(ours), "ms", "core.explain.eigengradcam (Gram matrix, eigh)"),
        peer=Figure(middle(peer), "ms", "numpy's whole SVD; pytorch-grad-cam: not installed"),
        limit=Figure(middle(least), "ms", "the Gram matrix alone"),
        goals=(Goal("SVD / ours", ratio(peer, ours), 100, least=True),),
        checks={"same projection but for its sign": abs(float(np.corrcoef(mine, theirs)[0, 1])) > 0.999999},
    )


def _overlay(size: Size) -> Row:
    folder = starter()
    net = load_model(folder).requires_grad_(False)
    embedder = Embedder.open(folder, "cpu", FOLDER)
    ids = torch.tensor([embedder.tokens(TEXTS[1])] * 2)
    mask, here = torch.ones_like(ids), torch.ones(2, dtype=torch.bool)
    pixels = torch.from_numpy(np.stack(_crops(2, net.config.image_size))).permute(0, 3, 1, 2).float()
    sides = [Side(pixels[k : k + 1], ids[k : k + 1], mask[k : k + 1]) for k in range(2)]

    def forward() -> torch.Tensor:
        with torch.no_grad():
            return net(pixels, ids, mask, here, here)

    ours, plain = paired(lambda: pair_maps(net, *sides), forward, rounds=3 * size.rounds, warm=3)
    one, other = forward()
    same = abs(float(pair_maps(net, *sides).similarity[0]) - float(one @ other)) < 1e-4
    return Row(
        name="gradcam-pair",
        work="explaining a pair, both maps, starter model, 1 thread",
        ours=Figure(middle(ours), "ms", "core.explain.eigengradcam.pair_maps"),
        limit=Figure(middle(plain), "ms", "embedding the same two pictures in torch"),
        goals=(Goal("ours / embedding the two", ratio(ours, plain), 1.10),),
        checks={"explains the cosine of the embeddings": same},
    )


BENCHES: dict[str, Callable[[Size], list[Row]]] = {
    "embed": embed,
    "embed-resnet50": embed_resnet50,
    "embed-gpu": embed_gpu,
    "text": text,
    "gradcam": gradcam,
}
