"""Runs the window and says how long its UI thread was kept busy by single events.

``python tests/benchmarks/stalls.py --out FILE [--story EXAM] [arguments of python -m desktop]``: the window
under a probe that takes the CPU time of the UI thread (``time.thread_time``) around every event that Qt hands
out, slots of queued signals and timers included. The report is written when the window has closed. Any test
that drives ``python -m desktop`` from outside can start this instead.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
BUDGET_MS = 50.0
_WORST = 12


class Probe(QApplication):
    """An application that measures every event. An event inside another one counts as part of it."""

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self._depth = 0
        self.said = ""
        """What the user does now: it goes into the report beside an event."""
        self.forget()

    def forget(self) -> None:
        """Begins to count anew."""
        self._events = self._over = 0
        self._busy = 0.0
        self._worst: list[tuple[float, int, dict[str, Any]]] = []

    def notify(self, receiver: QObject, event: QEvent) -> bool:
        """Hands an event out."""
        if self._depth:
            return bool(super().notify(receiver, event))
        kind, whom = event.type(), type(receiver).__name__  # the receiver may be gone afterwards
        if whom == "QTimer":
            whom = f"a timer of {type(receiver.parent()).__name__}"
        self._depth += 1
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return bool(super().notify(receiver, event))
        finally:
            used, lasted = time.thread_time() - cpu, time.perf_counter() - wall
            self._depth -= 1
            self._note(1000 * used, 1000 * lasted, kind.name, whom)

    def _note(self, used: float, lasted: float, kind: str, whom: str) -> None:
        self._events += 1
        self._over += used > BUDGET_MS
        self._busy += used
        told = {"cpu_ms": round(used, 2), "wall_ms": round(lasted, 2), "event": kind, "receiver": whom}
        entry = (used, self._events, told | {"during": self.said})
        (heapq.heappush if len(self._worst) < _WORST else heapq.heappushpop)(self._worst, entry)

    def report(self) -> dict[str, Any]:
        """Numbers over all events so far, and the longest of them."""
        worst = [told for _, _, told in sorted(self._worst, reverse=True)]
        return {
            "events": self._events,
            "over_50_ms_cpu": self._over,
            "ui_cpu_s": round(self._busy / 1000, 3),
            "longest_cpu_ms": worst[0]["cpu_ms"] if worst else 0.0,
            "longest": worst,
        }


def main() -> int:
    """Entry point; returns the window's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the report goes")
    parser.add_argument("--story", type=int, help="follow-up exam of a demo catalogue: see story.py")
    parser.add_argument("--no-explain", action="store_true", help="leave the explanation out of the story")
    options, others = parser.parse_known_args()
    app = Probe(sys.argv[:1])
    extra: dict[str, Any] = {}
    if options.story is not None:
        from story import Story

        told = Story(app, options.story, not options.no_explain)
        extra = told.result
    import desktop.app

    code = desktop.app.main(others)
    options.out.write_text(json.dumps(app.report() | extra, ensure_ascii=False), "utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
