"""The benchmarks run, ours and the peer agree, and the table says so. Times are never asserted."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

RUN = Path(__file__).with_name("run.py")
ROWS = {
    *("start", "start-import", "player-step", "player-jump", "stalls"),
    *("library", "library-wide", "library-deep"),
    *("decode", "seek", "seek-time", "sample", "preprocess"),
    *("embed", "embed-resnet50", "embed-gpu", "text", "text-again", "gradcam", "gradcam-pair"),
    "training-step",
    *(
        "topk",
        "topk-64",
        "metrics",
        "search",
        "search-typing",
        "query-text",
        "rerank",
        "catalogue",
        "catalogue-open",
        "catalogue-scan",
        "match",
    ),
}
MAY_BE_SKIPPED = {"embed-gpu", "embed-resnet50"}
if sys.platform != "linux":
    MAY_BE_SKIPPED.add("start")
if not shutil.which("Xvfb") or not shutil.which("xdotool"):
    MAY_BE_SKIPPED.add("stalls")


@pytest.fixture(scope="module")
def table() -> ModuleType:
    """The module that prints; a script's neighbour, not part of a package."""
    spec = importlib.util.spec_from_file_location("bench_table", RUN.with_name("table.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What the smoke run of everything printed, and its JSON."""
    out = tmp_path_factory.mktemp("bench") / "bench.json"
    command = [sys.executable, str(RUN), "--quick", "--json", str(out)]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=1200, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout, json.loads(out.read_text("utf-8"))


@pytest.mark.slow
def test_every_row_is_there_and_right(ran: tuple[str, dict[str, Any]]) -> None:
    printed, document = ran
    rows = {row["name"]: row for row in document["rows"]}
    assert set(rows) >= ROWS - MAY_BE_SKIPPED
    for name, row in rows.items():
        assert name in printed
        if row["skipped"]:
            assert name in MAY_BE_SKIPPED, row["skipped"]
            continue
        assert row["ours"]["value"] >= 0
        assert row["goals"] or row["peer"]
        assert all(row["checks"].values()), (name, row["checks"])
    assert rows["seek"]["ours"]["value"] == 0
    assert rows["seek"]["goals"][0]["met"] is True


@pytest.mark.slow
def test_the_machine_stands_on_top(ran: tuple[str, dict[str, Any]]) -> None:
    printed, document = ran
    facts = document["machine"]
    assert {"CPU", "cores", "system", "libraries", "commit", "load before", "quick"} <= set(facts)
    assert "onnxruntime" in facts["libraries"]
    assert printed.index(facts["commit"]) < printed.index("goals")


def test_a_missed_goal_and_a_fault_are_said(table: ModuleType) -> None:
    row = table.Row(
        name="slow",
        work="a slow thing",
        ours=table.Figure(12.34, "ms"),
        goals=(table.Goal("peer / ours", 0.5, 2.0, least=True), table.Goal("ours / limit", 1.0, 1.1)),
        checks={"same answer": False},
    )
    console = Console(width=200)
    with console.capture() as shown:
        table.show({"CPU": "one"}, [row], console)
    said = shown.get()
    assert said.count("misses its goal") == 1
    assert "FAULT: same answer" in said
    assert "12.3 ms" in said
    assert [goal["met"] for goal in row.as_dict()["goals"]] == [False, True]
    assert table.row_from(row.as_dict()) == row


def test_a_row_that_fails_is_told_and_fails_the_run(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import run;"
        "run.GROUPS = {'no_such_group': ('topk',)}; sys.exit(run.main())"
    )
    command = [
        sys.executable,
        "-c",
        program,
        str(RUN.parent),
        "--quick",
        "--only",
        "topk",
        "--json",
        str(out),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    (row,) = json.loads(out.read_text("utf-8"))["rows"]
    assert "without: topk" in row["skipped"]
