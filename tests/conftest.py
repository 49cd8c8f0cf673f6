"""A small untrained model bundle for every room that needs one. torch loads only when it is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

TEXTS = (
    "Sessile polyp in the sigmoid, 8 mm, Paris Is, red, on a fold.",
    "Granular laterally spreading lesion in the caecum, 25 mm, on the valve, pale.",
    "Flat pale polyp behind a fold of the hepatic flexure, 6 mm, Paris IIa.",
)


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of DMCL at 64 pixels and width 64 with random weights, its ONNX file already derived."""
    import torch

    from core.models.bundle import save_bundle
    from core.models.config import BertSettings, DmclConfig
    from core.models.dmcl import Dmcl
    from core.models.export import ensure_onnx
    from core.text.tokenizer import train_wordpiece

    tokenizer = train_wordpiece(TEXTS, 160, 1)
    text = BertSettings(
        vocab_size=tokenizer.get_vocab_size(), hidden=32, layers=1, heads=2, intermediate=64, positions=128
    )
    torch.manual_seed(7)
    model = Dmcl(DmclConfig(width=64, depth=2, image_size=64, max_tokens=128, text=text)).eval()
    folder = tmp_path_factory.mktemp("models") / "small"
    save_bundle(folder, model, tokenizer.to_str(), card="# Small untrained model\n", name="Small")
    ensure_onnx(folder)
    return folder


@pytest.fixture
def pictures() -> list[NDArray[np.uint8]]:
    """Five crops of different sizes, each with other smooth content."""
    import cv2

    rng = np.random.default_rng(3)
    sizes = [(50, 80), (120, 90), (64, 64), (33, 31), (200, 40)]
    coarse = [rng.integers(0, 256, (5, 5, 3)).astype(np.uint8) for _ in sizes]
    return [
        cv2.resize(c, (w, h), interpolation=cv2.INTER_LINEAR) for c, (h, w) in zip(coarse, sizes, strict=True)
    ]
