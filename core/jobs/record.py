"""Long work on record: a row of the catalogue says what ran and how it ended, whatever ends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.catalog.values import JobState
from core.errors import Cancelled, PolypTraceError, internal_fault


class RunningJob:
    """A job while it runs; what is put into ``result`` is kept with it."""

    def __init__(self, job_id: int) -> None:
        self.id = job_id
        self.result: dict[str, Any] = {}


@contextmanager
def recorded(
    catalog: Catalog, kind: str, detail: Mapping[str, Any] | None = None, *, author: str
) -> Iterator[RunningJob]:
    """Runs the block as a job of the catalogue: done, failed or cancelled, as the block ends.

    A lock file shows that the job's process lives; the operating system lets go of it when the process is
    killed, so that the next job finds what was left running and says so.

    Args:
        kind: what is done, e.g. ``import``.
        detail: facts for the row: numbers and codes, no paths and no names.
        author: who does it.
    """
    close_lost_jobs(catalog, author=author)
    job_id = operations.create_job(catalog, kind, detail, author=author).subject
    assert job_id is not None
    job = RunningJob(job_id)
    lock = _lock(catalog, job_id)
    with lock:
        operations.start_job(catalog, job_id, author=author)
        try:
            yield job
        except (Cancelled, KeyboardInterrupt):
            operations.cancel_job(catalog, job_id, author=author)
            raise
        except PolypTraceError as error:
            operations.fail_job(catalog, job_id, error, author=author)
            raise
        except Exception as error:
            operations.fail_job(catalog, job_id, internal_fault(error), author=author)
            raise
        operations.finish_job(catalog, job_id, job.result, author=author)
    _forget(lock)


def close_lost_jobs(catalog: Catalog, *, author: str) -> list[int]:
    """Ends jobs that were running when their process was killed; returns their ids."""
    lost = []
    for job in queries.jobs(catalog, JobState.RUNNING):
        lock = _lock(catalog, job.id)
        try:
            with lock.acquire(blocking=False):
                error = PolypTraceError("job-lost", "The program ended while this ran.", "Start it again.")
                operations.fail_job(catalog, job.id, error, author=author)
        except Timeout:
            continue  # its process lives
        lost.append(job.id)
        _forget(lock)
    return lost


def _lock(catalog: Catalog, job_id: int) -> FileLock:
    folder = catalog.data_dir.jobs
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{job_id}.lock")


def _forget(lock: FileLock) -> None:
    """Takes the lock's file away; where that can't be done now, an empty file stays."""
    with suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)
