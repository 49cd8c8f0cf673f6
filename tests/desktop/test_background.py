"""The background thread and the session: order, errors, drops, and an end that waits for the work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import PolypTraceError
from desktop.background import Background
from desktop.session import Selection, Session


@pytest.fixture
def thread(qtbot: Any) -> Iterator[Background]:
    made = Background("test")
    yield made
    made.close()


def test_answers_come_in_order_on_the_ui_thread(qtbot: Any, thread: Background) -> None:
    heard: list[tuple[int, bool]] = []
    ui = threading.get_ident()
    ran: list[int] = []

    def work(number: int) -> int:
        ran.append(threading.get_ident())
        return number

    for number in range(5):
        thread.do(lambda n=number: work(n), lambda n: heard.append((n, threading.get_ident() == ui)))
    qtbot.waitUntil(lambda: len(heard) == 5)
    assert heard == [(number, True) for number in range(5)]
    assert ui not in ran


def test_errors_are_heard_in_words(qtbot: Any, thread: Background) -> None:
    def refuse() -> None:
        raise PolypTraceError("no", "It can't be done.", "Try again.")

    def fault() -> None:
        raise ZeroDivisionError("secret name")

    told: list[PolypTraceError] = []
    thread.problem.connect(told.append)
    thread.do(refuse, lambda _: None, told.append)
    thread.do(fault, lambda _: None)
    qtbot.waitUntil(lambda: len(told) == 2)
    assert told[0].code == "no"
    assert told[1].code == "internal"
    assert "ZeroDivisionError" in told[1].message
    assert "secret" not in told[1].message


def test_a_dropped_task_is_silent(qtbot: Any, thread: Background) -> None:
    heard: list[str] = []
    gate = threading.Event()
    thread.do(gate.wait, lambda _: None)
    task = thread.do(lambda: "dropped", heard.append)
    thread.do(lambda: "kept", heard.append)
    task.drop()
    gate.set()
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == ["kept"]


def test_closing_finishes_what_was_asked_for(qtbot: Any) -> None:
    made, done = Background("test"), []
    for number in range(20):
        made.do(lambda n=number: done.append(n), lambda _: None)
    made.close()
    assert done == list(range(20))
    made.do(lambda: done.append(99), lambda _: None)
    made.close()
    assert 99 not in done


@pytest.fixture
def session(qtbot: Any, tmp_path: Path) -> Iterator[Session]:
    made = Session("tester")
    with qtbot.waitSignal(made.opened):
        made.open(tmp_path / "data")
    yield made
    made.shutdown()


def test_a_write_tells_every_view_what_changed(qtbot: Any, session: Session) -> None:
    from core.catalog import operations, queries

    with qtbot.waitSignal(session.changed) as told:
        session.write(lambda catalog: operations.add_patient(catalog, "P-1", author="tester"))
    assert told.args[0].created.patients == (1,)
    codes: list[list[str]] = []
    session.read(lambda catalog: [one.code for one in queries.patients(catalog)], codes.append)
    qtbot.waitUntil(lambda: bool(codes))
    assert codes == [["P-1"]]


def test_a_refused_write_changes_nothing(qtbot: Any, session: Session) -> None:
    from core.catalog import operations

    changed: list[object] = []
    session.changed.connect(changed.append)
    with qtbot.waitSignal(session.problem) as told:
        session.write(lambda catalog: operations.undo(catalog, author="tester"))
    assert told.args[0].code == "nothing-to-undo"
    assert changed == []


def test_a_catalogue_that_cannot_be_opened_is_said(qtbot: Any, tmp_path: Path) -> None:
    (tmp_path / "catalogue.sqlite").write_text("This is no catalogue. " * 100)
    made, told = Session(), []
    made.open(tmp_path, told.append)
    qtbot.waitUntil(lambda: bool(told))
    assert told[0].code.startswith("catalog")
    assert not made.is_open
    made.shutdown()


def test_choosing_the_same_again_is_silent(qtbot: Any) -> None:
    made, chosen = Session(), []
    made.chosen.connect(chosen.append)
    for _ in range(2):
        made.choose(Selection(patient=1))
    assert chosen == [Selection(patient=1)]
    made.shutdown()
