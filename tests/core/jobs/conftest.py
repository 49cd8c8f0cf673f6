"""Workers for tests: small programs as strings, a host that is closed, and an ear for its events."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.jobs.host import Event, JobCancelled, JobDone, JobFailed, WorkerHost

from ..matching.conftest import embedder as embedder
from ..matching.conftest import filed as filed
from ..matching.conftest import films as films

WAIT_S = 60.0
"""Longer than any machine needs; nothing waits for it to pass."""

WORKER = """
import os, subprocess, sys, time
from core.errors import PolypTraceError
from core.jobs.serve import serve
from core.progress import Progress

def echo(params, progress, cancel):
    for step in range(params.get("steps", 0)):
        progress(Progress("counting", step + 1, params["steps"], "of all"))
    return {"value": params.get("value"), "pid": os.getpid()}

def refuse(params, progress, cancel):
    raise PolypTraceError("test-refused", "It can't be done.", "Do without.")

def crash(params, progress, cancel):
    print("a last word", file=sys.stderr, flush=True)
    os._exit(params["code"])

def polite(params, progress, cancel):
    progress(Progress("waiting", 0))
    while True:
        cancel.raise_if_cancelled()
        time.sleep(0.01)

def deaf(params, progress, cancel):
    progress(Progress("deaf", 0))
    while True:
        time.sleep(0.1)

def fault(params, progress, cancel):
    secret = "Miller"
    raise RuntimeError(secret)

def chatter(params, progress, cancel):
    print("printed by a library", flush=True)
    os.write(1, b"written to the descriptor\\n")
    os.system("echo said by a child")
    return {"input": sys.stdin.read()}

class OutOfMemoryError(RuntimeError):
    pass

def memory(params, progress, cancel):
    if params["how"] == "python":
        raise MemoryError
    if params["how"] == "device":
        raise OutOfMemoryError("CUDA out of memory")
    raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

def child(params, progress, cancel):
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    return {"pid": subprocess.Popen(command).pid}

def unsayable(params, progress, cancel):
    return {"value": object()}

serve("test", {name: value for name, value in globals().items() if callable(value)})
"""


class Ear:
    """Keeps a host's events and waits for them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._news = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of one kind so far."""
        with self._news:
            return [event for event in self.events if isinstance(event, kind)]

    def wait(self, kind: type[Any], number: int | None = None) -> Any:
        """The first event of a kind, of a request if one is named; waits for it."""

        def found() -> Any:
            fitting = (event for event in self.events if isinstance(event, kind))
            return next((event for event in fitting if number in (None, getattr(event, "id", None))), None)

        with self._news:
            assert self._news.wait_for(lambda: found() is not None, WAIT_S), self.events
            return found()

    def end_of(self, number: int) -> JobDone | JobFailed | JobCancelled:
        """How a request ended; waits for it."""
        return self.wait(JobDone | JobFailed | JobCancelled, number)  # type: ignore[arg-type, no-any-return]


Hosting = Callable[..., tuple[WorkerHost, Ear]]


@pytest.fixture
def hosting() -> Iterator[Hosting]:
    """Makes hosts: ``hosting(WORKER, grace_s=1)``; a list is a command, a string a program."""
    before = set(threading.enumerate())
    hosts: list[WorkerHost] = []

    def make(
        program: str | list[str] = WORKER, kind: str = "test", **limits: float
    ) -> tuple[WorkerHost, Ear]:
        ear = Ear()
        command = program if isinstance(program, list) else [sys.executable, "-c", program]
        hosts.append(WorkerHost(command, kind, ear, **limits))  # type: ignore[arg-type]
        return hosts[-1], ear

    yield make
    for host in hosts:
        host.close()
    assert not set(threading.enumerate()) - before


def is_gone(pid: int) -> bool:
    """Whether a process has ended, also when nobody has asked for its exit code yet."""
    state = Path(f"/proc/{pid}/stat")
    try:
        return state.read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(true: Callable[[], bool]) -> None:
    """Looks again and again until it is so."""
    until = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)
