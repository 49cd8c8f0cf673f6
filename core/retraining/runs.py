"""The runs that learn from a catalogue: which one waits to be gone on with, and the lock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from core.errors import Cancelled, PolypTraceError, internal_fault
from core.inference.bundle import replace_file
from core.paths import DataDir
from core.retraining.frozen import FILE, read

RESULT = "result.json"
FAILURE, GIVEN_UP = "failure.json", "given-up"
BEGUN = "beginning the run"
"""The stage of progress that names the run, in its note."""
PICTURES = ("crops", "manifest.csv")
"""What is cut out of the videos to learn from: a run that is over doesn't keep it."""
_METRICS = "metrics.jsonl"


class Unfinished(msgspec.Struct, frozen=True):
    """A run without a result: its name, settings, when it began, and how far it is in steps.

    ``failure`` says why it couldn't go on; empty where it was stopped.
    """

    run: str
    preset: str
    began: str
    step: int
    steps: int | None
    failure: str = ""

    def words(self) -> str:
        """How far it is."""
        return f"step {self.step} of {self.steps}" if self.steps else "still reading the videos"


def is_catalogue_run(run: Path) -> bool:
    """Whether a run folder is one of these."""
    return (run / FILE).is_file()


def refuse_foreign(folder: DataDir, run: Path) -> None:
    """Refuses a run of another data folder: the ids that it has frozen mean other clips here.

    Raises:
        PolypTraceError: ``run-elsewhere``.
    """
    if run.resolve().parent != folder.runs.resolve():
        raise PolypTraceError(
            "run-elsewhere",
            f"The run {run.name} belongs to another catalogue.",
            "Go on with it in the data folder that it lies in (--data-dir), or start a new one here.",
        )


def unfinished(folder: DataDir) -> Unfinished | None:
    """The newest run, unless it is done, given up or being worked on; older ones were left for it."""
    runs = [path for path in folder.runs.glob("*") if is_catalogue_run(path)] if folder.runs.is_dir() else []
    newest = max(runs, key=lambda run: (run / FILE).stat().st_mtime_ns, default=None)
    if newest is None or any((newest / name).is_file() for name in (RESULT, GIVEN_UP)) or _busy(folder):
        return None
    try:
        frozen = read(newest)
    except PolypTraceError:
        return None
    step, steps = _reached(newest)
    began = frozen.made_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return Unfinished(newest.name, frozen.preset, began, step, steps, _failure(newest))


@contextmanager
def failure_kept(run: Path) -> Iterator[None]:
    """Why the block couldn't go on with a run is kept in its folder, until the run goes on again."""
    for name in (FAILURE, GIVEN_UP):
        (run / name).unlink(missing_ok=True)
    try:
        yield
    except Cancelled:
        raise
    except Exception as error:
        told = error if isinstance(error, PolypTraceError) else internal_fault(error)
        with suppress(OSError):
            replace_file(run / FAILURE, json.dumps(told.as_dict()).encode())
        raise


def give_up(folder: DataDir, name: str) -> None:
    """A run that nobody wants to go on with: it isn't offered any more, and its pictures are deleted.

    Raises:
        PolypTraceError: ``training-runs``, ``run-elsewhere``.
    """
    run = folder.runs / name
    refuse_foreign(folder, run)
    with only_one(folder):
        (run / GIVEN_UP).touch()
        delete_pictures(run)


def delete_pictures(run: Path) -> None:
    """Takes a run's pictures and their list away; where it is gone on with they are cut anew."""
    for name in PICTURES:
        with suppress(OSError):
            shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink(missing_ok=True)


def result_of(run: Path) -> dict[str, Any] | None:
    """What a finished run came to; None for another."""
    try:
        found: dict[str, Any] = json.loads((run / RESULT).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found


def keep_result(run: Path, document: dict[str, Any]) -> dict[str, Any]:
    """The run is finished; gives the document as :func:`result_of` will."""
    text = json.dumps(document, indent=1)
    replace_file(run / RESULT, (text + "\n").encode())
    kept: dict[str, Any] = json.loads(text)
    return kept


@contextmanager
def only_one(folder: DataDir) -> Iterator[None]:
    """One training a data folder at a time; the lock goes with the process.

    Raises:
        PolypTraceError: ``training-runs``.
    """
    lock = _lock(folder)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise PolypTraceError(
            "training-runs",
            "A training on this catalogue is going on already.",
            "Wait for its end, or cancel it where it was started.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def _busy(folder: DataDir) -> bool:
    lock = _lock(folder)
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True


def _lock(folder: DataDir) -> FileLock:
    folder.runs.mkdir(parents=True, exist_ok=True)
    return FileLock(folder.runs / ".training.lock")


def _failure(run: Path) -> str:
    try:
        found = json.loads((run / FAILURE).read_text("utf-8"))
        return f"{found['message']} {found['hint']}".strip()
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _reached(run: Path) -> tuple[int, int | None]:
    try:
        lines = (run / _METRICS).read_text("utf-8").splitlines()
        last = json.loads(next(line for line in reversed(lines) if line.endswith("}")))
        return int(last["step"]), int(last["steps"])
    except (OSError, ValueError, KeyError, StopIteration):
        return 0, None
