"""Pictures of the lists: one at a time, the newest wish first, none twice."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal

from desktop import crops
from desktop.crops import Crops


class Folders(QObject):
    """A session's part that matters here."""

    leaving = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.folder: Any = SimpleNamespace(root="folder")


class Worker:
    """Holds what it is asked for until it is told to answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, Any, Any]] = []

    def ask(
        self, kind: str, name: str, params: Any, title: str, then: Any, failed: Any, *, quiet: bool
    ) -> None:
        self.asked.append((params["clip"], then, failed))

    def answer(self, fails: bool = False) -> None:
        clip, then, failed = self.asked[-1]
        failed(None) if fails else then({"path": f"{clip}.jpg"})

    @property
    def clips(self) -> list[int]:
        return [clip for clip, _, _ in self.asked]


@pytest.fixture
def parts(qapp: Any) -> tuple[Folders, Worker, Crops, list[int]]:
    session, worker = Folders(), Worker()
    made = Crops(session, worker)  # type: ignore[arg-type]
    came: list[int] = []
    made.ready.connect(lambda clip, _: came.append(clip))
    return session, worker, made, came


def test_the_newest_wish_comes_first_and_none_twice(parts: Any) -> None:
    _, worker, made, came = parts
    for clip in (1, 2, 3, 2, 1):
        made.fetch(clip)
    assert worker.clips == [1]
    worker.answer()
    worker.answer(fails=True)  # one that can't be had doesn't stop the others
    worker.answer()
    assert worker.clips == [1, 2, 3]
    assert came == [1, 3]


def test_old_wishes_are_dropped(parts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crops, "MOST", 2)
    _, worker, made, _ = parts
    for clip in range(5):
        made.fetch(clip)
    for _ in range(3):
        worker.answer()
    assert worker.clips == [0, 4, 3]


def test_another_catalogue_hears_nothing_of_the_one_before(parts: Any) -> None:
    session, worker, made, came = parts
    made.fetch(1)
    made.fetch(2)
    session.leaving.emit()
    session.folder = SimpleNamespace(root="other")
    worker.answer()
    assert (worker.clips, came) == ([1], [])
    made.fetch(1)
    assert worker.clips == [1, 1]
