"""The real window on a screen of its own, driven by mouse and keyboard; the catalogue says what came of it.

Waits are for what the catalogue says; the few pauses are for what only the eye could see.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")
LONG_S = 90.0
PAUSE_S = 2.5
"""Longer than a busy computer needs to show a video or a form."""

pytestmark = pytest.mark.skipif(
    shutil.which("Xvfb") is None or shutil.which("xdotool") is None,
    reason="Xvfb and xdotool aren't installed: apt-get install xvfb xdotool",
)


@pytest.fixture(scope="session")
def screen() -> Iterator[str]:
    """A virtual screen; its display's name."""
    ready, tell = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(tell), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
        pass_fds=[tell],
        stderr=subprocess.DEVNULL,
    )
    os.close(tell)
    with os.fdopen(ready) as pipe:
        number = pipe.readline().strip()
    assert number
    yield f":{number}"
    server.terminate()
    server.wait()


class Window:
    """The program and the hands that use it."""

    def __init__(self, display: str, data: Path, home: Path) -> None:
        home.mkdir(exist_ok=True)
        self.data = data
        self._env = os.environ | {
            "DISPLAY": display,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "QT_QPA_PLATFORM": "xcb",
            "PYTHONPATH": str(ROOT),
            "POLYPTRACE_AUTHOR": "tester",
        }
        self._log = (home / "window.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "desktop", "--data-dir", str(data)],
            env=self._env,
            cwd=ROOT,
            stderr=self._log,
            stdout=self._log,
        )
        self.log = home / "window.log"
        self.focus(f"{data.name} – PolypTrace")  # named so when the catalogue is open

    def focus(self, title: str) -> None:
        """Waits for a window and gives it the keys: there is no window manager that would."""

        def there() -> str:
            return self._do("search", "--onlyvisible", "--name", title).split("\n")[0]

        number = wait_for(there, f"a window named {title}")
        self._do("windowfocus", "--sync", number)

    def maximise(self) -> None:
        """Fills the screen."""
        number = self._do("search", "--onlyvisible", "--name", "PolypTrace").split("\n")[0]
        self._do("windowmove", number, "0", "0", "windowsize", "--sync", number, "1600", "1000")

    def keys(self, *keys: str) -> None:
        """Presses keys one after another."""
        for key in keys:
            self._do("key", "--clearmodifiers", key)

    def type(self, text: str) -> None:
        """Types a text."""
        self._do("type", "--delay", "15", text)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Drags with the left button."""
        middle = [(a + b) // 2 for a, b in zip(start, end, strict=True)]
        self._do("mousemove", *map(str, start), "mousedown", "1", "mousemove", *map(str, middle))
        self._do("mousemove", *map(str, end), "mouseup", "1")

    def close(self) -> int:
        """Ctrl+Q, and what the program says at its end."""
        self.focus("PolypTrace")
        self.keys("ctrl+q")
        code = self.process.wait(30)
        self._log.close()
        return code

    def kill(self) -> None:
        """As a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._log.close()

    def _do(self, *words: str) -> str:
        return subprocess.run(
            ["xdotool", *words], env=self._env, capture_output=True, text=True, check=False, timeout=30
        ).stdout.strip()


def wait_for(ask: Callable[[], T], what: str, seconds: float = LONG_S) -> T:
    """Asks again and again until there is an answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")


@pytest.fixture
def window(screen: str, tmp_path: Path, workspace: Any) -> Iterator[Window]:
    """The window on a copy of the workspace's catalogue, its model beside it."""
    data = tmp_path / "data"
    shutil.copytree(workspace.data, data)
    opened = Window(screen, data, tmp_path / "home")
    opened.maximise()
    time.sleep(PAUSE_S)  # the library is read
    yield opened
    if opened.process.poll() is None:
        opened.kill()


def ask_catalogue(data: Path, question: Callable[[Any], T]) -> T:
    """Reads the catalogue from outside, while the program runs."""
    from core.catalog.engine import Catalog
    from core.paths import DataDir

    with Catalog.open(DataDir(data)) as catalog:
        return question(catalog)


def test_the_whole_story(window: Window, workspace: Any) -> None:
    from core.catalog import queries
    from core.domain import Verdict

    def ask(question: Callable[[Any], T]) -> T:
        return ask_catalogue(window.data, question)

    before = {clip.id for clip in ask(queries.clips)}
    # The follow-up exam's video, by the library's search field and the arrow keys.
    window.keys("ctrl+f")
    window.type("exam 1")
    time.sleep(PAUSE_S)  # what is found is read
    window.keys("F2", "Home", "Down", "Down", "Return")
    # A stretch of ten frames, marked in the player.
    time.sleep(PAUSE_S)
    window.keys("F3", "Home", "i", *["Right"] * 10, "o", "Return")
    new = wait_for(lambda: {clip.id for clip in ask(queries.clips)} - before, "the new clip")
    (clip,) = new
    found = ask(lambda catalog: queries.clip(catalog, clip))
    index = _index(window.data, workspace)
    assert (index.number_of(found.pts_in), index.number_of(found.pts_out)) == (0, 10)
    # Its description, by keyboard alone; it saves itself.
    time.sleep(PAUSE_S)
    window.keys("F4", "Tab", "Tab", "Tab", "p")
    told = wait_for(lambda: ask(lambda c: queries.description(c, found.finding_id)), "the description")
    assert told.values == {"state": "polyp"}
    assert told.author == "tester"
    # Matches: described first, then shown, with the ranking on record.
    window.keys("ctrl+m")
    shown = wait_for(
        lambda: ask(lambda c: queries.last_audit_event(c, "ranking-shown", f"clip {clip}")), "the ranking"
    )
    assert [one for one, _ in shown.after["ranking"]] == [workspace.earlier]
    # A verdict by key, and back again.
    finding = found.finding_id

    def same() -> Any:
        window.keys("alt+1")  # again is no other verdict
        return ask(lambda c: queries.verdict(c, finding))

    verdict = wait_for(same, "the verdict")
    assert verdict.verdict is Verdict.SAME
    assert verdict.model_id == shown.after["model"]
    window.keys("ctrl+z")
    wait_for(lambda: ask(lambda c: queries.verdict(c, finding)) is None, "the undo")
    assert "libtorch" not in Path(f"/proc/{window.process.pid}/maps").read_text()
    assert window.close() == 0
    assert "Traceback" not in window.log.read_text()


def _index(data: Path, workspace: Any) -> Any:
    from core.catalog import queries
    from core.matching.footage import frame_index

    video = workspace.video_id
    return ask_catalogue(data, lambda catalog: frame_index(catalog, queries.video(catalog, video)))


def test_a_kill_while_typing_loses_nothing_older_than_the_autosave(window: Window, workspace: Any) -> None:
    from core.catalog import queries

    finding = ask_catalogue(window.data, lambda c: queries.clip(c, workspace.undescribed).finding_id)
    window.keys("ctrl+f")
    window.type("exam 1")
    time.sleep(PAUSE_S)  # what is found is read
    window.keys("F2", "Home", "Down", "Down", "Right", "Down", "Down")
    time.sleep(PAUSE_S)
    window.keys("F4", "Tab", "Tab", "Tab", "s")
    time.sleep(2.5)  # the autosave's pause is 0.8 s
    window.kill()
    told = ask_catalogue(window.data, lambda c: queries.description(c, finding))
    assert told is not None
    assert told.values["state"]
