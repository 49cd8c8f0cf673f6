"""What typing a search among 100 000 clips costs the window, and whoever reads the catalogue meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import large_catalogue
import numpy as np
from probe import BUDGET_MS, Probe
from table import Figure, Goal, Row
from timing import Size

from core.catalog.engine import Catalog

if TYPE_CHECKING:
    from core.search.searching import SearchResult

WORDS = "2 cm pedunculated polyp in the sigmoid"


class _Typist:
    """Types a query into the panel of a window, letter by letter, and chooses a clip meanwhile."""

    def __init__(self, app: Probe, folder: Path) -> None:
        from desktop.jobs_host import Workers
        from desktop.searching import SearchFlow
        from desktop.session import Session
        from desktop.theme import style
        from desktop.views.search.view import SearchView

        self.app, self.view = app, SearchView()
        self.session = Session("bench")
        self.flow = SearchFlow(self.session, Workers(self.session))
        self.view.asked.connect(self.flow.ask)
        self.flow.found.connect(self.view.show_result)
        self.flow.found.connect(lambda result: self.results.append(result))
        style.apply(app)
        self.view.resize(500, 900)
        self.view.show()
        self.results: list[SearchResult] = []
        self.choices: list[float] = []
        self.longest = 0.0
        self.session.open(folder)
        self.live(lambda: self.session.is_open)
        app.forget()
        self.longest = 0.0

    def live(self, until: Callable[[], bool], at_most: float = 60.0) -> float:
        """Lets the window live until something is so; gives how many seconds that took."""
        begin = last = time.perf_counter()
        while not until() and last < begin + at_most:
            self.app.processEvents()
            now = time.perf_counter()
            self.longest, last = max(self.longest, now - last), now
            time.sleep(0.001)
        return time.perf_counter() - begin

    def write(self, words: str) -> float:
        """A letter each 120 ms, a rest after each word; seconds from the last letter to its answer."""
        from PySide6.QtTest import QTest

        for letter in words:
            self.app.said = f"typing “{letter}”"
            QTest.keyClick(self.view.field, letter)
            self.live(lambda: False, 0.35 if letter == " " else 0.12)
            self._choose()
        self.live(lambda: False, 1.0)  # whatever is still on its way
        count = len(self.results)
        QTest.keyClick(self.view.field, "s")
        return self.live(lambda: len(self.results) > count)

    def _choose(self) -> None:
        """Asks what choosing a clip asks, behind whatever search is going on."""
        from desktop.desk import load_facts
        from desktop.session import Selection

        begin = time.perf_counter()
        self.session.read(
            lambda catalog: load_facts(catalog, Selection(1, 1, 1, 1)),
            lambda _: self.choices.append(time.perf_counter() - begin),
        )


def typing(size: Size) -> list[Row]:
    """The window's UI thread while a query is typed, and how long others wait for the searches."""
    app = Probe.instance() or Probe(["search-typing"])
    with large_catalogue.prepared(size.of(5000, 10), 5) as (catalog, _):
        typist = _Typist(app, catalog.data_dir.root)
        try:
            answered = typist.write(WORDS)
            typist.live(lambda: len(typist.choices) == len(WORDS))
        finally:
            typist.session.shutdown()
            typist.view.close()
        return [_typed(catalog, typist, answered, app.report())]


def _typed(catalog: Catalog, typist: _Typist, answered: float, done: dict[str, Any]) -> Row:
    waits = np.asarray(typist.choices) * 1000
    return Row(
        name="search-typing",
        work=f"a query typed in the window, {catalog.counts()['clips']:,} clips",
        ours=Figure(done["longest_cpu_ms"], "ms", "UI thread's CPU, longest event"),
        goals=(Goal("UI thread's CPU, longest event", done["longest_cpu_ms"], BUDGET_MS, "ms"),),
        checks={
            "the last letter is answered": typist.results[-1].said != "",
            "every clip chosen meanwhile is read": len(typist.choices) == len(WORDS),
        },
        note=f"by the clock no turn of its loop took longer than {1000 * typist.longest:.0f} ms; "
        f"{len(typist.results)} searches, the last one's answer {1000 * answered:.0f} ms after its letter "
        "(200 of them it waits for another one); a clip chosen meanwhile is read after "
        f"{np.median(waits):.0f} ms, at most {waits.max():.0f}",
    )


BENCHES: dict[str, Callable[[Size], list[Row]]] = {"search-typing": typing}
