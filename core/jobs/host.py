"""Keeps a worker process: starts it, asks it, cancels, notices when it hangs or dies, ends it. No Qt.

All of the state belongs to one thread. What happens elsewhere (a call, a line of the worker) reaches it
through a queue, so nothing here needs a lock but the queue's two ends.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from core.errors import PolypTraceError
from core.jobs.events import (
    Event,
    JobCancelled,
    JobDone,
    JobFailed,
    JobProgress,
    WorkerLog,
    WorkerStalled,
    WorkerStarted,
)
from core.jobs.faults import OUT_OF_MEMORY, ended, misfit, not_started, silent, unsayable
from core.jobs.process import WorkerProcess
from core.jobs.protocol import (
    VERSION,
    Bye,
    Cancel,
    Failure,
    FromWorker,
    Hello,
    LogLine,
    ProgressNote,
    ProtocolError,
    Request,
    Result,
    Stopped,
    decode_from_worker,
    encode,
)

__all__ = [
    "Event",
    "JobCancelled",
    "JobDone",
    "JobFailed",
    "JobProgress",
    "WorkerHost",
    "WorkerLog",
    "WorkerStalled",
    "WorkerStarted",
]
_GARBAGE_SHOWN = 200
_log = logging.getLogger(__name__)


class WorkerHost:
    """A worker that starts with the first request, and again with the next one after it died.

    Each request ends with exactly one of ``JobDone``, ``JobFailed`` and ``JobCancelled``. A worker whose
    memory ran out is replaced, so that what it held is given back.

    Args:
        command: starts the worker, e.g. ``[sys.executable, "-m", "core.jobs.media_worker"]``.
        kind: what it has to say it is for.
        on_event: hears all events in their order, on the host's own thread. It may call :meth:`submit` and
            :meth:`cancel`, not :meth:`close`.
        hello_s: how long its hello may take.
        grace_s: how long it may take to leave off when asked; then it is killed.
        stall_s: after so many silent seconds of a running request, and each time again, the host says so.
        env: the worker's environment; None = ours.
    """

    def __init__(
        self,
        command: Sequence[str],
        kind: str,
        on_event: Callable[[Event], None],
        *,
        hello_s: float = 20.0,
        grace_s: float = 3.0,
        stall_s: float = 30.0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._command, self._kind, self._on_event, self._env = tuple(command), kind, on_event, env
        self._hello_s, self._grace_s, self._stall_s = hello_s, grace_s, stall_s
        self._numbers = itertools.count(1)
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._calling = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._unanswered: set[int] = set()
        # From here on only the host's thread writes.
        self._process: WorkerProcess | None = None
        self._ready = False
        self._pending: dict[int, bytes] = {}
        """Requests without an answer, oldest first: the first one runs, the others wait in the worker."""
        self._kill_at: dict[int, float] = {}
        self._hello_by = 0.0
        self._heard = 0.0
        self._stalls = 0
        self._over = False

    @property
    def running(self) -> bool:
        """Whether the worker's process is there."""
        return self._process is not None

    @property
    def busy(self) -> bool:
        """Whether a request is without an answer."""
        return bool(self._unanswered)

    def submit(self, name: str, params: Mapping[str, Any]) -> int:
        """Asks for something and returns the request's id at once.

        Raises:
            PolypTraceError: ``worker-closed`` after :meth:`close`.
        """
        with self._calling:
            if self._closed:
                raise PolypTraceError("worker-closed", f"The {self._kind} process was closed.")
            number = next(self._numbers)
            self._unanswered.add(number)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"{self._kind} host", daemon=True)
                self._thread.start()
            self._inbox.put(partial(self._take, Request(number, name, dict(params))))
            return number

    def cancel(self, number: int) -> None:
        """Asks to leave off a request; one that has ended is left as it is."""
        self._inbox.put(partial(self._ask_to_stop, number))

    def begin_close(self) -> None:
        """Says goodbye and doesn't wait: several workers end side by side. May be called twice."""
        with self._calling:
            if not self._closed:
                self._closed = True
                self._inbox.put(self._shut)

    def close(self) -> None:
        """Says goodbye, waits for the grace period, kills; returns when process and threads are gone.

        What is without an answer is told as cancelled. May be called twice.
        """
        self.begin_close()
        with self._calling:
            thread = self._thread
        if thread is not None:
            thread.join()

    # The host's thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._over:
            with suppress(queue.Empty):
                self._inbox.get(timeout=self._patience())()
            self._look_at_the_clock()

    def _patience(self) -> float | None:
        """Seconds until something is due; None for nothing."""
        due = list(self._kill_at.values())
        if self._process is not None and not self._ready:
            due.append(self._hello_by)
        elif self._process is not None and self._pending:
            due.append(self._stalled_at)
        return max(0.0, min(due) - time.monotonic()) if due else None

    @property
    def _stalled_at(self) -> float:
        return self._heard + (self._stalls + 1) * self._stall_s

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        for number, at in list(self._kill_at.items()):
            if now >= at and number in self._pending:
                self._stop_firmly(number)
        if self._process is None:
            return
        if not self._ready and now >= self._hello_by:
            self._give_up(silent(self._kind, self._hello_s))
        elif self._ready and self._pending and now >= self._stalled_at:
            self._stalls += 1
            self._tell(WorkerStalled(self._runs, now - self._heard))

    @property
    def _runs(self) -> int:
        return next(iter(self._pending))

    def _take(self, request: Request) -> None:
        try:
            line = encode(request)
        except ProtocolError:
            self._pending[request.id] = b""
            self._finish(JobFailed(request.id, unsayable()))
            return
        if not self._pending:
            self._listen_anew()
        self._pending[request.id] = line
        if self._process is None:
            self._start()
        elif self._ready:
            self._process.send(line)

    def _start(self) -> None:
        self._ready = False
        self._hello_by = time.monotonic() + self._hello_s
        try:
            self._process = WorkerProcess(
                self._command,
                self._kind,
                self._env,
                lambda process, line: self._inbox.put(partial(self._hear, process, line)),
                lambda process: self._inbox.put(partial(self._notice_end, process)),
            )
        except OSError as error:
            self._fail_all(not_started(self._kind, error))

    def _ask_to_stop(self, number: int) -> None:
        if number not in self._pending or number in self._kill_at:
            return
        if self._process is None or not self._ready:
            self._finish(JobCancelled(number))  # the worker never heard of it
            return
        self._process.send(encode(Cancel(number)))
        self._kill_at[number] = time.monotonic() + self._grace_s

    def _stop_firmly(self, number: int) -> None:
        """The grace is over. Only the request that runs needs the axe: the others' answers are ignored."""
        runs = number == self._runs
        self._finish(JobCancelled(number))
        if runs:
            self._replace()

    def _hear(self, process: WorkerProcess, line: bytes) -> None:
        if process is not self._process:
            return
        try:
            message = decode_from_worker(line)
        except ProtocolError:
            shown = line[:_GARBAGE_SHOWN].decode("utf-8", "replace").strip()
            self._tell(WorkerLog("warning", f"no message: {shown}"))
            return
        self._listen_anew()
        self._heed(message)

    def _heed(self, message: FromWorker) -> None:
        match message:
            case Hello():
                self._greet(message)
            case LogLine():
                self._tell(WorkerLog(message.level, message.text))
            case ProgressNote():
                if message.id in self._pending:
                    self._tell(JobProgress(message.id, message.progress))
            case Result():
                self._finish(JobDone(message.id, message.value))
            case Stopped():
                self._finish(JobCancelled(message.id))
            case Failure():
                self._finish(JobFailed(message.id, message.error))
                if message.code == OUT_OF_MEMORY:
                    self._replace()

    def _greet(self, hello: Hello) -> None:
        assert self._process is not None
        if (hello.version, hello.kind) != (VERSION, self._kind):
            self._give_up(misfit(self._kind, hello))
            return
        self._ready = True
        self._tell(WorkerStarted(hello.pid))
        for line in self._pending.values():
            self._process.send(line)

    def _finish(self, event: JobDone | JobFailed | JobCancelled) -> None:
        if event.id not in self._pending:
            return  # ended here before: the worker's answer came too late
        del self._pending[event.id]
        self._kill_at.pop(event.id, None)
        self._listen_anew()
        self._unanswered.discard(event.id)
        self._tell(event)

    def _fail_all(self, error: PolypTraceError) -> None:
        self._let_go_of_cancelled()
        for number in list(self._pending):
            self._finish(JobFailed(number, error))

    def _let_go_of_cancelled(self) -> None:
        """The worker that was asked to leave these off is gone: they are left off."""
        for number in list(self._kill_at):
            self._finish(JobCancelled(number))

    def _listen_anew(self) -> None:
        self._heard, self._stalls = time.monotonic(), 0

    def _give_up(self, error: PolypTraceError) -> None:
        """The worker is of no use: it goes, and so does all that was asked of it."""
        self._drop()
        self._tell(WorkerLog("error", error.message))
        self._fail_all(error)

    def _replace(self) -> None:
        """Another worker for what is still to be done; without that, the next request starts one."""
        self._drop()
        self._let_go_of_cancelled()
        if self._pending:
            self._start()

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def _notice_end(self, process: WorkerProcess) -> None:
        if process is not self._process:
            return  # killed by us
        self._process = None
        error = ended(self._kind, process.end(self._grace_s))
        self._tell(WorkerLog("error", f"{error.message} {process.last_words}".strip()))
        self._fail_all(error)

    def _shut(self) -> None:
        process, self._process = self._process, None
        if process is not None and self._ready:
            process.send(encode(Bye()))
            process.end(self._grace_s)
        elif process is not None:
            process.kill()
        for number in list(self._pending):
            self._finish(JobCancelled(number))
        self._over = True

    def _tell(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001 - a listener's mistake must not end the host
            _log.exception("a listener of the %s process failed", self._kind)
