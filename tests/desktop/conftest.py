"""The window's tests: no screen is needed, and nothing may be left running."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator

import pytest

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
