"""What a command says where no terminal shows it."""

from __future__ import annotations

import json

import pytest

from core.cli import output
from core.cli.output import Output
from core.progress import Progress


def test_long_work_writes_lines_into_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 1.0, 20.0, 20.0, 21.0, 40.0, 40.0])
    monkeypatch.setattr(output.time, "monotonic", lambda: next(clock))
    with Output(as_json=False).progress() as progress:
        progress(Progress("reading", 1, 4))
        progress(Progress("reading", 2, 4, "exam.mp4"))
        progress(Progress("reading", 3, 4))
        progress(Progress("learning", 7, None))
    assert capsys.readouterr().err.splitlines() == ["reading: 2 of 4 exam.mp4", "learning: 7"]


def test_a_program_hears_events_and_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    talking, silent = Output(as_json=True), Output(as_json=False)
    for one in (talking, silent):
        one.event({"stage": "train", "step": 1})
    assert [json.loads(line) for line in capsys.readouterr().err.splitlines()] == [
        {"stage": "train", "step": 1}
    ]
    with talking.progress() as progress:
        progress(Progress("reading", 1, 4))
    assert capsys.readouterr().err == ""
