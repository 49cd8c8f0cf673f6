"""The main job in the window, done by itself: choose, step, play, mark, describe, match, explain, decide."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

Done = Callable[[], bool]
LONGEST_S = 120.0
_TICK_MS = 20


class Story(QObject):
    """Looks every few milliseconds whether the step before is done, and does the next one.

    Without ``explain`` no maps are asked for: their worker has to load torch.

    Attributes:
        result: ``steps``, the names of those that were done with their seconds; ``missed``, those whose end
            didn't come.
    """

    def __init__(self, app: Any, exam: int, explain: bool) -> None:
        super().__init__(app)
        self.result: dict[str, Any] = {"steps": {}, "missed": []}
        self._app, self._exam, self._explain = app, exam, explain
        self._script: Iterator[tuple[str, Done]] | None = None
        self._name, self._done, self._since = "start", self._there, time.monotonic()
        self._timer = QTimer(self, interval=_TICK_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _there(self) -> bool:
        from desktop.main_window import MainWindow

        found = [one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow)]
        if not found or not found[0].session.is_open:
            return False
        self._script = script(found[0], self._exam, self._explain)
        return True

    def _look(self) -> None:
        waited = time.monotonic() - self._since
        if not self._done() and waited < LONGEST_S:
            return
        if waited < LONGEST_S:
            self.result["steps"][self._name] = round(waited, 2)
        else:
            self.result["missed"].append(self._name)
        step = next(self._script, None) if self._script is not None else None
        if step is None:
            self._timer.stop()
            return
        self._name, self._done = step
        self._app.said, self._since = self._name, time.monotonic()


def _later(seconds: float) -> Done:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def _heard(signal: Any) -> Done:
    came: list[object] = []
    signal.connect(lambda *_: came.append(None))
    return lambda: bool(came)


def _keys(*keys: Qt.Key) -> None:
    for key in keys:
        target = QApplication.focusWidget()
        if target is not None:
            QTest.keyClick(target, key)


def script(window: Any, exam: int, explain: bool) -> Iterator[tuple[str, Done]]:
    """Each step is done when it is asked for; it gives its name and the way to know that it is over."""
    from desktop.session import Selection

    # The demo files one video an exam, in the order of time, so both have the same number.
    do = {name: action.trigger for name, action in window.actions_by_id.items()}
    window.library.show_selection(Selection(exam=exam))
    yield "library", _later(1.0)
    window.library.show_selection(Selection(exam=exam, video=exam))
    yield "video", lambda: window.player.number is not None and window.player.canvas.has_frame
    for _ in range(15):
        do["next"]()
        yield "step", _later(0.05)
    for _ in range(10):
        do["previous"]()
        yield "step back", _later(0.05)
    do["play"]()
    yield "play", _later(1.5)
    do["play"]()
    yield "pause", _later(0.3)
    do["mark-in"]()
    window.player.step(10)
    yield "mark in", _later(0.5)
    do["mark-out"]()
    added = _heard(window.desk.clip_added)
    do["clip-add"]()
    yield "clip", lambda: added() and window.desk.facts.clip is not None
    yield "clip shown", _later(0.5)
    do["form"]()
    _keys(Qt.Key.Key_Tab, Qt.Key.Key_Tab, Qt.Key.Key_Tab, Qt.Key.Key_P)
    yield "describe", lambda: window.desk.facts.revision is not None
    ranked = _heard(window.matching.ranked)
    do["match"]()
    yield "matches", ranked
    yield "matches shown", _later(1.0)
    if explain:
        explained = _heard(window.matching.explained)
        do["explain"]()
        yield "explain", explained
    decided = _heard(window.deciding.decided)
    do["cannot-tell"]()
    yield "verdict", decided
    do["undo"]()
    yield "undo", _later(1.0)
    window.close()
    yield "close", lambda: True
