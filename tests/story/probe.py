"""Runs the window and says how long its UI thread was kept busy by single events.

``python tests/story/probe.py --out FILE [--eyes FD] [arguments of python -m desktop]``: the window under a
probe that takes the CPU time of the UI thread (``time.thread_time``) and the time by the clock around every
event that Qt hands out, slots of queued signals and timers included. The report is written when the window
has closed. Meanwhile whoever holds the other end of the socket FD is told what can be read in the window.
"""

from __future__ import annotations

import argparse
import heapq
import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, QSocketNotifier, QThread
from PySide6.QtWidgets import QAbstractItemView, QApplication, QWidget

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
BUDGET_MS = 50.0
_WORST = 12


class _Span:
    """An event that is being handled: its longest stretch without a loop inside it."""

    def __init__(self, kind: str, whom: str, loops: int) -> None:
        self.kind, self.whom, self.loops = kind, whom, loops
        self.used = self.lasted = 0.0
        self._in_loop = False
        self._begin()

    def pause(self) -> None:
        """A loop inside the event, as a file dialog has, hands the next event out."""
        if not self._in_loop:  # between two events of that loop nothing waits for this one
            self._take()
        self._in_loop = True

    def end(self) -> _Span:
        """It is handled."""
        self._take()
        return self

    def resume(self) -> None:
        """That event is handled; should the loop end now, this one goes on."""
        self._begin()

    def _begin(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.thread_time()

    def _take(self) -> None:
        used, lasted = time.thread_time() - self._cpu, time.perf_counter() - self._wall
        self.used, self.lasted = max(self.used, 1000 * used), max(self.lasted, 1000 * lasted)


class _Worst:
    """The events with the highest values of one figure."""

    def __init__(self, figure: str) -> None:
        self._figure = figure
        self._heap: list[tuple[float, float, dict[str, Any]]] = []

    def add(self, told: dict[str, Any]) -> None:
        """One more event."""
        entry = (told[self._figure], told["at"], told)
        (heapq.heappush if len(self._heap) < _WORST else heapq.heappushpop)(self._heap, entry)

    def told(self) -> list[dict[str, Any]]:
        """They, the worst first."""
        return [told for *_, told in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


class Probe(QApplication):
    """An application that measures every event.

    An event that is sent by another one's handler is part of that; one of a loop inside it (a dialog that
    waits for its end) is an event of its own.
    """

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self._thread = threading.get_ident()
        self._spans: list[_Span] = []
        self.unmeasured: QObject | None = None
        """What belongs to the measuring."""
        self.said = ""
        """What the user does now: it goes into the report beside an event."""
        self.forget()

    def forget(self) -> None:
        """Begins to count anew."""
        self._walls: list[float] = []
        self._over = 0
        self._busy = 0.0
        self._worst = _Worst("cpu_ms"), _Worst("wall_ms")

    def notify(self, receiver: QObject, event: QEvent) -> bool:
        """Hands an event out. Those of other threads, as a file dialog has them, aren't measured."""
        if threading.get_ident() != self._thread:
            return bool(super().notify(receiver, event))
        loops = QThread.currentThread().loopLevel()
        outer = self._spans[-1] if self._spans else None
        if receiver is self.unmeasured or (outer is not None and outer.loops >= loops):
            return bool(super().notify(receiver, event))
        if outer is not None:
            outer.pause()
        self._spans.append(_Span(event.type().name, _name(receiver), loops))
        began = time.monotonic()
        try:
            return bool(super().notify(receiver, event))
        finally:
            self._note(self._spans.pop().end(), began)
            if outer is not None:
                outer.resume()

    def _note(self, span: _Span, began: float) -> None:
        self._walls.append(span.lasted)
        self._over += span.used > BUDGET_MS
        self._busy += span.used
        told: dict[str, Any] = {"cpu_ms": round(span.used, 2), "wall_ms": round(span.lasted, 2), "at": began}
        told["during"] = self.said
        for worst in self._worst:
            worst.add(told | {"event": span.kind, "receiver": span.whom})

    def report(self) -> dict[str, Any]:
        """Numbers over all events so far, and the longest with the ``time.monotonic`` of their beginning."""
        longest, slowest = (worst.told() for worst in self._worst)
        walls = sorted(self._walls)
        return {
            "events": len(walls),
            "over_50_ms_cpu": self._over,
            "over_50_ms_wall": sum(one > BUDGET_MS for one in walls),
            "ui_cpu_s": round(self._busy / 1000, 3),
            "longest_cpu_ms": longest[0]["cpu_ms"] if longest else 0.0,
            "longest_wall_ms": round(walls[-1], 2) if walls else 0.0,
            "wall_p99_ms": round(walls[int(0.99 * (len(walls) - 1))], 2) if walls else 0.0,
            "longest": longest,
            "slowest": slowest,
        }


def _name(receiver: QObject) -> str:
    """Asked before the event: the receiver may be gone afterwards."""
    name = type(receiver).__name__
    return f"a timer of {type(receiver.parent()).__name__}" if name == "QTimer" else name


class Eyes(QObject):
    """Answers each line on a socket with what can be read on the screen, as a screen reader would say it."""

    def __init__(self, app: Probe, descriptor: int) -> None:
        super().__init__(app)
        self._line = socket.socket(fileno=descriptor)
        self._bell = QSocketNotifier(descriptor, QSocketNotifier.Type.Read, self)
        self._bell.activated.connect(self._answer)
        app.unmeasured = self._bell

    def _answer(self) -> None:
        if not self._line.recv(64):
            self._bell.setEnabled(False)
            return
        self._line.sendall((json.dumps(seen()) + "\n").encode())


def seen() -> list[dict[str, Any]]:
    """Every widget that can be seen: its name, its words, where it is; of a picture which frame it shows."""
    found = []
    for top in QApplication.topLevelWidgets():
        for one in [top, *top.findChildren(QWidget)] if top.isVisible() else []:
            if one.isVisible() and not one.visibleRegion().isEmpty():
                corner = one.mapToGlobal(QPoint(0, 0))
                place = (corner.x(), corner.y(), one.width(), one.height())
                told = {"name": one.accessibleName(), "words": _words(one), "place": place}
                told["focus"] = one.hasFocus()
                found.append(told | _frame(one))
                found += _rows(one) if isinstance(one, QAbstractItemView) else []
    return found


def _words(one: QWidget) -> str:
    """What is written there; of a list or a tree the chosen row."""
    if isinstance(one, QAbstractItemView):
        return str(one.currentIndex().data() or "")
    return str(one.text() if hasattr(one, "text") and callable(one.text) else one.windowTitle())


def _rows(view: QAbstractItemView) -> list[dict[str, Any]]:
    """The rows of a list or a table that can be seen."""
    found, model, corner = [], view.model(), view.viewport().mapToGlobal(QPoint(0, 0))
    for row in range(model.rowCount()):
        index = model.index(row, 0)
        place = view.visualRect(index).intersected(view.viewport().rect())
        if not place.isEmpty():
            told = {"name": "", "words": str(index.data() or ""), "place": place.translated(corner).getRect()}
            found.append(told | {"focus": False, "frame": None})
    return found


def _frame(one: QWidget) -> dict[str, Any]:
    """Which frame a picture is, and where on the screen its corners lie."""
    from desktop.player.picture import PictureView

    if not isinstance(one, PictureView) or one.number is None:
        return {"frame": None}
    target = one.view.target.toRect().translated(one.mapToGlobal(QPoint(0, 0)))
    return {"frame": one.number, "place": target.getRect(), "scale": one.view.scale}


def main() -> int:
    """Entry point; returns the window's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the report goes")
    parser.add_argument("--eyes", type=int, help="descriptor of a socket on which is asked what can be read")
    options, others = parser.parse_known_args()
    app = Probe(sys.argv[:1])
    if options.eyes is not None:
        Eyes(app, options.eyes)
    import desktop.app

    code = desktop.app.main(others)
    options.out.write_text(json.dumps(app.report(), ensure_ascii=False), "utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
