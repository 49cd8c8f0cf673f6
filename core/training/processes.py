"""Starts the other processes of a run on this computer (``--processes``); free of torch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.errors import PolypTraceError

_GRACE_S = 20.0
"""How long the others, all together, may take to end after this one."""
_POLL_S = 0.1
_HERE = "POLYPTRACE_PROCESS_HERE"
"""Names the file by which another process says that it has got as far as joining."""
LOST = "training-process-lost"


def launched() -> bool:
    """Whether a launcher has started several processes already, this one among them."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def several(count: int, arguments: Sequence[str]) -> Iterator[None]:
    """Makes this process the first of ``count`` that run the same command; the others end with it.

    Where a launcher has started several already, nothing is done.

    Args:
        count: processes, this one included.
        arguments: of the command, as in ``sys.argv[1:]``.

    Raises:
        PolypTraceError: ``too-few-processes`` below 1; ``training-process-lost`` where one of the others
            ended before it could take part, with its last words.
    """
    if count < 1:
        raise PolypTraceError("too-few-processes", f"{count} processes can't train.", "Take at least one.")
    if count == 1 or launched():
        if here := os.environ.get(_HERE):
            Path(here).touch()
        yield
        return
    shared = _meeting_point(count)
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="polyptrace-processes-") as folder:
        others = [_Other(rank, shared, arguments, Path(folder)) for rank in range(1, count)]
        try:
            try:
                _wait(others)
            except BaseException:
                for other in others:  # they would wait for this one
                    other.process.kill()
                raise
            os.environ.update(shared | {"RANK": "0", "LOCAL_RANK": "0"})
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            _end(others)


def _meeting_point(count: int) -> dict[str, str]:
    """What torch's processes find each other by, and each one's share of the cores."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // count))
    return {
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": threads,
    }


class _Other:
    """Another process; what it says goes into a file of ``folder``."""

    def __init__(self, rank: int, shared: dict[str, str], arguments: Sequence[str], folder: Path) -> None:
        self._here, self._said = folder / f"{rank}-here", folder / f"{rank}-said"
        env = os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank), _HERE: str(self._here)}
        with self._said.open("wb") as said:
            # In a session of its own: Ctrl+C reaches the first process, which tells the others.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "core", *arguments],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )

    def here(self) -> bool:
        """Whether it is about to join.

        Raises:
            PolypTraceError: ``training-process-lost``: it has ended.
        """
        if self._here.exists():
            return True
        if (code := self.process.poll()) is None:
            return False
        words = " ".join(self._said.read_text("utf-8", errors="replace").split())[-300:]
        raise PolypTraceError(
            LOST,
            f"Another process of this training ended with code {code} before it could take part."
            + (f" It said: {words}" if words else ""),
            "Mend that, or train with one process.",
        )


def _wait(others: Sequence[_Other]) -> None:
    while sum(other.here() for other in others) < len(others):  # each is asked: one may have ended
        time.sleep(_POLL_S)


def _end(others: Sequence[_Other]) -> None:
    deadline = time.monotonic() + _GRACE_S
    for other in others:
        try:
            other.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            other.process.kill()
            other.process.wait()
