"""``polyptrace phantom --benchmark`` as a user types it, on a benchmark of two patients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from core.cli.app import app
from core.phantom import benchmark
from core.phantom.benchmark import Rendering, load_spec

TINY = msgspec.structs.replace(
    load_spec(),
    seed=7,
    patients=2,
    val=0,
    test=1,
    habits=msgspec.structs.replace(load_spec().habits, lesions=(1.0,), three_exams=0.0),
    rendering=Rendering(48, 1, 0.7, 2, 0.1, 2),
    plan_sha256="",
    manifest_sha256={"crops": "0" * 64},
    samples=(),
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "load_spec", lambda: TINY)


def _run(*words: object) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["phantom", "--benchmark", "--workers", "1", "--json", *map(str, words)])
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.usefixtures("small")
def test_the_published_instance_needs_no_seed(tmp_path: Path) -> None:
    said = _run("--out", tmp_path / "set")
    assert said["benchmark"]["seed"] == 7
    assert said["benchmark"]["published"] is None  # no sample is there to compare with
    assert said["benchmark"]["identical"] is False  # the hash above is nobody's
    assert any("rounding" in text for text in said["warnings"])
    assert said["parts"] == {"train": 1, "val": 0, "test": 1}
    assert Path(said["manifest"]).exists()
    assert _run("--out", tmp_path / "set")["rendered"] is False


@pytest.mark.usefixtures("small")
def test_a_seed_of_one_s_own_says_that_it_is_not_the_published_one(tmp_path: Path) -> None:
    said = _run("--out", tmp_path / "set", "--seed", 9)
    assert said["benchmark"]["seed"] == 9
    assert said["benchmark"]["published"] is False
    assert said["benchmark"]["identical"] is None
    assert any("not the published benchmark (seed 7)" in text for text in said["warnings"])
