"""What the catalogue knows beside the words of the field in :mod:`core.domain`."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec


class ModelState(StrEnum):
    """Where a model version stands. Exactly one may be active."""

    ACTIVE = "active"
    CANDIDATE = "candidate"
    RETIRED = "retired"


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ModelVersion(msgspec.Struct, frozen=True):
    """A model bundle that this catalogue knows; ``dim`` is the width of its vectors."""

    model_id: str
    folder: str
    kind: str
    dim: int
    state: ModelState
    metrics: dict[str, Any]
    added_at: dt.datetime


class Job(msgspec.Struct, frozen=True):
    """Long work and how it went; ``detail`` belongs to the kind of job."""

    id: int
    kind: str
    state: JobState
    detail: dict[str, Any]
    created_at: dt.datetime
    updated_at: dt.datetime


class AuditEvent(msgspec.Struct, frozen=True):
    """Who did what to which row, and what stood there before and after."""

    id: int
    at: dt.datetime
    actor: str
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
