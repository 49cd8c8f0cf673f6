"""The worker that trains: ``python -m core.jobs.training_worker``, one process a run, at low priority.

It writes the run's folder, and into the catalogue the job's record and the candidate. A stop of any kind
leaves a checkpoint; the same request with ``run`` goes on from there.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from core.catalog.engine import Catalog
from core.jobs.serve import Handler, serve
from core.paths import DataDir
from core.progress import CancelToken, Progress, ProgressSink
from core.retraining.runs import BEGUN, unfinished

KIND = "training"
END_S = 15.0
"""So long a step and its checkpoint may take after the program went away, in seconds."""
NICENESS = 5
"""Behind everything that somebody waits for: matching stays usable."""
_BELOW_NORMAL = 0x4000
"""Windows' word for the same."""


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    data_dir: str
    preset: str = "quick"
    device: str = "auto"


class _Train(_Plan, frozen=True, kw_only=True):
    author: str
    run: str | None = None


def plan(params: dict[str, Any], progress: ProgressSink, _: CancelToken) -> dict[str, Any]:
    """``plan`` {data_dir, preset, device} → :class:`core.retraining.plan.Plan` and ``unfinished``."""
    asked = msgspec.convert(params, _Plan)
    folder = DataDir(Path(asked.data_dir))
    progress(Progress("looking at what is confirmed", 0))
    from core.training.pre_flight import pre_flight

    waits = unfinished(folder)
    with Catalog.open(folder) as catalog:
        made = pre_flight(catalog, (asked.preset, None, ()), device=asked.device)
    known = None if waits is None else {**msgspec.to_builtins(waits), "words": waits.words()}
    return made.as_dict() | {"unfinished": known}


def train(params: dict[str, Any], progress: ProgressSink, cancel: CancelToken) -> dict[str, Any]:
    """``train`` {data_dir, preset, device, author, run or null} → the document of ``train``.

    The first progress of the stage :data:`core.retraining.runs.BEGUN` names the run in its note.
    """
    asked = msgspec.convert(params, _Train)
    step_back()
    folder = DataDir(Path(asked.data_dir))
    progress(Progress("getting ready", 0))
    from core.training.retrain import retrain  # here: torch takes longer to load than a hello may

    with Catalog.open(folder) as catalog:
        return retrain(
            catalog,
            (asked.preset, None, ()) if asked.run is None else folder.runs / asked.run,
            device=asked.device,
            author=asked.author,
            progress=progress,
            cancel=cancel,
            begun=lambda run: progress(Progress(BEGUN, 0, None, run.name)),
        )


def step_back() -> None:
    """Lowers the priority of this process; where the system refuses, it stays as it is."""
    with suppress(OSError):
        if sys.platform == "win32":
            import ctypes

            kernel = ctypes.windll.kernel32
            kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL)
        else:
            os.nice(NICENESS)


HANDLERS: dict[str, Handler] = {"plan": plan, "train": train}

if __name__ == "__main__":
    serve(KIND, HANDLERS, END_S)
