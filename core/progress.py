"""Progress and cancelling of long work, the same for the command line, the window and the workers."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from core.errors import Cancelled


class Progress(msgspec.Struct, frozen=True):
    """One step of long work.

    ``done`` and ``total`` count the same unit (frames, clips, steps); ``total`` is None while unknown.
    ``left_s`` is the time until the end of all stages in seconds, where the work itself can tell.
    """

    stage: str
    done: int
    total: int | None = None
    note: str = ""
    left_s: float | None = None


ProgressSink = Callable[[Progress], None]


def no_progress(_: Progress) -> None:
    """Swallows progress: the default where nobody watches."""


class CancelToken:
    """A flag that long work looks at between its steps; may be set from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether a stop was asked for."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raises :class:`Cancelled` when a stop was asked for."""
        if self._event.is_set():
            raise Cancelled
