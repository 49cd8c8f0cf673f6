"""The window: its start, the player's steps, and what its UI thread is kept busy by. Offscreen."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from films import GOP, large_film
from PySide6.QtCore import QEventLoop, QTimer
from table import Figure, Goal, Row
from timing import ROOT, Size, percentile

HEAVY = ("torch", "torchvision", "transformers", "sqlalchemy", "av", "pyqtgraph")
BARE = """
import sys, time
from PySide6.QtWidgets import QApplication, QMainWindow
app, painted = QApplication([]), []
class Window(QMainWindow):
    def paintEvent(self, event): painted.append(time.monotonic())
window = Window(); window.resize(1200, 800); window.show()
while not painted: app.processEvents()
at = painted[0]
"""
IMPORTS = """
import sys, time
import desktop.app, desktop.main_window
at = time.monotonic()
"""
NOTHING = """
import sys, time
at = time.monotonic()
"""
WINDOW = """
import sys, time
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication
import desktop.app
from desktop.main_window import MainWindow
app, painted = QApplication([]), []
class Eye(QObject):
    def eventFilter(self, one, event):
        if event.type() == QEvent.Type.Paint and isinstance(one, MainWindow) and not painted:
            painted.append(set(sys.modules))
            QTimer.singleShot(0, lambda: finish(time.monotonic()))  # all of the window is painted then
        return False
eye = Eye(); app.installEventFilter(eye)
def finish(at):
    tell(at, painted[0])
    import os; os._exit(0)
"""
TELL = """
def tell(at, loaded=None):
    import json, resource
    maps = {line.split()[-1] for line in open("/proc/self/maps") if "/" in line and ".so" in line}
    files = {getattr(m, key, None) for m in list(sys.modules.values()) for key in ("__file__", "__cached__")}
    print(json.dumps({"at": at, "loaded": sorted(loaded or sys.modules),
        "files": sorted(maps | {f for f in files if isinstance(f, str)}),
        "faults": resource.getrusage(resource.RUSAGE_SELF).ru_majflt}), flush=True)
"""
PLAIN = "tell(at)\n"
RUN = "desktop.app.main(['--data-dir', sys.argv[1]])\n"


class _Started:
    """What a fresh process said: seconds from its start to what counts, and what it had loaded."""

    def __init__(self, program: str, folder: Path) -> None:
        env = os.environ | {"PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
        env |= {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}
        # An installed program has its bytecode; the first round makes it here, whatever this one was told.
        env |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        begin = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", program, str(folder / "data")],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        told = json.loads(done.stdout.splitlines()[-1])
        self.seconds: float = told["at"] - begin
        self.loaded: frozenset[str] = frozenset(told["loaded"])
        self.files: list[str] = told["files"]
        self.faults: int = told["faults"]


def start(size: Size) -> list[Row]:
    """Seconds from the start of the process to the first paint, and what importing costs."""
    if sys.platform != "linux":
        return [Row(name="start", work="the window's start", skipped="measured on Linux only")]
    programs = (WINDOW + TELL + RUN, BARE + TELL + PLAIN, IMPORTS + TELL + PLAIN, NOTHING + TELL + PLAIN)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs: list[list[_Started]] = [[] for _ in programs]
        for number in range(1 + size.of(9, 1)):
            for at, program in enumerate(programs):
                run = _Started(program, folder)
                if number:  # the first round warms up
                    runs[at].append(run)
        cold = [_cold(programs[0], runs[0][0].files, folder) for _ in range(size.of(3, 1))]
    return [_shown(runs, cold), _imported(runs)]


def _cold(program: str, files: Sequence[str], folder: Path) -> _Started:
    """As after a restart: the system is told to forget the files' pages."""
    for name in files:
        try:
            handle = os.open(name, os.O_RDONLY)
        except OSError:
            continue
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)
    return _Started(program, folder)


def _ms(runs: Sequence[_Started]) -> float:
    return 1000 * median(run.seconds for run in runs)


