"""Writes: long work and how it went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select, update

from core.catalog import audit, rows
from core.catalog.changes import CatalogChanges, Created, ids
from core.catalog.engine import Catalog
from core.catalog.schema import JobRow
from core.catalog.types import now
from core.catalog.values import JobState
from core.errors import PolypTraceError

_OPEN = frozenset({JobState.QUEUED, JobState.RUNNING})
_FROM: dict[JobState, frozenset[JobState]] = {
    JobState.RUNNING: _OPEN,
    JobState.DONE: frozenset({JobState.RUNNING}),
    JobState.FAILED: _OPEN,
    JobState.CANCELLED: _OPEN,
}
"""From which states a state can be reached; a job that has ended stays as it is."""


def create_job(
    catalog: Catalog, kind: str, detail: Mapping[str, Any] | None = None, *, author: str
) -> CatalogChanges:
    """Queues a job; ``detail`` is what its kind needs to know."""
    at = now()
    row = {"kind": kind, "state": JobState.QUEUED.value, "detail": dict(detail or {})}
    new = insert(JobRow).values(**row, created_at=at, updated_at=at).returning(JobRow.id)
    with catalog.write() as connection:
        job_id = connection.execute(new).scalar_one()
        audit.note(connection, author, "add-job", f"job {job_id}", after={"kind": kind})
    return CatalogChanges("add job", subject=job_id, created=Created(jobs=ids(job_id)), jobs=ids(job_id))


def start_job(catalog: Catalog, job_id: int, *, author: str) -> CatalogChanges:
    """A queued job runs.

    Raises:
        PolypTraceError: ``job-unknown``, ``job-state``.
    """
    return _put(catalog, job_id, JobState.RUNNING, None, author)


def note_job(catalog: Catalog, job_id: int, detail: Mapping[str, Any], *, author: str) -> CatalogChanges:
    """Writes keys into a running or queued job's detail.

    Raises:
        PolypTraceError: ``job-unknown``, ``job-state``.
    """
    return _put(catalog, job_id, None, detail, author)


def finish_job(
    catalog: Catalog, job_id: int, detail: Mapping[str, Any] | None = None, *, author: str
) -> CatalogChanges:
    """A running job is done; ``detail`` is added to what is known of it.

    Raises:
        PolypTraceError: ``job-unknown``, ``job-state``.
    """
    return _put(catalog, job_id, JobState.DONE, detail, author)


def fail_job(catalog: Catalog, job_id: int, error: PolypTraceError, *, author: str) -> CatalogChanges:
    """A job failed; the sentence is kept as ``detail["error"]``.

    Raises:
        PolypTraceError: ``job-unknown``, ``job-state``.
    """
    return _put(catalog, job_id, JobState.FAILED, {"error": error.as_dict()}, author)


def cancel_job(catalog: Catalog, job_id: int, *, author: str) -> CatalogChanges:
    """A job was cancelled by the user.

    Raises:
        PolypTraceError: ``job-unknown``, ``job-state``.
    """
    return _put(catalog, job_id, JobState.CANCELLED, None, author)


def _put(
    catalog: Catalog, job_id: int, state: JobState | None, detail: Mapping[str, Any] | None, author: str
) -> CatalogChanges:
    label = f"{state or 'note'} job"
    with catalog.write() as connection:
        row = connection.execute(select(JobRow.state, JobRow.detail).where(JobRow.id == job_id)).first()
        if row is None:
            raise rows.unknown("job", job_id)
        before = JobState(row.state)
        grown = {**row.detail, **(detail or {})}
        if state in (None, before) and grown == row.detail:
            return CatalogChanges(label, subject=job_id)
        if before not in (_OPEN if state is None else _FROM[state]):
            raise _ended(job_id, before)
        new = {"state": (state or before).value, "detail": grown, "updated_at": now()}
        connection.execute(update(JobRow).where(JobRow.id == job_id).values(new))
        if state is not None and state is not before:
            change = {"before": {"state": before.value}, "after": {"state": state.value}}
            audit.note(connection, author, "job-state", f"job {job_id}", **change)
    return CatalogChanges(label, subject=job_id, jobs=ids(job_id))


def _ended(job_id: int, state: JobState) -> PolypTraceError:
    return PolypTraceError(
        "job-state", f"Job {job_id} is {state}, so this can't happen to it.", "Start a new job instead."
    )
