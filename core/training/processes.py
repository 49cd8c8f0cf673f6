"""Starts the other processes of a run on this computer (``--processes``); free of torch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from core.errors import PolypTraceError

_GRACE_S = 20.0
"""How long the others may take to end after this one."""


@contextmanager
def several(count: int, arguments: Sequence[str]) -> Iterator[None]:
    """Makes this process the first of ``count`` that run the same command; the others end with it.

    Where a launcher has started several already, nothing is done.

    Args:
        count: processes, this one included.
        arguments: of the command, as in ``sys.argv[1:]``.

    Raises:
        PolypTraceError: ``too-few-processes`` below 1.
    """
    if count < 1:
        raise PolypTraceError("too-few-processes", f"{count} processes can't train.", "Take at least one.")
    if count == 1 or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        yield
        return
    shared = _meeting_point(count)
    before = dict(os.environ)
    others = [_other(rank, shared, arguments) for rank in range(1, count)]
    os.environ.update(shared | {"RANK": "0", "LOCAL_RANK": "0"})
    try:
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


def _other(rank: int, shared: dict[str, str], arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    env = os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    # In a session of its own: Ctrl+C reaches the first process, which tells the others.
    return subprocess.Popen(
        [sys.executable, "-m", "core", *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end(others: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in others:
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
