"""One thread with a queue: what must not run on the UI thread runs here, the answers come back to it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from core.errors import PolypTraceError, internal_fault

T = TypeVar("T")
Failed = Callable[[PolypTraceError], None]


class Task:
    """Work that was asked for. A dropped task still runs when it has begun, but nobody hears of it."""

    def __init__(self) -> None:
        self.dropped = False

    def drop(self) -> None:
        """The answer is no longer wanted."""
        self.dropped = True


class Background(QObject):
    """Works through a queue in a thread of its own.

    ``problem`` carries the errors of work that named no ``failed`` of its own.
    """

    problem = Signal(object)
    _answered = Signal(object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._answered.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        # A daemon: where Qt itself ends the program (the display is gone), nobody closes this thread.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._closed = False
        self._thread.start()

    def do(self, work: Callable[[], T], then: Callable[[T], None], failed: Failed | None = None) -> Task:
        """Runs ``work`` after what was asked for before; then one of the two others on the UI thread."""
        task = Task()
        on_error = failed or self.problem.emit

        def step() -> None:
            if not task.dropped:
                self._answered.emit((task, *_outcome(work, then, on_error)))

        if not self._closed:
            self._queue.put(step)
        return task

    def close(self) -> None:
        """Finishes what was asked for, then ends the thread. The last answers are not delivered any more."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (step := self._queue.get()) is not None:
            step()

    def _deliver(self, answer: tuple[Task, Callable[[Any], None], Any]) -> None:
        task, hear, value = answer
        if not task.dropped and not self._closed:
            hear(value)


def _outcome(
    work: Callable[[], T], then: Callable[[T], None], failed: Failed
) -> tuple[Callable[[Any], None], Any]:
    try:
        return then, work()
    except PolypTraceError as error:
        return failed, error
    except Exception as error:  # noqa: BLE001 - a fault of ours becomes a sentence, as on the command line
        return failed, internal_fault(error)
