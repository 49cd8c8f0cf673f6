"""A common space learnt from invented findings in seconds, and the main job's small catalogue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.inference.embedder import Embedder
from core.inference.space import SpaceReader
from core.phantom.report_writer import old_report
from core.search.codes import codes_of
from core.search.features import Words
from core.search.samples import Findings, Seen, Told, search_data
from core.search.vectors import WordSpace
from core.text.sampling import random_description
from core.training.drcl.config import DrclSettings
from core.training.drcl.run import train_drcl

from ..matching.conftest import embedder as embedder
from ..matching.conftest import filed as filed
from ..matching.conftest import films as films


def invented(count: int, dim: int, seed: int) -> Findings:
    """Findings whose pictures say a little of their kind."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1).normal(size=(20, dim)).astype(np.float32)
    seen, told = [], []
    for _ in range(count):
        values = random_description(rng)
        words = Words.of_description(values)
        place = hash_of(words.codes.get("paris", ("",))[0]) % len(centres)
        frames = centres[place] + rng.normal(size=(2, dim)).astype(np.float32)
        seen.append(Seen(words, frames / np.linalg.norm(frames, axis=1, keepdims=True)))
        report = old_report(values, rng)
        told.append(Told(Words.of_text(report.text), codes_of(report.said)))
    return Findings(seen, told)


def hash_of(word: str) -> int:
    return sum(map(ord, word))


@pytest.fixture(scope="session")
def space(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> WordSpace:
    """Learnt from 300 findings; the embedder of the catalogue's tests embeds its pictures."""
    parts = {"train": invented(300, embedder.dim, 0), "val": invented(60, embedder.dim, 1)}
    made = search_data(parts, "fields")
    settings = DrclSettings(width=64, dim=32, epochs=25, batch=64, rate=3e-3)
    run: Path = tmp_path_factory.mktemp("space") / "run"
    done = train_drcl(made.data, run, settings, "cpu", inputs=made.inputs(embedder.model_id))
    return WordSpace(SpaceReader.open(done.bundle))
