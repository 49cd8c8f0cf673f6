"""Long work as a command of its own: events on stderr, one document on stdout, Ctrl+C leaves checkpoints."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from core.errors import Cancelled, PolypTraceError
from core.inference.bundle import replace_file
from core.progress import CancelToken, Progress
from core.training.trainer import StepSink


class EventLog:
    """Progress as events: the first and last of a stage, and one every few seconds.

    Args:
        name: of the command, as ``run`` in every event.
        on_event: takes one JSON-able dictionary an event.
        seconds: between two events of one stage.
    """

    def __init__(self, name: str, on_event: StepSink, seconds: float = 2.0) -> None:
        self._name, self._on_event, self._gap = name, on_event, seconds
        self._stage, self._told = "", 0.0

    def progress(self, step: Progress) -> None:
        """A progress sink."""
        now = time.monotonic()
        if step.stage == self._stage and step.done != step.total and now - self._told < self._gap:
            return
        self._stage, self._told = step.stage, now
        self._on_event({"run": self._name, **msgspec.to_builtins(step)})


def claim(work: Path, recipe: msgspec.Struct, code: str) -> None:
    """Keeps the recipe in the work folder, so that a later start goes on with the same one.

    Args:
        work: made when missing.
        recipe: JSON-able.
        code: of the error.

    Raises:
        PolypTraceError: ``code`` when the folder was begun with another recipe.
    """
    file = work / "recipe.json"
    wanted = msgspec.json.format(msgspec.json.encode(recipe), indent=2) + b"\n"
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        replace_file(file, wanted)
    elif file.read_bytes() != wanted:
        raise PolypTraceError(
            code,
            f"The work folder {work.name} was begun with another recipe.",
            "Use the same options, choose another --work-dir, or delete that folder.",
        )


def run_command(work: Callable[[StepSink, CancelToken], dict[str, Any]]) -> int:
    """Does the work and prints its document, or why there is none; 0, or 1 after an error or a cancel.

    Args:
        work: takes a sink of events and a token that Ctrl+C or SIGTERM sets.
    """
    cancel = CancelToken()

    def stop(_number: int, _frame: FrameType | None) -> None:
        cancel.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        result = work(_tell, cancel)
    except PolypTraceError as error:
        result = {"error": error.as_dict()}
    except Cancelled:
        result = {"error": {"code": "cancelled", "message": "Stopped; start again to go on.", "hint": ""}}
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    return 1 if "error" in result else 0


def _tell(event: dict[str, Any]) -> None:
    sys.stderr.write(json.dumps(event, ensure_ascii=False) + "\n")
    sys.stderr.flush()
