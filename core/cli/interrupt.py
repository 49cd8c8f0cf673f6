"""Ctrl+C as a cancel: the first asks the work to stop at its next step, a second one stops it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from core.progress import CancelToken


@contextmanager
def cancel_by_interrupt() -> Iterator[CancelToken]:
    """A token that Ctrl+C (and SIGTERM) sets while the block runs; the old handlers come back behind it."""
    token = CancelToken()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if token.cancelled:
            raise KeyboardInterrupt
        token.cancel()

    if threading.current_thread() is not threading.main_thread():
        yield token
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield token
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
