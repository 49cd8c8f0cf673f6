"""The folder of one training run: settings, environment, split, metrics, weights."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from core import __version__
from core.errors import Cancelled, PolypTraceError, internal_fault
from core.inference.bundle import replace_file
from core.models.device import gains_by_bfloat16
from core.training.checkpoint import save_tensors
from core.training.config import TrainConfig, read_config


class RunFolder:
    """Paths and small files of a run.

    ``config.json`` the settings; ``environment.json`` versions and machine; ``data.json`` manifest hash,
    split sizes and hashes; ``tokenizer.json``; ``metrics.jsonl`` one JSON object a step or validation,
    ``epochs.jsonl`` one an epoch; ``checkpoint.safetensors`` to go on from; ``best.safetensors`` the weights
    that validated best; ``failure.json`` why the run failed, where it did; ``model/`` the published bundle.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.checkpoint = root / "checkpoint.safetensors"
        self.best = root / "best.safetensors"
        self.tokenizer = root / "tokenizer.json"
        self.metrics = root / "metrics.jsonl"
        self.epochs = root / "epochs.jsonl"
        self.failure = root / "failure.json"
        self.bundle = root / "model"

    @property
    def name(self) -> str:
        """The run's name: its folder's."""
        return self.root.name

    @classmethod
    def create(
        cls,
        root: Path,
        config: TrainConfig,
        tokenizer_json: str,
        data: Mapping[str, Any],
        weights: dict[str, Tensor],
        processes: int = 1,
    ) -> RunFolder:
        """Makes the folder of a new run. ``config.json`` comes last: where it is, the run can be resumed.

        Args:
            weights: of the untrained network: the best so far.

        Raises:
            PolypTraceError: ``run-exists``: a run is resumed on purpose, never overwritten.
        """
        if (root / "config.json").exists():
            raise PolypTraceError(
                "run-exists",
                f"There is already a training run in {root.name}.",
                "Resume it, or choose another folder.",
            )
        root.mkdir(parents=True, exist_ok=True)
        run = cls(root)
        replace_file(run.tokenizer, tokenizer_json.encode())
        run.write("environment.json", environment(processes))
        run.write("data.json", data)
        save_tensors(run.best, weights, {"step": 0})
        run.write("config.json", msgspec.to_builtins(config))
        return run

    @classmethod
    def open(cls, root: Path) -> tuple[RunFolder, TrainConfig]:
        """An existing run and its settings.

        Raises:
            PolypTraceError: ``run-unreadable``.
        """
        return cls(root), read_config(root / "config.json")

    def write(self, name: str, value: Any) -> None:
        """Writes a small JSON file, at once or not at all."""
        replace_file(self.root / name, (json.dumps(value, indent=2) + "\n").encode())

    def read(self, name: str) -> Any:
        """Reads what :meth:`write` wrote."""
        return json.loads((self.root / name).read_text("utf-8"))

    def log(self, event: Mapping[str, Any]) -> None:
        """Adds one line to ``metrics.jsonl``, or to ``epochs.jsonl`` where it closes an epoch."""
        file = self.epochs if event["stage"] == "epoch" else self.metrics
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(event) + "\n")

    def forget_after(self, step: int) -> None:
        """Drops lines of steps that a resumed run will do again, and a line that a kill cut off."""
        for file in (self.metrics, self.epochs):
            if file.exists():
                kept = [line for line in file.read_text("utf-8").splitlines() if _step_of(line) <= step]
                replace_file(file, "".join(line + "\n" for line in kept).encode())

    def failed(self, error: PolypTraceError, step: int) -> None:
        """Puts on record why the run failed, and after how many steps."""
        when = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        self.write(self.failure.name, {**error.as_dict(), "step": step, "when": when})

    @contextmanager
    def on_record(
        self, step: Callable[[], int], known: Callable[[Exception], PolypTraceError | None] = lambda _: None
    ) -> Iterator[None]:
        """Puts on record why the run failed; one that went on and ended well has no such record.

        Args:
            step: how many steps there were when it failed.
            known: puts an error of others' into words; None where it is a fault of ours.

        Raises:
            Cancelled: leaves no record.
            PolypTraceError: what failed, or what ``known`` made of it.
        """
        self.failure.unlink(missing_ok=True)
        try:
            yield
        except PolypTraceError as error:
            self.failed(error, step())
            raise
        except Cancelled:
            raise
        except Exception as error:
            fault = known(error)
            self.failed(fault or internal_fault(error, "while it trained"), step())
            if fault:
                raise fault from error
            raise


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def new_run_folder(runs: Path, kind: str = "dmcl") -> Path:
    """A folder that doesn't exist yet, named by kind and time."""
    stem = f"{kind}-{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S}"
    names = [stem, *(f"{stem}-{number}" for number in range(2, 100))]
    return next(runs / name for name in names if not (runs / name).exists())


def begun_with(run: Path) -> int | None:
    """How many processes a run was begun with; None where it hasn't begun."""
    try:
        return int(json.loads((run / "environment.json").read_text("utf-8"))["processes"])
    except (OSError, ValueError, KeyError):
        return None


def environment(processes: int = 1) -> dict[str, Any]:
    """Versions and machine of this run; nothing about the user."""
    packages = ("torch", "torchvision", "transformers", "tokenizers", "numpy", "opencv-python-headless")
    return {
        "polyptrace": __version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "bfloat16": gains_by_bfloat16(torch.device("cpu")),
        "processes": processes,
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
