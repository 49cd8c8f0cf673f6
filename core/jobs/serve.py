"""The loop that a worker process runs: reads requests, does one after another, answers each exactly once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from core.errors import Cancelled, PolypTraceError
from core.jobs.faults import failure_of, trace_of
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
    decode_to_worker,
    encode,
)
from core.progress import CancelToken, Progress, ProgressSink

Handler = Callable[[dict[str, Any], ProgressSink, CancelToken], dict[str, Any]]
"""What does a request: its parameters in, the value of its result out."""

END_S = 2.0
"""How long a request may still run after the program went away, in seconds, where the worker says nothing."""
PROGRESS_EVERY_S = 0.05
"""Steps of one stage that follow each other faster are not told."""


def serve(kind: str, handlers: Mapping[str, Handler], end_s: float = END_S) -> None:
    """Answers requests on stdin until the program says goodbye or is gone.

    For the main thread of a process of its own: stdin and stdout belong to the protocol from here on.

    Args:
        kind: what the worker is for, e.g. ``inference``; the program checks it.
        handlers: by name of the request.
        end_s: how long a request may still run after the program went away, in seconds.
    """
    # Ctrl+C in a terminal reaches every process of it; the program alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    taken, given = _own_pipes()
    _Loop(handlers, given, end_s).run(kind, taken)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Takes stdin and stdout away from everybody else: what a library prints goes to stderr."""
    taken, given = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return taken, given


class _Loop:
    """The state that the main thread and the thread that reads share."""

    def __init__(self, handlers: Mapping[str, Handler], given: BinaryIO, end_s: float) -> None:
        self._handlers, self._end_s = handlers, end_s
        self._given = given
        self._speaking = threading.Lock()
        self._state = threading.Condition()
        self._waiting: deque[Request] = deque()
        self._running: tuple[int, CancelToken] | None = None
        self._ended = False

    def run(self, kind: str, taken: BinaryIO) -> None:
        """Says hello, then works until the end."""
        self._say(Hello(VERSION, kind, os.getpid()))
        threading.Thread(target=self._read, args=(taken,), name="requests", daemon=True).start()
        while (step := self._next()) is not None:
            self._answer(*step)

    def _say(self, message: FromWorker) -> None:
        line = encode(message)
        # A program that is gone hears nothing; its end is noticed where requests are read.
        with self._speaking, suppress(OSError):
            self._given.write(line)
            self._given.flush()

    def _next(self) -> tuple[Request, CancelToken] | None:
        """The next request, or None at the end."""
        with self._state:
            self._running = None
            self._state.wait_for(lambda: self._waiting or self._ended)
            if self._ended:
                return None
            request = self._waiting.popleft()
            token = CancelToken()
            self._running = (request.id, token)
            return request, token

    def _answer(self, request: Request, token: CancelToken) -> None:
        try:
            value = self._handler(request.name)(request.params, self._sink(request.id), token)
            self._say(Result(request.id, value))
        except Cancelled:
            self._say(Stopped(request.id))
        except PolypTraceError as error:
            if error.detail:
                self._say(LogLine("info", f"{error.code}: {error.detail!r}"))
            self._say(Failure(request.id, error.code, error.message, error.hint))
        except Exception as error:  # noqa: BLE001 - the last resort: a fault of ours is a sentence too
            self._say(LogLine("error", trace_of(error)))
            self._say(failure_of(request.id, error))

    def _handler(self, name: str) -> Handler:
        if name not in self._handlers:
            raise PolypTraceError(
                "request-unknown",
                f"The worker doesn't know the request “{name}”.",
                "Install PolypTrace again: its parts don't fit each other.",
            )
        return self._handlers[name]

    def _sink(self, number: int) -> ProgressSink:
        """Tells the first and the last step of a stage; of those between no more than the eye can see."""
        told: tuple[str, float] = ("", 0.0)

        def sink(step: Progress) -> None:
            nonlocal told
            now = time.monotonic()
            if step.stage == told[0] and step.done != step.total and now - told[1] < PROGRESS_EVERY_S:
                return
            told = (step.stage, now)
            self._say(ProgressNote(number, step.stage, step.done, step.total, step.note, step.left_s))

        return sink

    def _read(self, taken: BinaryIO) -> None:
        for line in taken:
            try:
                message = decode_to_worker(line)
            except ProtocolError as error:
                self._say(LogLine("warning", f"a line that is no message: {error}"))
                continue
            if isinstance(message, Bye):
                break
            if isinstance(message, Cancel):
                self._cancel(message.id)
            else:
                self._take(message)
        self._end()

    def _take(self, request: Request) -> None:
        with self._state:
            self._waiting.append(request)
            self._state.notify()

    def _cancel(self, number: int) -> None:
        with self._state:
            if self._running is not None and self._running[0] == number:
                self._running[1].cancel()
                return
            left = [request for request in self._waiting if request.id != number]
            found = len(left) < len(self._waiting)
            self._waiting = deque(left)
        if found:
            self._say(Stopped(number))

    def _end(self) -> None:
        """After goodbye, or when the program has died: nobody wants an answer any more."""
        with self._state:
            self._ended = True
            if self._running is not None:
                self._running[1].cancel()
            self._state.notify()
        firm = threading.Timer(self._end_s, os._exit, (1,))
        firm.daemon = True
        firm.start()
