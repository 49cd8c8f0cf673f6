"""Finds frame number k in a file: seeks, decodes on, and knows each decoded frame by its pixels.

Containers mislead about where a seek lands and what time a frame then has. So a decoded frame gets its number
from its fingerprint; its pts only chooses between frames that look exactly alike. What can't be placed is
skipped; when the wanted frame doesn't come by, the search starts from an earlier key frame, at last from the
beginning of the file.

Frames far apart are looked for by pts first, without decoding what no other frame is made of (a leap). What
is found has to look as the wanted frame did; after a leap that didn't find it, this file is walked through.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.video.decoding import Converter, Decoder
from core.video.fingerprint import fingerprint
from core.video.index import NO_PTS, FrameIndex

_STEPS_BACK = (0, 1, 2, 4, 8)
_NEAR = 8
"""Up to this many frames before a key frame it is quicker to decode on than to seek."""
_PATIENCE = 80
"""So many frames in a row that can't be placed mean that the seek landed in the wrong place."""
_COPIES = 24
"""So many frames are kept from a walk through the whole file."""
_LEAPS = ("h264", "hevc")
"""Codecs in whose packets the decoder can tell what no other frame is made of."""
_SEEK_BY_DTS = ("mpegts", "mpeg")


class FrameCache:
    """Decoded frames (``av.VideoFrame`` or RGB) by number, those used last kept, bounded in bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._frames: OrderedDict[int, Any] = OrderedDict()

    def get(self, number: int) -> Any:
        """The frame, or None."""
        frame = self._frames.get(number)
        if frame is not None:
            self._frames.move_to_end(number)
        return frame

    def put(self, number: int, frame: Any) -> None:
        """Keeps a frame; drops the longest unused ones until the bound holds (one frame is always kept)."""
        if number in self._frames:
            self._frames.move_to_end(number)
            return
        self._frames[number] = frame
        self._bytes += _size(frame)
        while self._bytes > self._most and len(self._frames) > 1:
            self._bytes -= _size(self._frames.popitem(last=False)[1])

    def __contains__(self, number: int) -> bool:
        return number in self._frames


class Walker:
    """An open file that is walked through from frame to frame. Not safe to use from two threads at once."""

    def __init__(self, path: Path, index: FrameIndex, cache_bytes: int) -> None:
        self._path = path
        self._index = index
        self.cache = FrameCache(cache_bytes)
        self._converter = Converter()
        self._by_print = np.argsort(index.fingerprints, kind="stable")
        self._prints = index.fingerprints[self._by_print]
        self._key_numbers = np.flatnonzero(index.keys)
        self._seek_times = _seek_times(index)
        self._decoder = Decoder(path, index.facts.threads)
        self._frames: Iterator[Any] = self._decoder.frames()
        self._at: int | None = -1
        """The number of the frame that came last; −1 before the first; None where that isn't known."""
        self._leapt: int | None = None
        """The same behind a leap: then frames were left out, and only other wanted ones can follow."""
        self._may_leap = index.has_times and index.facts.codec in _LEAPS

    def close(self) -> None:
        """Lets go of the file."""
        self._decoder.close()

    def rgb(self, number: int) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
        """The frame with this number, (H, W, 3) uint8 RGB, or None when its pixels don't come by anywhere."""
        return self._as_rgb(self._find(number))

    def several(self, numbers: Sequence[int]) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]] | None]:
        """:meth:`rgb` of rising numbers, one by one; the frames between them aren't kept."""
        wanted = frozenset(int(self._index.pts[number]) for number in numbers)
        self._leapt = None  # what was left out then may be wanted now
        for number in numbers:
            yield self._as_rgb(self._leap(number, wanted) or self._find(number))

    def _as_rgb(self, found: Any) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
        if isinstance(found, np.ndarray):
            return found.copy()
        return None if found is None else self._converter.rgb(found)

    def _find(self, number: int) -> Any:
        frame = self.cache.get(number)
        if frame is None and self._worth_walking(number, self._at):
            frame = self._walk_to(number)
        if frame is None:
            frame = self._seek_and_walk(number)
        return frame if frame is not None else self._walk_from_start(number)

    def _leap(self, number: int, wanted: frozenset[int]) -> Any:
        """The frame, decoding on or after a seek only what is needed for ``wanted`` pts; None if it fails."""
        if number in self.cache or not self._may_leap:
            return None
        pts, at = int(self._index.pts[number]), self._at if self._leapt is None else self._leapt
        if not self._worth_walking(number, at) and not self._seek_for(number):
            return None
        self._decoder.only = wanted
        try:
            frame = next((one for one in self._frames if one.pts is None or one.pts >= pts), None)
        finally:
            self._decoder.only, self._at, self._leapt = None, None, number
        if frame is None or frame.pts != pts or fingerprint(frame) != self._index.fingerprints[number]:
            self._may_leap, self._leapt = False, None
            return None
        self.cache.put(number, frame)
        return frame

    def _seek_for(self, number: int) -> bool:
        latest = self._latest(number)
        return latest >= 0 and self._seek(int(self._seek_times[latest, 1]))

    def _latest(self, number: int) -> int:
        """Which key packet is the last up to a frame; −1 for none."""
        return int(np.searchsorted(self._seek_times[:, 0], int(self._index.pts[number]), side="right")) - 1

    def _worth_walking(self, number: int, at: int | None) -> bool:
        if at is None or at >= number:
            return False
        before = int(np.searchsorted(self._key_numbers, number, side="right")) - 1
        key = int(self._key_numbers[before]) if before >= 0 else 0
        return at + _NEAR >= key

    def _seek_and_walk(self, number: int) -> Any:
        tried = set()
        latest = self._latest(number)
        for back in _STEPS_BACK:
            if not 0 <= latest - back < len(self._seek_times):
                return None
            time = int(self._seek_times[latest - back, 1])
            if time in tried:
                continue
            tried.add(time)
            frame = self._walk_to(number) if self._seek(time) else None
            if frame is not None:
                return frame
        return None

    def _seek(self, time: int) -> bool:
        self._at = self._leapt = None
        moved = self._decoder.seek(time)
        self._frames = self._decoder.frames()
        return moved

    def _walk_from_start(self, number: int) -> Any:
        self._decoder.close()
        self._decoder = Decoder(self._path, self._index.facts.threads)
        self._frames = self._decoder.frames()
        self._at, self._leapt = -1, None
        return self._walk_to(number, thorough=True)

    def _walk_to(self, number: int, thorough: bool = False) -> Any:
        """Decodes up to a frame; ``thorough`` reads through everything, exactly as the import pass did.

        What a spoilt frame looks like depends on which buffers the decoder reuses. So the thorough walk lets
        go of each frame at once, and keeps copies of those before the wanted one for the steps back.
        """
        strangers = 0
        for frame in self._frames:
            place = self._place(frame, number)
            if place is None:
                strangers += 1
                if strangers > _PATIENCE and not thorough:
                    break
                continue
            strangers, self._at = 0, place
            if not thorough:
                self.cache.put(place, frame)
            elif place > number - _COPIES:
                self.cache.put(place, self._converter.rgb(frame))
            if place == number:
                return self.cache.get(place)
            if place > number:
                return None
        self._at = None
        return None

    def _place(self, frame: Any, wanted: int) -> int | None:
        """The number of a decoded frame; of frames that look exactly alike, the likeliest."""
        value = np.uint64(fingerprint(frame))
        left = int(np.searchsorted(self._prints, value, side="left"))
        right = int(np.searchsorted(self._prints, value, side="right"))
        alike = self._by_print[left:right]
        if len(alike) < 2:
            return int(alike[0]) if len(alike) else None
        if self._at is not None and self._at + 1 in alike:
            return self._at + 1
        timed = alike[self._index.pts[alike] == frame.pts] if frame.pts is not None else alike[:0]
        if len(timed):
            return int(timed[0])
        return wanted if wanted in alike else int(alike[0])


def _seek_times(index: FrameIndex) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(M, 2): from which pts on a key packet serves, and the time to seek to; rising."""
    pts, dts = index.seeks[:, 0], index.seeks[:, 1]
    from_pts = np.where(pts == NO_PTS, dts, pts)
    by_dts = any(name in _SEEK_BY_DTS for name in index.facts.container.split(","))
    to = np.where((dts != NO_PTS) & by_dts, dts, from_pts)
    known = from_pts != NO_PTS if index.has_times else np.zeros(len(pts), bool)
    times = np.stack([from_pts, to], axis=1)[known]
    return np.asarray(times[np.argsort(times[:, 0], kind="stable")], np.int64)


def _size(frame: Any) -> int:
    if isinstance(frame, np.ndarray):
        return frame.nbytes
    return int(sum(plane.buffer_size for plane in frame.planes))
