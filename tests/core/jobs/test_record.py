"""Jobs on record: how they end, and what is said of those whose process was killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.catalog import queries
from core.catalog.engine import Catalog
from core.catalog.values import JobState
from core.errors import Cancelled, PolypTraceError
from core.jobs.record import close_lost_jobs, recorded
from core.paths import DataDir

_KILLED = """
import os, sys
from pathlib import Path
from core.catalog.engine import Catalog
from core.jobs.record import recorded
from core.paths import DataDir
with Catalog.open(DataDir(Path(sys.argv[1]))) as catalog, recorded(catalog, "index", author="a"):
    print("running", flush=True)
    sys.stdin.readline()
    os._exit(9)
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(DataDir(tmp_path / "data")) as opened:
        yield opened


def _run(catalog: Catalog, error: BaseException | None) -> None:
    with recorded(catalog, "import", {"files": 2}, author="a") as job:
        job.result = {"imported": 2}
        if error is not None:
            raise error


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (None, JobState.DONE, None),
        (Cancelled(), JobState.CANCELLED, None),
        (KeyboardInterrupt(), JobState.CANCELLED, None),
        (PolypTraceError("disk-full", "Full.", "Free."), JobState.FAILED, "disk-full"),
        (ZeroDivisionError("secret"), JobState.FAILED, "internal"),
    ],
)
def test_a_job_ends_as_its_block_does(
    catalog: Catalog, error: BaseException | None, state: JobState, code: str | None
) -> None:
    if error is None:
        _run(catalog, None)
    else:
        with pytest.raises(type(error)):
            _run(catalog, error)
    (job,) = queries.jobs(catalog)
    assert (job.kind, job.state) == ("import", state)
    assert job.detail.get("imported") == (2 if state is JobState.DONE else None)
    assert job.detail.get("error", {}).get("code") == code
    assert "secret" not in str(job.detail)
    assert close_lost_jobs(catalog, author="a") == []


def test_a_killed_job_is_called_lost_and_a_living_one_is_left_alone(catalog: Catalog) -> None:
    command = [sys.executable, "-c", _KILLED, str(catalog.data_dir.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "running\n"
        assert close_lost_jobs(catalog, author="a") == []
        assert [job.state for job in queries.jobs(catalog)] == [JobState.RUNNING]
        other.communicate("\n")
    _run(catalog, None)  # the next job finds it
    done, lost = queries.jobs(catalog)
    assert done.state is JobState.DONE
    assert lost.state is JobState.FAILED
    assert lost.detail["error"]["code"] == "job-lost"
    assert list(catalog.data_dir.jobs.iterdir()) in ([], [catalog.data_dir.jobs / "2.lock"])
