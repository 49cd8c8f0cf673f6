"""Real kills: after SIGKILL at any point each operation is there whole, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NURSERY = Path(__file__).with_name("nursery.py")
ROOT = NURSERY.parents[3]
POINTS, TIMED = (0, 60) if os.environ.get("POLYPTRACE_FAULTS") == "all" else (50, 4)
"""``POLYPTRACE_FAULTS=all`` kills at every point; that takes minutes."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: a kill leaves the same there, and nobody waits for a disk."""
    memory = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    yield made
    shutil.rmtree(made)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are sent to forked children, which need POSIX")
def test_after_a_kill_every_write_and_its_vectors_are_whole_or_absent(folder: Path) -> None:
    arguments = [str(folder), str(POINTS), "20240229", str(TIMED)]
    done = subprocess.run(
        [sys.executable, str(NURSERY), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        timeout=3600 if POINTS == 0 else 300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["faults"] == []
    assert report["kills"] >= min(POINTS or report["calls"], 20)
    assert len(set(report["reached"])) > 8, "the kills must fall into many different operations"
