"""The window's tests: no screen is needed, and nothing may be left running."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Fails where a test leaves one of our threads running."""
    before = set(threading.enumerate())
    yield
    left = [one for one in threading.enumerate() if one not in before and one.is_alive() and not one.daemon]
    assert not left, f"threads were left running: {left}"
