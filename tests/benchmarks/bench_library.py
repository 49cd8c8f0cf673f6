"""The library with 100 000 clips: what single events cost the UI thread, from opening to a change."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import large_catalogue
from probe import BUDGET_MS, Probe
from table import Figure, Goal, Row
from timing import Size

from core.catalog.engine import Catalog
from core.paths import DataDir

SHAPES = {
    "library": ("patients with 20 clips each", (5000, 20), (5, 1)),
    "library-wide": ("patients with 4 clips each", (25_000, 20), (1, 1)),
    "library-deep": ("one patient, 25 000 clips a video", (1, 1), (25_000, 20)),
}
"""Name, what the catalogue holds, and patients and clips a video: in the whole run and in the smoke run."""
LONGEST_S = 60.0


class _Hands:
    """Uses a library on a large catalogue, each step in an event of its own."""

    def __init__(self, app: Probe, folder: Path) -> None:
        from desktop.session import Session
        from desktop.theme import style
        from desktop.views.library import LibraryView

        self.app, self.folder = app, folder
        self.session = Session("bench")
        self.view = LibraryView(self.session)
        self.view.resize(360, 900)
        style.apply(app)
        self.view.show()
        app.forget()
        self.seconds: dict[str, float] = {}

    def do(self, name: str, step: Callable[[], object], until: Callable[[], bool]) -> None:
        """Does something and lets the window live until it is so, and painted."""
        from PySide6.QtCore import QTimer

        self.app.said, begin = name, time.monotonic()
        QTimer.singleShot(0, self.app, step)
        self._live(0.02)
        while not until():
            if time.monotonic() > begin + LONGEST_S:
                raise RuntimeError(f"waited in vain for: {name}")
            self._live(0.002)
        self.seconds[name] = round(time.monotonic() - begin, 3)
        self._live(0.1)

    def _live(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.app.processEvents()
            time.sleep(0.001)

    def story(self) -> None:
        """Opens, expands, scrolls, writes, searches and goes back."""
        for name, step, until in self._steps():
            self.do(name, step, until)

    def _steps(self) -> Iterator[tuple[str, Callable[[], object], Callable[[], bool]]]:
        from core.catalog import operations
        from desktop.item_models.library_feed import Stage
        from desktop.session import Selection

        view, model, session = self.view, self.view.model, self.session
        bar = view.tree.verticalScrollBar()

        def rows(key: tuple[int, ...]) -> bool:
            return model.number_of(key) is not None

        def settled() -> bool:
            return view._feed.stage is not Stage.READING

        yield "open", lambda: session.open(self.folder), lambda: model.patients > 0
        if not model.is_open((1,)):
            yield "expand a patient", lambda: view._feed.open((1,)), lambda: rows((1, 1))
            yield "expand an exam", lambda: view._feed.open((1, 1)), lambda: rows((1, 1, 1))
        yield "expand a video", lambda: view._feed.open((1, 1, 1)), lambda: rows((1, 1, 1, 1))
        yield (
            "choose",
            lambda: view.show_selection(Selection(1, 1, 1, 1)),
            lambda: session.selection.clip == 1,
        )
        for at in range(40):
            to = bar.maximum() * at // 39
            yield f"scroll {at}", lambda to=to: bar.setValue(to), lambda to=to: bar.value() == to  # type: ignore[misc]
        words = {"segment": "rectum", "size_mm": 7}
        yield (
            "a description",
            lambda: session.write(lambda c: operations.describe(c, 1, words, author="bench")),
            lambda: "rectum, 7 mm" in _detail(model, (1, 1, 1, 1)),
        )
        before = model.rowCount()
        yield (
            "a new clip",
            lambda: session.write(lambda c: operations.add_clip(c, 1, 1, 1, 7, author="bench")),
            lambda: model.rowCount() == before + 1,
        )
        yield (
            "undo",
            lambda: session.write(lambda c: operations.undo(c, author="bench")),
            lambda: model.rowCount() == before,
        )
        yield "search few", lambda: view._feed.search("p-000001"), settled
        yield "search many", lambda: view._feed.search("part a"), settled
        yield "end of search", lambda: view._feed.search(""), settled
        yield "close a video", lambda: view._feed.close((1, 1, 1)), lambda: not rows((1, 1, 1, 1))


def _detail(model: Any, key: tuple[int, ...]) -> str:
    return str(model.at(model.number_of(key)).detail)


def _bench(name: str, size: Size) -> list[Row]:
    what, patients, clips = SHAPES[name]
    app = Probe.instance() or Probe([name])
    with tempfile.TemporaryDirectory() as folder:
        with Catalog.open(DataDir(Path(folder))) as catalog:
            large_catalogue.fill(catalog, size.of(*patients), size.of(*clips))
            count = catalog.counts()["clips"]
        hands = _Hands(app, Path(folder))
        try:
            hands.story()
        finally:
            hands.session.shutdown()
            hands.view.close()
        done = app.report()
    return [_row(name, f"{what}: {count:,} clips", done, hands.seconds)]


def _row(name: str, what: str, done: dict[str, Any], seconds: dict[str, float]) -> Row:
    worst = "; ".join(
        f"{one['cpu_ms']:.0f} ms in {one['during']} ({one['event']} of {one['receiver']})"
        for one in done["longest"][:5]
    )
    waits = ", ".join(f"{step} {one:.2f}" for step, one in seconds.items() if not step.startswith("scroll"))
    return Row(
        name=name,
        work=f"the library, {what}",
        ours=Figure(done["longest_cpu_ms"], "ms", "UI thread's CPU, longest event"),
        goals=(Goal("UI thread's CPU, longest event", done["longest_cpu_ms"], BUDGET_MS, "ms"),),
        checks={"every step came to its end": "close a video" in seconds},
        note=f"{worst}. Seconds until shown: {waits}",
    )


BENCHES: dict[str, Callable[[Size], list[Row]]] = {
    "library": lambda size: _bench("library", size),
    "library-wide": lambda size: _bench("library-wide", size),
    "library-deep": lambda size: _bench("library-deep", size),
}
