"""What a worker's host tells about it and about the requests."""

from __future__ import annotations

from typing import Any

import msgspec

from core.errors import PolypTraceError
from core.progress import Progress


class WorkerStarted(msgspec.Struct, frozen=True):
    """The worker is there and speaks our language."""

    pid: int


class JobProgress(msgspec.Struct, frozen=True):
    """A request goes on."""

    id: int
    progress: Progress


class JobDone(msgspec.Struct, frozen=True):
    """A request is done."""

    id: int
    value: dict[str, Any]


class JobFailed(msgspec.Struct, frozen=True):
    """A request failed, in words."""

    id: int
    error: PolypTraceError


class JobCancelled(msgspec.Struct, frozen=True):
    """A request was cancelled."""

    id: int


class WorkerStalled(msgspec.Struct, frozen=True):
    """The worker has said nothing for so many seconds, though a request runs."""

    id: int
    seconds: float


class WorkerLog(msgspec.Struct, frozen=True):
    """A line for the log; ``level`` is ``info``, ``warning`` or ``error``."""

    level: str
    text: str


Event = WorkerStarted | JobProgress | JobDone | JobFailed | JobCancelled | WorkerStalled | WorkerLog
