"""What the window needs to know of an opened video: its frames' times and their quality."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.video.index import FrameIndex

BINS = 512
"""The quality lane has at most so many values."""
_SCORE = 4
_USUAL_RATE = 25.0
_ROUNDING_S = 1e-6
"""Finer than any clock of a video: frame 57 of 25 a second less one second is frame 32, not 31."""


class Film:
    """Numbers and times of a video's frames as plain lists, so that the UI thread never needs numpy.

    Made in the decoding thread; afterwards it only answers. Seconds count from the first frame and never
    fall from one frame to the next: where the file's own times do, or are missing, frames are counted.

    Attributes:
        count: how many frames there are; they are numbered from 0 in the order of sequential decoding.
        length: seconds, the time of the last frame included.
        fps: frames a second on average.
        thumbnails: numbers of the frames that have a thumbnail.
        quality: score in 0…1, evenly spread over the length; empty where nothing was measured.
    """

    def __init__(self, index: FrameIndex) -> None:
        self.count = len(index)
        self.width, self.height = index.facts.width, index.facts.height
        self.fps = index.facts.fps or _USUAL_RATE
        self.has_stamps = index.has_times
        self.thumbnails = index.facts.thumbnails
        self._pts: list[int] = index.pts.tolist()
        self._order: list[int] = index.order.tolist()
        self._stamps: list[int] = index.display_times.tolist()
        self._times, self.length = self._timing(index)
        self.quality = self._lane(index.sampled.tolist(), index.quality.tolist())

    @property
    def last(self) -> int:
        """The number of the last frame."""
        return self.count - 1

    def clamp(self, number: int) -> int:
        """The nearest number that a frame has."""
        return min(max(number, 0), self.last)

    def seconds(self, number: int) -> float:
        """Seconds from the first frame to this one."""
        return self._times[number]

    def at_seconds(self, seconds: float) -> int:
        """The number of the frame that is shown at a time; the first or last one beyond the ends."""
        return self.clamp(bisect_right(self._times, seconds + _ROUNDING_S) - 1)

    def from_seconds(self, seconds: float) -> int:
        """The number of the first frame that isn't earlier than a time."""
        return self.clamp(bisect_left(self._times, seconds - _ROUNDING_S))

    def pts(self, number: int) -> int | None:
        """The time stamp of a frame in ticks; None in a video that carries none."""
        return self._pts[number] if self.has_stamps else None

    def number_at(self, pts: int) -> int:
        """The number of the frame that is shown at a pts; the first of them where several share it."""
        at = max(0, bisect_right(self._stamps, pts) - 1)
        return self._order[bisect_left(self._stamps, self._stamps[at])]

    def first_from(self, pts: int) -> int:
        """The number of the first frame whose pts isn't earlier."""
        return self._order[min(bisect_left(self._stamps, pts), self.last)]

    def score_at(self, seconds: float) -> float | None:
        """The quality score around a time, or None where nothing was measured."""
        if not self.quality or not self.length:
            return None
        at = int(seconds / self.length * len(self.quality))
        return self.quality[min(max(at, 0), len(self.quality) - 1)]

    def _timing(self, index: FrameIndex) -> tuple[list[float], float]:
        if self.has_stamps and self._pts == self._stamps:
            ticks, per = index.facts.time_base
            times = [(pts - index.start) * ticks / per for pts in self._pts]
            return times, max(index.facts.duration_s, times[-1])
        return [number / self.fps for number in range(self.count)], self.count / self.fps

    def _lane(self, numbers: list[int], rows: list[list[float]]) -> tuple[float, ...]:
        """The mean score of each stretch; one in which nothing was measured has its neighbour's."""
        size = min(BINS, len(numbers))
        sums, counts = [0.0] * size, [0] * size
        for number, row in zip(numbers, rows, strict=True):
            at = min(size - 1, int(self._times[number] / (self.length or 1.0) * size))
            sums[at] += row[_SCORE]
            counts[at] += 1
        lane: list[float] = []
        for total, count in zip(sums, counts, strict=True):
            lane.append(total / count if count else (lane[-1] if lane else 0.0))
        return tuple(lane)


def clock(seconds: float) -> str:
    """A time as the command line reads it too: ``00:12.480``, from one hour on ``1:00:12.480``."""
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
    return f"{hours}:{tail}" if hours else tail
