"""The one thread that decodes for the player. The newest wish wins; when there is none, it works ahead."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from PySide6.QtGui import QImage

from core.errors import PolypTraceError, internal_fault
from desktop.player.answers import Answer, Missing, Opened, Served, Thumbnail, Wish
from desktop.player.cache import ImageCache
from desktop.player.footage import STATION, Footage, Source

T = TypeVar("T")

_BREATH_S = 0.02
"""So long, at most, it doesn't work ahead after a frame was given: that frame is painted first."""
_HAND_OVER_S = 0.0005
"""After so long this thread lets the UI thread at the interpreter. With Python's 5 ms, painting one frame,
which asks for it some thirty times, took 60 ms while another was decoded; with this it takes less than half.
"""


class DecodingThread(threading.Thread):
    """Opens one video after another; works in this order: opening, wishes, thumbnails, frames ahead.

    Args:
        tell: takes (number of the request, answer); called in this thread.
    """

    def __init__(self, tell: Callable[[int, Answer], None]) -> None:
        super().__init__(name="player-frames", daemon=True)
        self._tell = tell
        self._changed = threading.Condition()
        self._stopped = False
        self._asked, self._serving = 0, 0
        self._source: Source | None = None
        self._wish: Wish | None = None
        self._latest = 0
        self._rests_until = 0.0
        self._footage: Footage | None = None
        self._cache: ImageCache | None = None
        self._thumbnails: deque[int] = deque()
        self._refusals: dict[int, PolypTraceError] = {}

    def open(self, source: Source | None) -> int:
        """Lets go of the video, then opens another if one is named. Gives the number of the request."""
        with self._changed:
            self._asked += 1
            self._source, self._wish = source, None
            self._changed.notify()
            return self._asked

    def want(self, wish: Wish, fetch: bool) -> None:
        """Names the newest wish. Without ``fetch`` it is served already, and only older ones are dropped."""
        with self._changed:
            self._latest = wish.turn
            self._wish = wish if fetch else None
            self._rests_until = time.monotonic() + _BREATH_S
            self._changed.notify()

    def go_on(self) -> None:
        """The frame that was given is painted: working ahead disturbs nobody now."""
        with self._changed:
            self._rests_until = 0.0
            self._changed.notify()

    def stop(self) -> None:
        """Ends the thread after the frame that it is decoding, and waits for that."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self.join()

    def run(self) -> None:
        """Works until it is stopped."""
        sys.setswitchinterval(min(sys.getswitchinterval(), _HAND_OVER_S))
        try:
            while (work := self._next()) is not None:
                work()
        finally:
            self._let_go()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._changed.wait_for(self._has_work)
            if self._stopped:
                return None
            if self._asked != self._serving:
                self._serving = self._asked
                return partial(self._switch, self._source)
            if self._wish is not None:
                wish, self._wish = self._wish, None
                return partial(self._serve, wish)
            if (rest := self._rests_until - time.monotonic()) > 0:
                self._changed.wait(rest)
                return _nothing
        return self._shelve if self._thumbnails else self._work_ahead

    def _has_work(self) -> bool:
        if self._stopped or self._asked != self._serving:
            return True
        if self._cache is None:
            return False
        return self._wish is not None or bool(self._thumbnails) or self._cache.missing() is not None

    def _switch(self, source: Source | None) -> None:
        self._let_go()
        if source is None:
            return
        footage = _attempt(partial(Footage, source))
        if isinstance(footage, PolypTraceError):
            self._tell(self._serving, Missing(footage))
            return
        film = footage.film
        self._footage, self._cache = footage, ImageCache(film.count, film.width, film.height)
        self._thumbnails.extend(film.thumbnails)
        self._tell(self._serving, Opened(film, self._cache))

    def _let_go(self) -> None:
        if self._footage is not None:
            self._footage.close()
        self._footage = self._cache = None
        self._thumbnails.clear()
        self._refusals.clear()

    def _serve(self, wish: Wish) -> None:
        result = self._decode(wish.number, partial(self._overtaken, wish))
        if result is not None:
            self._rests_until = time.monotonic() + _BREATH_S
            self._tell(self._serving, Served(wish, result))

    def _work_ahead(self) -> None:
        number = self._cache.missing() if self._cache is not None else None
        if number is not None:
            self._decode(number, lambda _left: self._wish is not None or self._leaving())

    def _decode(self, number: int, overtaken: Callable[[int], bool]) -> QImage | PolypTraceError | None:
        """A frame into the cache. Refusing takes a search through the file, so that is done only once."""
        if self._footage is None or self._cache is None:
            return None
        if number in self._refusals:
            return self._refusals[number]
        image = self._cache.get(number)
        if image is not None:
            return image
        result = _attempt(partial(self._footage.image, number, overtaken))
        if isinstance(result, PolypTraceError):
            self._refusals[number] = result
            self._cache.refuse(number)
        elif result is not None:
            self._cache.put(number, result)
        return result

    def _shelve(self) -> None:
        number = self._thumbnails.popleft()
        image = self._footage.thumbnail(number) if self._footage is not None else QImage()
        if not image.isNull():
            self._tell(self._serving, Thumbnail(number, image))

    def _overtaken(self, wish: Wish, left: int) -> bool:
        """A wish that is nearly served is served; else a newer one goes before it."""
        return self._leaving() or (self._latest != wish.turn and left > STATION)

    def _leaving(self) -> bool:
        return self._stopped or self._asked != self._serving


def _nothing() -> None:
    """What there is to do after a rest: look again."""


def _attempt(work: Callable[[], T]) -> T | PolypTraceError:
    try:
        return work()
    except PolypTraceError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the thread must live on: a fault of ours is a sentence too
        return internal_fault(error, "while it decoded the video")