def _shown(runs: list[list[_Started]], cold: list[_Started]) -> Row:
    window, bare, _, nothing = runs
    early = [name for name in HEAVY if name in window[0].loaded]
    faults = round(median(run.faults for run in cold))
    return Row(
        name="start",
        work="from the start of the process to the first paint",
        ours=Figure(_ms(window), "ms", f"warm; cold {_ms(cold):.0f} ms"),
        peer=Figure(_ms(bare), "ms", "an empty Qt window"),
        limit=Figure(_ms(nothing), "ms", "Python alone"),
        goals=(
            Goal("warm", _ms(window), 500, "ms"),
            Goal("cold", _ms(cold), 1000, "ms"),
            Goal("heavy libraries loaded by then", len(early), 0, f"of {', '.join(HEAVY)}"),
        ),
        checks={"none of torch, torchvision, transformers loaded": not set(early) & set(HEAVY[:3])},
        note=f"cold: its files' pages were dropped before ({faults} were read from the disk again); "
        "those that another program holds stay" + (f". Loaded early: {', '.join(early)}" if early else ""),
    )


def _imported(runs: list[list[_Started]]) -> Row:
    _, bare, imports, nothing = runs
    share = median(a.seconds / b.seconds for a, b in zip(imports, bare, strict=True))
    early = [name for name in HEAVY if name in imports[0].loaded]
    return Row(
        name="start-import",
        work="a fresh process that imports desktop.app and desktop.main_window",
        ours=Figure(_ms(imports), "ms"),
        peer=Figure(_ms(bare), "ms", "an empty Qt window, shown"),
        limit=Figure(_ms(nothing), "ms", "Python alone"),
        goals=(Goal("ours / empty window", share, 5),),
        checks={"nothing heavy loaded": not early},
    )


def player(size: Size) -> list[Row]:
    """Steps and jumps at 1080p, from the key to the paint."""
    from PySide6.QtWidgets import QApplication

    from core.video.importing import read_video
    from desktop.player.player import Player

    app = QApplication.instance() or QApplication([])
    with tempfile.TemporaryDirectory() as name:
        path = large_film(Path(name) / "film.mp4", size.of(150, 40))
        scan = read_video(path, Path(name) / "data")
        shown = Player()
        shown.resize(1200, 800)
        shown.show()
        try:
            shown.open_video(path, scan.sha256, Path(name) / "data", scan.facts.region)
            hands = _Hands(shown, len(scan.index))
            rows = [hands.steps(size), hands.jumps(size)]
        finally:
            shown.shutdown()
            shown.close()
    del app
    return rows


class _Hands:
    """Uses a player and looks at the clock."""

    def __init__(self, player: Any, count: int) -> None:
        self._player, self._count = player, count
        self._until(lambda: player.canvas.number == 0, 20)

    def _until(self, true: Callable[[], bool], longest_s: float) -> bool:
        """Lets the window live until something is so; looks after every paint and every few milliseconds."""
        loop, end = QEventLoop(), time.monotonic() + longest_s

        def look() -> None:
            if true() or time.monotonic() > end:
                loop.quit()

        tick = QTimer(interval=5)
        tick.timeout.connect(look)
        tick.start()
        loop.exec()
        tick.stop()
        return true()

    def _painted(self, do: Callable[[], None], number: int) -> tuple[float, float]:
        """Seconds by the clock and of this thread's CPU until that frame is painted."""
        loop = QEventLoop()
        done: list[tuple[float, float]] = []

        def look() -> None:
            if self._player.canvas.number == number and not done:
                done.append((time.perf_counter() - wall, time.thread_time() - cpu))
                loop.quit()

        self._player.canvas.painted.connect(look)
        guard = QTimer(singleShot=True, interval=20_000)
        guard.timeout.connect(loop.quit)
        guard.start()
        wall, cpu = time.perf_counter(), time.thread_time()
        do()
        if not done:
            loop.exec()
        guard.stop()
        self._player.canvas.painted.disconnect(look)
        if not done:
            raise RuntimeError(f"frame {number} wasn't painted within 20 s")
        return done[0]

    def steps(self, size: Size) -> Row:
        """One frame on, one frame back, each decoded before by working ahead."""
        times, ahead = [], 0
        count = min(size.of(40, 6), self._count - 2)
        for step in [1] * count + [-1] * count:
            goal = self._player.number + step
            cache = self._player._source._cache
            ahead += self._until(lambda goal=goal, cache=cache: goal in cache.numbers, 3)  # type: ignore[misc]
            self._until(lambda: False, 0.05)
            times.append(self._painted(lambda step=step: self._player.step(step), goal))  # type: ignore[misc]
        clock, cpu = [one[0] for one in times], [one[1] for one in times]
        return Row(
            name="player-step",
            work="player at 1080p: a step to a frame that is decoded, 95th percentile",
            ours=Figure(percentile(clock), "ms", f"median {median(clock) * 1000:.0f} ms"),
            goals=(
                Goal("step to paint, p95", percentile(clock), 50, "ms"),
                Goal("UI thread's CPU a step, longest", max(cpu) * 1000, 50, "ms"),
            ),
            checks={"every frame was decoded ahead": ahead == len(times)},
            note=f"the UI thread's CPU a step: median {median(cpu) * 1000:.1f} ms",
        )

    def jumps(self, size: Size) -> Row:
        """To frames anywhere in the film."""
        clock, beyond = [], []
        chance = random.Random(4)
        for _ in range(size.of(20, 2)):
            held = self._player._source._cache.numbers
            goal = chance.choice([n for n in range(self._count) if n not in held] or range(self._count))
            clock.append(self._painted(lambda goal=goal: self._player.seek(goal), goal)[0])  # type: ignore[misc]
            beyond.append(clock[-1] - 0.012 * (goal % GOP + 1))
        return Row(
            name="player-jump",
            work="player at 1080p: a jump to a frame that isn't decoded, 95th percentile",
            ours=Figure(percentile(clock), "ms", f"median {median(clock) * 1000:.0f} ms"),
            goals=(
                Goal("p95 of (time − 12 ms a frame from the key frame on)", percentile(beyond), 50, "ms"),
            ),
        )


