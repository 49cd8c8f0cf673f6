"""A screen of its own, and hands and eyes that use the window on it as a person would."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
SIZE = (1600, 1000)
LONG_S = 120.0
MISSING = (
    ""
    if shutil.which("Xvfb") and shutil.which("xdotool")
    else "Xvfb and xdotool aren't installed: apt-get install xvfb xdotool"
)
"""Why there can't be a screen; empty where there can."""
_DESKTOP = ("XDG_CURRENT_DESKTOP", "QT_QPA_PLATFORMTHEME", "QT_SCALE_FACTOR", "QT_STYLE_OVERRIDE")
"""What would make Qt look and behave as on the desktop of whoever runs this."""
T = TypeVar("T")


def wait_for(ask: Callable[[], T], what: str, seconds: float = LONG_S) -> T:
    """Asks again and again until there is an answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")


class Screen:
    """A virtual screen; its pixels lie in a file below ``folder``."""

    def __init__(self, folder: Path) -> None:
        ready, tell = os.pipe()
        width, height = SIZE
        words = ["Xvfb", "-displayfd", str(tell), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"]
        self._server = subprocess.Popen(
            [*words, "-fbdir", str(folder)], pass_fds=[tell], stderr=subprocess.DEVNULL
        )
        os.close(tell)
        with os.fdopen(ready) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb didn't start"
        self.display = f":{number}"
        self._pixels = folder / "Xvfb_screen0"

    def picture(self) -> NDArray[np.uint8]:
        """What is to be seen now: (height, width, 3) uint8, blue first. The file is an X window dump."""
        raw = self._pixels.read_bytes()
        head = struct.unpack(">25I", raw[:100])
        begin, width, height, line = head[0] + 12 * head[19], head[4], head[5], head[12]
        rows = np.frombuffer(raw, np.uint8, line * height, begin).reshape(height, line)
        return rows[:, : width * 4].reshape(height, width, 4)[..., :3]

    def close(self) -> None:
        """Ends it."""
        self._server.terminate()
        self._server.wait()


@dataclass
class Step:
    """What the hands did for one step of the story. A key with its modifiers is one key."""

    name: str
    part: str
    keys: int = 0
    typed: int = 0
    clicks: int = 0
    drags: int = 0
    seconds: float = 0.0
    began: float = field(default=0.0, repr=False)


@dataclass(frozen=True)
class Thing:
    """Something that can be seen; of a picture also its frame and how many screen pixels one of it takes."""

    name: str
    words: str
    place: list[int]
    focus: bool
    frame: int | None
    scale: float = 1.0


class Window:
    """The program on a screen, and the hands that use it."""

    def __init__(self, screen: Screen, data: Path, home: Path) -> None:
        home.mkdir(exist_ok=True)
        self.data, self.home, self.log = data, home, home / "window.log"
        self.steps: list[Step] = []
        self._screen, self._report = screen, home / "stalls.json"
        self._pictures = home / "pictures"
        self._pictures.mkdir(exist_ok=True)
        self._env = {key: value for key, value in os.environ.items() if key not in _DESKTOP} | {
            "DISPLAY": screen.display,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "QT_QPA_PLATFORM": "xcb",
            "PYTHONPATH": str(ROOT),
            "POLYPTRACE_AUTHOR": "tester",
        }
        self._eyes, theirs = socket.socketpair()
        self._eyes.settimeout(LONG_S)
        words = [str(Path(__file__).with_name("probe.py")), "--out", str(self._report)]
        words += ["--eyes", str(theirs.fileno()), "--data-dir", str(data)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *words],
                env=self._env,
                cwd=home,
                stderr=log,
                stdout=log,
                pass_fds=[theirs.fileno()],
            )
        theirs.close()
        self.focus(f"{data.name} – PolypTrace")  # named so when the catalogue is open
        number = self._do("search", "--onlyvisible", "--name", "PolypTrace").split("\n")[0]
        self._do("windowmove", number, "0", "0", "windowsize", "--sync", number, *map(str, SIZE))

    # --- hands --------------------------------------------------------------------------------------------

    @contextmanager
    def step(self, name: str, part: str = "") -> Iterator[None]:
        """What is done inside counts for this step; a picture is taken at its end, also of a failed one."""
        step = Step(name, part, began=time.monotonic())
        self.steps.append(step)
        try:
            yield
        finally:
            step.seconds = round(time.monotonic() - step.began, 2)
            self.take(f"{len(self.steps):02d} {name}")

    def focus(self, title: str = "PolypTrace – Research") -> None:
        """Waits for a window and gives it the keys: there is no window manager that would. Doesn't count."""

        def there() -> str:
            return self._do("search", "--onlyvisible", "--name", f"^{re.escape(title)}|{re.escape(title)}")

        number = wait_for(there, f"a window named {title}").split("\n")[0]
        self._do("windowfocus", "--sync", number)

    def keys(self, *keys: str) -> None:
        """Presses keys one after another."""
        for key in keys:
            self._do("key", "--clearmodifiers", key)
        self._count("keys", len(keys))

    def type(self, text: str) -> None:
        """Types a text."""
        self._do("type", "--delay", "15", text)
        self._count("typed", len(text))

    def click(self, thing: Thing) -> None:
        """Clicks into the middle of something."""
        x, y, width, height = thing.place
        self._do("mousemove", str(x + width // 2), str(y + height // 2), "click", "1")
        self._count("clicks", 1)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drags with the left button, by way of the middle."""
        points = [start, [(a + b) / 2 for a, b in zip(start, end, strict=True)], end]
        first, *others = [[str(round(value)) for value in point] for point in points]
        moves = [word for point in others for word in ("mousemove", *point)]
        self._do("mousemove", *first, "mousedown", "1", *moves, "mouseup", "1")
        self._count("drags", 1)

    # --- eyes ---------------------------------------------------------------------------------------------

    def see(self) -> list[Thing]:
        """All that can be seen; the answer comes when the window has nothing else to do before."""
        self._eyes.sendall(b"look\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = self._eyes.recv(1 << 20)
            assert part, f"the window has gone:\n{self.log.read_text()}"
            answer += part
        return [Thing(**one) for one in json.loads(answer)]

    def thing(self, words: str) -> Thing:
        """Waits until something with this name, or with these words in its text, can be seen."""

        def found() -> Thing | None:
            return next((one for one in self.see() if words == one.name or words in one.words), None)

        thing = wait_for(found, f"“{words}” on the screen")
        assert thing is not None
        return thing

    def field(self) -> tuple[str, str]:
        """Name and words of what the keys go to now."""
        there = [one for one in self.see() if one.focus and one.name]
        return (there[0].name, there[-1].words) if there else ("", "")

    def wait_for_frame(self, number: int) -> Thing:
        """Waits until this frame is the one on the screen; gives the picture."""

        def shown() -> Thing | None:
            return next((one for one in self.see() if one.frame == number), None)

        picture = wait_for(shown, f"frame {number} on the screen")
        assert picture is not None
        return picture

    def take(self, name: str) -> None:
        """Keeps a picture of the screen."""
        import cv2

        cv2.imwrite(str(self._pictures / f"{name}.png"), self._screen.picture())

    # --- the end ------------------------------------------------------------------------------------------

    def close(self) -> int:
        """Ctrl+Q, and what the program says at its end."""
        self.focus()
        self.keys("ctrl+q")
        code = self.process.wait(30)
        self._eyes.close()
        return code

    def kill(self) -> None:
        """As a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._eyes.close()

    def stalls(self) -> dict[str, Any]:
        """The probe's report, once the window has closed: each long event with the step it was part of."""
        report: dict[str, Any] = json.loads(self._report.read_text("utf-8"))
        for event in report["longest"] + report["slowest"]:
            before = [step.name for step in self.steps if step.began <= event["at"]]
            event["during"] = before[-1] if before else "start"
        return report | {"steps": [asdict(step) for step in self.steps]}

    def _count(self, what: str, number: int) -> None:
        if self.steps:
            setattr(self.steps[-1], what, getattr(self.steps[-1], what) + number)

    def _do(self, *words: str) -> str:
        return subprocess.run(
            ["xdotool", *words], env=self._env, capture_output=True, text=True, check=False, timeout=30
        ).stdout.strip()
