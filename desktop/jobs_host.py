"""The window's end of the workers: asks them, hears them on the UI thread, lists what is going on."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal

from core.errors import PolypTraceError
from core.progress import Progress

if TYPE_CHECKING:
    from core.jobs.host import WorkerHost

INFERENCE, MEDIA, PICTURES, TRAINING = "inference", "media", "pictures", "training"
_PROGRAMS = {
    INFERENCE: (INFERENCE, "core.jobs.inference_worker"),
    MEDIA: (MEDIA, "core.jobs.media_worker"),
    PICTURES: (MEDIA, "core.jobs.media_worker"),
    TRAINING: (TRAINING, "core.jobs.training_worker"),
}
"""By name: the kind of worker, and its program. Pictures have a process of their own: they don't wait until a
long video has been read."""
_LIMITS: dict[str, dict[str, Any]] = {TRAINING: {"grace_s": 20.0, "stall_s": 180.0}}
"""A training's step and checkpoint take longer than what other workers do, at low priority most of all."""


class Job(QObject):
    """One request to a worker, as the window sees it. Exactly one of the three ends is told."""

    progressed = Signal(object)
    done = Signal(object)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(self, kind: str, title: str, parent: QObject) -> None:
        super().__init__(parent)
        self.kind, self.title = kind, title
        self.progress = Progress(title, 0)
        self.quiet = False
        self._cancel: Callable[[], None] = lambda: None

    def cancel(self) -> None:
        """Asks the worker to stop; ``cancelled`` tells when it has."""
        self._cancel()


class Workers(QObject):
    """One process a name, started when it is needed first and again after it died."""

    changed = Signal()
    """Something began, went on or ended."""
    noticed = Signal(object)
    """A worker did something that the user should hear of: a ``PolypTraceError`` that belongs to no job."""
    _event = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hosts: dict[str, tuple[int, WorkerHost]] = {}
        self._ending: list[WorkerHost] = []
        self._jobs: dict[tuple[int, int], Job] = {}
        # Each host counts its requests from 1: one that was released must not end a job of the next one.
        self._serials = itertools.count()
        self._closed = False
        self._event.connect(self._hear, Qt.ConnectionType.QueuedConnection)

    @property
    def active(self) -> list[Job]:
        """What is going on, oldest first, without what runs unseen."""
        return [job for job in self._jobs.values() if not job.quiet]

    def ask(
        self,
        kind: str,
        name: str,
        params: dict[str, Any],
        title: str,
        then: Callable[[dict[str, Any]], None] | None = None,
        failed: Callable[[PolypTraceError], None] | None = None,
        *,
        quiet: bool = False,
    ) -> Job:
        """Sends a request.

        Args:
            kind: :data:`INFERENCE`, :data:`MEDIA`, :data:`PICTURES` or :data:`TRAINING`.
            name, params: what is asked for.
            title: for people, in the status bar.
            then, failed: hear the end; an error without ``failed`` becomes a notice.
            quiet: small work that needn't be listed.
        """
        job = Job(kind, title, self)
        job.quiet = quiet
        if then is not None:
            job.done.connect(then)
        job.failed.connect(failed or self.noticed.emit)
        if self._closed:
            return job  # asked by an answer that was on its way when the window closed
        serial, host = self._host(kind)
        number = host.submit(name, params)
        self._jobs[serial, number] = job
        job._cancel = lambda: host.cancel(number)
        self.changed.emit()
        return job

    def release(self, kind: str) -> None:
        """Ends a process without waiting for it; the next request of its kind starts another one."""
        _, host = self._hosts.pop(kind, (0, None))
        if host is not None:
            host.begin_close()
            self._ending = [one for one in self._ending if one.running] + [host]

    def shutdown(self) -> None:
        """Ends the processes; what was going on is cancelled, and what is asked for now never starts."""
        self._closed = True
        hosts = [*(host for _, host in self._hosts.values()), *self._ending]
        for host in hosts:
            host.begin_close()
        for host in hosts:
            host.close()
        self._hosts.clear()
        self._ending.clear()
        self._jobs.clear()

    def _host(self, kind: str) -> tuple[int, WorkerHost]:
        if kind not in self._hosts:
            from core.jobs.host import WorkerHost

            serial = next(self._serials)

            def tell(event: object) -> None:
                self._event.emit((serial, event))

            spoken, module = _PROGRAMS[kind]
            command, limits = [sys.executable, "-m", module], _LIMITS.get(kind, {})
            self._hosts[kind] = serial, WorkerHost(command, spoken, tell, **limits)
        return self._hosts[kind]

    def _hear(self, told: tuple[int, Any]) -> None:
        from core.jobs import events

        serial, event = told
        job = self._jobs.get((serial, getattr(event, "id", -1)))
        if job is None:
            return
        if isinstance(event, events.JobProgress):
            job.progress = event.progress
            job.progressed.emit(event.progress)
        elif isinstance(event, events.WorkerStalled):
            job.progress = Progress("no sign of life", 0, None, f"for {event.seconds:.0f} s")
            job.progressed.emit(job.progress)
        elif isinstance(event, events.JobDone | events.JobFailed | events.JobCancelled):
            self._end(serial, event, job)
        self.changed.emit()

    def _end(self, serial: int, event: Any, job: Job) -> None:
        from core.jobs import events

        del self._jobs[serial, event.id]
        if isinstance(event, events.JobDone):
            job.done.emit(event.value)
        elif isinstance(event, events.JobFailed):
            job.failed.emit(event.error)
        else:
            job.cancelled.emit()
        job.deleteLater()
