"""An opened video inside the decoding thread: exact frames as pictures, and thumbnails."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from core.errors import PolypTraceError
from core.paths import DataDir
from desktop.player.film import Film

if TYPE_CHECKING:
    from core.video.reader import Rgb, VideoReader

READER_BYTES = 128 << 20
"""What the reader keeps of frames as the decoder gave them: some 40 of 1920 × 1080."""
STATION = 32
"""After so many frames on the way to a far one it is asked whether that one is still wanted."""
_NEAR_KEY = 8

Overtaken = Callable[[int], bool]
"""Asked on the way to a far frame, with the number of frames left: is it no longer wanted?"""


@dataclass(frozen=True)
class Source:
    """Which video is meant: where its file lies, its content hash, and the data folder that knows it."""

    path: Path
    sha256: str
    data_dir: Path


class Footage:
    """Decodes one video. Made, used and closed in one thread.

    Raises:
        PolypTraceError: the file is missing, isn't the one that was imported, or was never read in this data
            folder (``video-not-read``).
    """

    def __init__(self, source: Source) -> None:
        from core.video.decoding import check_file
        from core.video.importing import load_known
        from core.video.reader import VideoReader

        check_file(source.path)
        index = load_known(source.sha256, source.data_dir)
        if index is None:
            raise _not_read()
        self.film = Film(index)
        self._source = source
        self._keys: list[int] = index.keys.nonzero()[0].tolist()
        self._at = -1
        self._reader: VideoReader = VideoReader.open(source.path, index, READER_BYTES)

    def image(self, number: int, overtaken: Overtaken) -> QImage | None:
        """The picture of exactly this frame, or None where it was no longer wanted half-way.

        Raises:
            PolypTraceError: the frame is refused, in words.
        """
        if not self._reader.cached(number):
            for station in self._stations(number):
                if not self._pass(station):
                    break
                if overtaken(number - station):
                    return None
            picture = _picture(self._reader.frame_at(number))
            self._at = number
            return picture
        return _picture(self._reader.frame_at(number))

    def thumbnail(self, number: int) -> QImage:
        """The thumbnail of a frame; a null picture where its file is gone."""
        from core.video.thumbnails import thumbnail_path

        folder = DataDir(self._source.data_dir).thumbnails
        return QImage(str(thumbnail_path(folder, self._source.sha256, number)))

    def close(self) -> None:
        """Lets go of the file."""
        self._reader.close()

    def _stations(self, number: int) -> range:
        """Frames at which to look up from decoding: the reader itself can't be interrupted."""
        before = bisect_right(self._keys, number) - 1
        key = self._keys[before] if before >= 0 else 0
        walks = self._at < number and self._at + _NEAR_KEY >= key
        return range((self._at if walks else key) + STATION, number, STATION)

    def _pass(self, station: int) -> bool:
        """Decodes up to a frame on the way; False where it can't be given, which says nothing of the goal."""
        try:
            self._reader.frame_at(station)
        except PolypTraceError:
            return False
        self._at = station
        return True


def _picture(rgb: Rgb) -> QImage:
    """(H, W, 3) uint8 RGB as a picture of its own, in the format that is painted fastest.

    OpenCV writes straight into it, because it lets the UI thread run meanwhile; Qt's own conversion doesn't.
    """
    import cv2
    import numpy as np

    height, width = rgb.shape[:2]
    image = QImage(width, height, QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.bits(), np.uint8).reshape(height, width, 4)
    cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA, dst=pixels)
    return image


def _not_read() -> PolypTraceError:
    return PolypTraceError(
        "video-not-read",
        "What was learnt about this video's frames is missing from the data folder.",
        "Import the video again: it stays where it is in the catalogue, and its clips are kept.",
    )
