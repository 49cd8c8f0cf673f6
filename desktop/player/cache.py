"""Decoded frames around the playhead, bounded in bytes."""

from __future__ import annotations

import threading

from PySide6.QtGui import QImage

CACHE_BYTES = 160 << 20
"""Some 19 pictures of 1920 × 1080."""
MOST_FRAMES = 96
_LEAST_FRAMES = 3
_AHEAD = 0.75
_PIXEL_BYTES = 4


class ImageCache:
    """Pictures by frame number, kept where the playhead is going. Safe to use from several threads.

    Args:
        count: how many frames the video has.
        width: of a frame in pixels.
        height: of a frame in pixels.
        most_bytes: what all pictures together may use.
    """

    def __init__(self, count: int, width: int, height: int, most_bytes: int = CACHE_BYTES) -> None:
        self._lock = threading.Lock()
        self._count = count
        self._most = most_bytes
        self._largest = max(1, width * height * _PIXEL_BYTES)
        self._images: dict[int, QImage] = {}
        self._refused: set[int] = set()
        self._at, self._step = 0, 1

    def aim(self, number: int, step: int) -> None:
        """Tells where the playhead is and how many frames its next step goes; backwards is negative."""
        with self._lock:
            self._at, self._step = number, step or 1

    def get(self, number: int) -> QImage | None:
        """The picture of a frame, or None."""
        with self._lock:
            return self._images.get(number)

    def put(self, number: int, image: QImage) -> None:
        """Keeps a picture; drops those farthest from the playhead until the bound holds."""
        with self._lock:
            self._images[number] = image
            self._largest = max(self._largest, image.sizeInBytes())
            self._drop()

    def refuse(self, number: int) -> None:
        """Notes that a frame can't be given, so that nobody works ahead on it again."""
        with self._lock:
            self._refused.add(number)

    def missing(self) -> int | None:
        """The frame that should be decoded next before anybody asks for it, or None."""
        with self._lock:
            return next((n for n in self._plan() if n not in self._images), None)

    @property
    def numbers(self) -> set[int]:
        """The frames that are held."""
        with self._lock:
            return set(self._images)

    def _plan(self) -> list[int]:
        """The playhead, the frames ahead of it, then those behind; up to the first that can't be given.

        The room follows the largest picture, so that all of the plan fits and nothing is decoded in circles.
        """
        room = max(_LEAST_FRAMES, min(MOST_FRAMES, self._most // self._largest)) - 1
        ahead = int(room * _AHEAD)
        side = [self._run(self._step, ahead), self._run(-self._step, room - ahead)]
        return [self._at, *side[0], *side[1]] if self._at not in self._refused else []

    def _run(self, step: int, length: int) -> list[int]:
        run = []
        for number in (self._at + step * (k + 1) for k in range(length)):
            if not 0 <= number < self._count or number in self._refused:
                break
            run.append(number)
        return run

    def _drop(self) -> None:
        held = sum(image.sizeInBytes() for image in self._images.values())
        if held <= self._most:
            return
        planned = set(self._plan())
        spare = [n for n in self._images if n not in planned]
        for number in sorted(spare, key=lambda n: abs(n - self._at), reverse=True):
            held -= self._images.pop(number).sizeInBytes()
            if held <= self._most:
                return
