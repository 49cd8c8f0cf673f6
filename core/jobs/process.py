"""One worker process with its three pipes, each in a thread of its own, so that none can block another."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

LONGEST_LINE = 64 << 20
"""A message has at most this many bytes; a worker that babbles without a line feed must not fill memory."""
_LAST_LINES = 20
_REAP_S = 5.0
_APART: dict[str, Any]
"""Windows: no console flashes up. Elsewhere: a session of its own, which can be killed as a whole."""
if sys.platform == "win32":
    _APART = {"creationflags": subprocess.CREATE_NO_WINDOW}
else:
    _APART = {"start_new_session": True}


class WorkerProcess:
    """A started worker.

    Args:
        command: program and arguments.
        name: of its threads.
        env: its environment; None = ours.
        on_line: hears each line of stdout, on a thread of this process.
        on_end: hears that stdout has ended, on the same thread.

    Raises:
        OSError: the program can't be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        name: str,
        env: Mapping[str, str] | None,
        on_line: Callable[[WorkerProcess, bytes], None],
        on_end: Callable[[WorkerProcess], None],
    ) -> None:
        self._on_line, self._on_end = on_line, on_end
        self._out: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._said: deque[str] = deque(maxlen=_LAST_LINES)
        self._popen: subprocess.Popen[bytes] = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if env is None else dict(env),
            **_APART,
        )
        jobs = {"writes": self._write, "reads": self._read, "hears": self._hear}
        # Daemons: a program that breaks off without closing its workers must still end.
        self._threads = [
            threading.Thread(target=job, name=f"{name} {verb}", daemon=True) for verb, job in jobs.items()
        ]
        for thread in self._threads:
            thread.start()

    @property
    def last_words(self) -> str:
        """The last line that it wrote to stderr; empty without one."""
        return self._said[-1] if self._said else ""

    def send(self, line: bytes) -> None:
        """Writes a line to its stdin; returns at once, also when the worker doesn't read."""
        self._out.put(line)

    def end(self, grace_s: float) -> int | None:
        """Closes its stdin, waits, then kills it; returns its exit code, None when even that fails.

        Returns when the process and the threads of its pipes are gone.
        """
        self._out.put(None)
        try:
            self._popen.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._kill()
        return self._reap()

    def kill(self) -> int | None:
        """Ends it at once, with every process that it started; returns as :meth:`end`."""
        self._kill()
        return self._reap()

    def _kill(self) -> None:
        if self._popen.poll() is not None:
            return
        if sys.platform == "win32":
            self._popen.kill()
        else:
            with suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def _reap(self) -> int | None:
        self._out.put(None)
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_REAP_S)
        for thread in self._threads:
            thread.join(_REAP_S)
        return self._popen.returncode

    def _write(self) -> None:
        assert self._popen.stdin is not None
        with suppress(OSError):  # the worker is gone, which the end of its stdout tells
            while (line := self._out.get()) is not None:
                self._popen.stdin.write(line)
                self._popen.stdin.flush()
        with suppress(OSError):
            self._popen.stdin.close()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        with self._popen.stdout as pipe:
            while line := pipe.readline(LONGEST_LINE):
                self._on_line(self, line)
        self._on_end(self)

    def _hear(self) -> None:
        assert self._popen.stderr is not None
        with self._popen.stderr as pipe:
            while line := pipe.readline(LONGEST_LINE):
                if text := line.decode("utf-8", "replace").strip():
                    self._said.append(text[:500])
