"""Prints how fast the program is, beside a peer, a limit and a goal; started by ``make bench``.

``python tests/benchmarks/run.py [--only NAME …] [--quick] [--json FILE]``. Each group of rows runs in a
process of its own, so that one group's libraries and threads don't slow another's down; within a group ours
and the peer are timed in turn. Poor figures are printed as they are.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from table import Row, row_from, show
from timing import ROOT, Size

GROUPS = {
    "bench_window": ("start", "player", "stalls"),
    "bench_library": ("library", "library-wide", "library-deep"),
    "bench_video": ("decode", "seek", "sample", "preprocess"),
    "bench_model": ("embed", "embed-resnet50", "embed-gpu", "text", "gradcam"),
    "bench_training": ("training-step",),
    "bench_drcl": ("drcl-step",),
    "bench_ranking": ("topk", "metrics"),
    "bench_search": ("search",),
    "bench_typing": ("search-typing",),
    "bench_fusion": ("query-text",),
    "bench_catalogue": ("catalogue", "match"),
}
NAMES = tuple(name for names in GROUPS.values() for name in names)
LIBRARIES = (
    "numpy",
    "opencv-python-headless",
    "av",
    "onnxruntime",
    "torch",
    "sqlalchemy",
    "PySide6-Essentials",
)
LONGEST_S = 600


def main() -> int:
    """Entry point: 1 where a row failed or a check was wrong; a missed goal is no failure."""
    chosen = _parser().parse_args()
    if chosen.inside:
        return _inside(chosen.inside, chosen.only, Size(chosen.quick), chosen.json)
    begin, before = time.monotonic(), _load()
    rows = [row for group, names in GROUPS.items() for row in _run(group, names, chosen.only, chosen.quick)]
    facts = machine() | {"load before": before, "seconds": round(time.monotonic() - begin)}
    if chosen.quick:
        facts["quick"] = "a smoke run: its times mean nothing"
    console = Console(width=None if sys.stdout.isatty() else 150)
    show(facts, rows, console)
    if chosen.json:
        document = {"machine": facts, "rows": [row.as_dict() for row in rows]}
        chosen.json.write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")
    failed = [row for row in rows if row.name == row.work or not all(row.checks.values())]
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=NAMES, default=[], help="only this row; repeatable"
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run whose times mean nothing")
    parser.add_argument("--json", type=Path, help="write everything to this file too")
    parser.add_argument("--inside", choices=GROUPS, help=argparse.SUPPRESS)
    return parser


def machine() -> dict[str, Any]:
    """What the figures were measured on and with."""
    return {
        "CPU": _cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "libraries": ", ".join(f"{name} {_version(name)}" for name in LIBRARIES),
        "commit": _commit(),
    }


def _run(group: str, names: tuple[str, ...], only: list[str], quick: bool) -> list[Row]:
    wanted = [name for name in names if not only or name in only]
    if not wanted:
        return []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.json"
        command = [sys.executable, str(Path(__file__)), "--inside", group, "--json", str(out)]
        command += [word for name in wanted for word in ("--only", name)] + ["--quick"] * quick
        env = os.environ | {"PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
        done = subprocess.run(
            command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=LONGEST_S, check=False
        )
        made = json.loads(out.read_text("utf-8")) if out.exists() else []
    rows = [row_from(one) for one in made]
    if done.returncode:
        left = ", ".join(name for name in wanted if not any(row.name == name for row in rows))
        rows.append(
            Row(name=group, work=group, skipped=f"ended with code {done.returncode}; without: {left}")
        )
    return rows


def _inside(group: str, wanted: list[str], size: Size, out: Path) -> int:
    benches = importlib.import_module(group).BENCHES
    rows: list[Row] = []
    for name in wanted:
        try:
            rows += benches[name](size)
        except Exception:  # noqa: BLE001 - the other rows still count
            traceback.print_exc()
            rows.append(Row(name=name, work=name, skipped=traceback.format_exc(limit=1).splitlines()[-1]))
        out.write_text(json.dumps([row.as_dict() for row in rows]), "utf-8")
    return 0


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        flags = next(line for line in lines if line.startswith("flags"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
    return f"{name} ({', '.join(flag for flag in ('avx2', 'avx512f', 'amx_tile') if f' {flag}' in flags)})"


def _load() -> str:
    """How busy the machine was already: figures taken beside other work are worth less."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
