"""What only a CUDA device can show: torch there embeds as the ONNX file does on the CPU."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.explain.pair import Shown, explain_pair, open_model
from core.inference.device import probe_cuda
from core.inference.embedder import Embedder
from core.models.bundle import save_bundle
from core.models.config import COMPACT
from core.models.dmcl import Dmcl
from core.text.tokenizer import train_wordpiece

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not probe_cuda().devices, reason=f"needs a CUDA device: {probe_cuda().reason}"),
]
TEXTS = [
    "Sessile polyp in the sigmoid, 8 mm, Paris Is, red, on a fold.",
    "Flat pale polyp behind a fold of the hepatic flexure, 6 mm.",
    None,
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network of the compact setting."""
    import torch

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "compact"
    words = train_wordpiece([text for text in TEXTS if text], 200, 1)
    save_bundle(folder, Dmcl(COMPACT).eval(), words.to_str(), card="# Untrained\n")
    return folder


def crops(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    coarse = [rng.integers(0, 256, (6, 6, 3)).astype(np.uint8) for _ in range(count)]
    return [cv2.resize(c, (150, 110), interpolation=cv2.INTER_CUBIC) for c in coarse]


def test_cuda_and_the_cpu_give_the_same_embeddings(bundle: Path) -> None:
    images = [*crops(29), None]
    texts = [TEXTS[k % 3] for k in range(29)] + [TEXTS[0]]
    on_cpu, on_cuda = (Embedder.open(bundle, device=name) for name in ("cpu", "cuda"))
    assert on_cuda.device.name == "cuda"
    assert on_cuda.device.reason.startswith("asked for, found ")
    cosines = (on_cpu.embed_pairs(images, texts) * on_cuda.embed_pairs(images, texts)).sum(axis=1)
    assert cosines.min() >= 0.9999


def test_auto_takes_the_device_and_names_it(bundle: Path) -> None:
    choice = Embedder.open(bundle).device
    assert choice.name == "cuda"
    assert probe_cuda().devices[0] in choice.reason


def test_both_devices_explain_alike(bundle: Path) -> None:
    query, candidate = (Shown(crop, TEXTS[k]) for k, crop in enumerate(crops(2)))
    cpu, cuda = (explain_pair(open_model(bundle, name), query, candidate) for name in ("cpu", "cuda"))
    assert cuda.similarity == pytest.approx(cpu.similarity, abs=1e-3)
    assert np.corrcoef(cpu.query.map.ravel(), cuda.query.map.ravel())[0, 1] > 0.95
    assert cuda.query.strength == pytest.approx(cpu.query.strength, rel=0.1)
