"""Exact frames for the UI thread: asked for by number, answered by signals, decoded elsewhere."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage

from core.errors import PolypTraceError
from desktop.player.answers import Answer, Missing, Opened, Served, Thumbnail, Wish
from desktop.player.cache import ImageCache
from desktop.player.decoding import DecodingThread
from desktop.player.footage import Source


class FrameSource(QObject):
    """The video that is open, and its frames. Owns the decoding thread; :meth:`shutdown` ends it.

    Signals:
        opened(Film): the video can be asked for frames.
        missing(PolypTraceError): it can't: no file, another file, or nothing is known of its frames.
        frame_ready(int, QImage): exactly this frame. Of several wishes the newest is answered last.
        failed(int, PolypTraceError): this frame is refused.
        thumbnail_ready(int, QImage): the small picture of a frame; they come by themselves after opening.
    """

    opened = Signal(object)
    missing = Signal(object)
    frame_ready = Signal(int, QImage)
    failed = Signal(int, object)
    thumbnail_ready = Signal(int, QImage)
    _answered = Signal(int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._answered.connect(self._take, Qt.ConnectionType.QueuedConnection)
        self._thread: DecodingThread | None = None
        self._ended = False
        self._request = 0
        self._turn, self._answered_turn = 0, 0
        self._cache: ImageCache | None = None

    def open(self, path: Path, sha256: str, data_dir: Path) -> None:
        """Opens a video that was imported into this data folder; answers of the one before are dropped."""
        if self._thread is None and not self._ended:
            self._thread = DecodingThread(self._answered.emit)
            self._thread.start()
        self._ask(Source(path, sha256, data_dir))

    def close(self) -> None:
        """Lets go of the video and its file."""
        self._ask(None)

    def want(self, number: int, step: int = 1) -> bool:
        """Asks for a frame, and works ahead in steps of ``step`` frames, backwards where that is negative.

        Gives True where the frame was at hand: then it was answered within this call.
        """
        if self._cache is None or self._thread is None:
            return False
        self._turn += 1
        self._cache.aim(number, step)
        image = self._cache.get(number)
        self._thread.want(Wish(self._turn, number), fetch=image is None)
        if image is not None:
            self._answered_turn = self._turn
            self.frame_ready.emit(number, image)
        return image is not None

    def go_on(self) -> None:
        """The frame that came last is painted: from now on frames ahead may be decoded."""
        if self._thread is not None:
            self._thread.go_on()

    def shutdown(self) -> None:
        """Ends the decoding thread and waits for that. Afterwards nothing is opened any more."""
        self._cache, self._ended = None, True
        if self._thread is not None:
            self._thread.stop()
            self._thread = None

    def _ask(self, source: Source | None) -> None:
        self._cache = None
        if self._thread is not None:
            self._request = self._thread.open(source)

    def _take(self, request: int, answer: Answer) -> None:
        """Passes on what still counts: nothing of a video that was closed, no frame older than the last."""
        if request != self._request or self._thread is None:
            return
        if isinstance(answer, Opened):
            self._cache = answer.cache
            self.opened.emit(answer.film)
        elif isinstance(answer, Missing):
            self.missing.emit(answer.error)
        elif isinstance(answer, Thumbnail):
            self.thumbnail_ready.emit(answer.number, answer.image)
        elif answer.wish.turn > self._answered_turn:
            self._serve(answer)

    def _serve(self, answer: Served) -> None:
        self._answered_turn = answer.wish.turn
        if isinstance(answer.result, PolypTraceError):
            self.failed.emit(answer.wish.number, answer.result)
        else:
            self.frame_ready.emit(answer.wish.number, answer.result)
