"""A tiny training world: lesions that differ in colour and pattern, seen in two exams, with a text each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from core.data.augment import NONE
from core.data.batches import ModalityDropout
from core.data.manifest import Row, write_manifest
from core.domain import Box
from core.models.config import BertSettings, DmclConfig
from core.progress import Progress
from core.training.config import TrainConfig
from core.training.dmcl import TrainResult, train_dmcl

COLOURS = ("red", "pale", "brown", "white", "mixed")
_MODEL = DmclConfig(
    width=64,
    depth=2,
    image_size=32,
    max_tokens=32,
    text=BertSettings(vocab_size=200, hidden=32, layers=1, heads=2, intermediate=64, positions=32),
)
_CONFIG = TrainConfig(
    model=_MODEL,
    identities=3,
    pictures=2,
    steps=3,
    optimiser="adamw",
    lr_backbone=1e-3,
    lr_head=1e-3,
    augmentation=NONE,
    modality_dropout=ModalityDropout(no_image=0.1, no_text=0.3, thin_text=0.0),
    validate_every=2,
)


def _picture(lesion: int, rng: np.random.Generator) -> np.ndarray:
    """(40, 40, 3) uint8: stripes whose direction, width and colour belong to the lesion."""
    y, x = np.mgrid[:40, :40]
    angle = lesion * 0.7
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) / (1.5 + lesion % 3))
    colour = np.random.default_rng(lesion).integers(60, 220, 3)
    noisy = colour + 30 * wave[..., None] + rng.normal(0, 6, (40, 40, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _lesion_rows(folder: Path, lesions: int, split: str, first: int = 0) -> list[Row]:
    """Two exams of three pictures a lesion; two lesions a patient."""
    rng, rows = np.random.default_rng(first), []
    for lesion in range(first, first + lesions):
        for exam in (1, 2):
            text = f"A polyp of {3 + lesion} mm. Colour {COLOURS[(lesion + exam) % 5]}. White light."
            for number in range(3):
                path = folder / f"{lesion}-{exam}-{number}.png"
                cv2.imwrite(str(path), _picture(lesion, rng)[..., ::-1])
                rows.append(
                    Row(
                        f"c{lesion}-{exam}",
                        path,
                        None,
                        f"p{lesion // 2}",
                        f"l{lesion}",
                        exam,
                        split,
                        text,
                        Box(4, 4, 32, 32),
                    )
                )
    return rows


@pytest.fixture
def config() -> TrainConfig:
    """A network and a run that take a second or two."""
    return _CONFIG


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Six lesions of three patients to learn from, four lesions of two others to validate on."""
    return _world(tmp_path / "data")


def _world(folder: Path) -> Path:
    folder.mkdir()
    rows = [*_lesion_rows(folder, 6, "train"), *_lesion_rows(folder, 4, "val", first=6)]
    return write_manifest(folder / "manifest.csv", rows)


class FirstRun(msgspec.Struct):
    """A finished run of three steps, and what it told."""

    manifest: Path
    result: TrainResult
    events: list[dict[str, Any]]
    told: list[Progress]


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """Trained once; tests may look at it but not change it."""
    root = tmp_path_factory.mktemp("first")
    manifest = _world(root / "data")
    events: list[dict[str, Any]] = []
    told: list[Progress] = []
    result = train_dmcl(
        manifest, root / "runs/first", _CONFIG, device="cpu", on_step=events.append, progress=told.append
    )
    return FirstRun(manifest, result, events, told)


@pytest.fixture
def changed(manifest: Path) -> Callable[[Callable[[Row], Row | None]], Path]:
    """Rewrites the manifest row by row; None drops a row."""

    def rewrite(change: Callable[[Row], Row | None]) -> Path:
        from core.data.manifest import read_manifest

        rows = [row for row in map(change, read_manifest(manifest).rows) if row is not None]
        return write_manifest(manifest, rows)

    return rewrite
