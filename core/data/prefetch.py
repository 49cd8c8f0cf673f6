"""Batches made ahead by one background thread, so that the network never waits for pictures."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """Calls ``make(start)``, ``make(start + 1)``, … ahead of :meth:`next`.

    OpenCV and numpy release the interpreter's lock for most of the work, so one thread is enough. Use as a
    context manager: leaving it ends the thread.

    Args:
        make: makes item number n; a pure function of n.
        start: first number.
        ahead: how many finished items may wait.
    """

    def __init__(self, make: Callable[[int], T], start: int = 0, ahead: int = 3) -> None:
        self._make, self._start = make, start
        self._ready: queue.Queue[T | BaseException] = queue.Queue(maxsize=ahead)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="batch loader", daemon=True)

    def __enter__(self) -> Prefetcher[T]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def next(self) -> T:
        """The next item; raises here what making it raised there."""
        item = self._ready.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def _work(self) -> None:
        number = self._start
        while not self._stop.is_set():
            try:
                item: T | BaseException = self._make(number)
            except BaseException as error:  # noqa: BLE001 - handed to the consumer, who raises it
                item = error
            self._put(item)
            if isinstance(item, BaseException):
                return
            number += 1

    def _put(self, item: T | BaseException) -> None:
        while not self._stop.is_set():
            try:
                self._ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return
