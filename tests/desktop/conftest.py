"""The window's tests: no screen is needed, and nothing may be left running."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer

from desktop.main_window import MainWindow

from .window_case import LONG_MS, Case, draw_video, workers

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# The layout is remembered: not in the home of whoever runs the tests.
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="polyptrace-config-")


def _is_ours(thread: threading.Thread) -> bool:
    """The threads of a worker's host are daemons, and still must be gone."""
    return not thread.daemon or thread.name.startswith(("inference", "media"))


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Fails where a test leaves one of our threads running."""
    before = set(threading.enumerate())
    yield
    left = [one for one in threading.enumerate() if one not in before and one.is_alive() and _is_ours(one)]
    assert not left, f"threads were left running: {left}"


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("films")
    return [draw_video(folder / f"exam {seed}.mp4", seed) for seed in range(3)]


@pytest.fixture
def case(tmp_path: Path, films: list[Path]) -> Case:
    return Case(tmp_path, films)


@pytest.fixture
def window(qtbot: Any, case: Case) -> Iterator[MainWindow]:
    """The real window on the case; once closed it leaves neither processes nor timers behind."""
    made = MainWindow("tester")
    made.show()
    with qtbot.waitSignal(made.session.opened, timeout=LONG_MS):
        made.start(case.folder.root)
    yield made
    made.close()
    assert workers() == []
    assert [one for one in made.findChildren(QTimer) if one.isActive()] == []