def stalls(size: Size) -> list[Row]:
    """The window's story on a virtual screen, every event of the UI thread measured."""
    from chapters import counted, strokes, tell
    from hands import MISSING, Screen, Step, Window

    if MISSING:
        return [Row(name="stalls", work="the story in the window", skipped=MISSING)]
    with tempfile.TemporaryDirectory() as name:
        screen = Screen(Path(name))
        try:
            window = Window(screen, Path(name) / "data", Path(name) / "home")
            try:
                found = tell(window, whole=not size.quick)
            finally:
                if window.process.poll() is None:
                    window.kill()
        finally:
            screen.close()
    rows = [_stalls(found)]
    if not size.quick:
        total = counted([Step(**step) for step in found["steps"]])
        every = total.keys + total.typed + total.clicks + total.drags
        work = "a follow-up exam with two findings, from the import dialog to the second verdict"
        each = "; ".join(f"{step['name']}: {_short(step)}" for step in found["steps"] if step["part"])
        rows.append(Row(name="story", work=work, ours=Figure(every, "strokes", strokes(total)), note=each))
    return rows


def _stalls(found: dict[str, Any]) -> Row:
    worst = "; ".join(
        f"{one['cpu_ms']:.0f} ms CPU, {one['wall_ms']:.0f} by the clock: {one['event']} of {one['receiver']} "
        f"({one['during']})"
        for one in found["longest"][:6]
    )
    return Row(
        name="stalls",
        work=f"the story in the window: {len(found['steps'])} steps, {found['events']} events",
        ours=Figure(found["longest_cpu_ms"], "ms", f"longest event; {found['over_50_ms_cpu']} over 50 ms"),
        goals=(Goal("UI thread's CPU, longest event", found["longest_cpu_ms"], 50, "ms"),),
        note=f"{worst}. By the clock: 99 % within {found['wall_p99_ms']:.0f} ms, "
        f"{found['over_50_ms_wall']} over 50 ms, the longest {found['longest_wall_ms']:.0f} ms "
        f"({found['slowest'][0]['during']}). All events together: {found['ui_cpu_s']:.1f} s of CPU",
    )


def _short(step: dict[str, Any]) -> str:
    """The strokes of a step, those that there are."""
    return ", ".join(f"{step[kind]} {kind}" for kind in ("keys", "typed", "clicks", "drags") if step[kind])


BENCHES: dict[str, Callable[[Size], list[Row]]] = {"start": start, "player": player, "stalls": stalls}
