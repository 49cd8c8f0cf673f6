"""A generator that is killed outright: no half file under a final name, no orphan; the next run succeeds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.phantom.crops import write_crops

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from core.phantom.crops import write_crops
if __name__ == "__main__":
    write_crops(sys.argv[1], 2, 5, 48, 60, workers=2)
"""


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(word) for word in listed]


def _alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    pytest.fail(f"not within {seconds:g} s")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc to find the worker processes")
def test_a_kill_leaves_no_half_file_and_no_worker(tmp_path: Path) -> None:
    out, script = tmp_path / "set", tmp_path / "killed.py"
    script.write_text(SCRIPT, encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(script), str(out)], cwd=ROOT, env=_environment())
    try:
        _wait(lambda: any((out / ".draft").rglob("*.jpg")), 120)
        workers = _children(process.pid)
        assert len(workers) >= 2
    finally:
        process.kill()
        process.wait()
    assert [path.name for path in out.iterdir()] == [".draft"]
    _wait(lambda: not any(_alive(pid) for pid in workers), 30)
    manifest = write_crops(out, 1, 5, 48, 1, workers=1)
    assert sorted(path.name for path in out.iterdir()) == ["crops", "manifest.csv"]
    assert manifest.exists()


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
