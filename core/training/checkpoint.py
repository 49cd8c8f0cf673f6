"""Checkpoints: one safetensors file that holds everything a run needs to go on, replaced atomically."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from core.errors import PolypTraceError


def save_tensors(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Writes tensors and JSON facts as one file, at once or not at all."""
    plain = {name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()}
    part = path.with_name(f".{path.name}.part")
    safetensors.torch.save_file(plain, part, metadata={"facts": json.dumps(facts)})
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What :func:`save_tensors` wrote.

    Raises:
        PolypTraceError: ``checkpoint-unreadable``.
    """
    facts = load_facts(path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise _unreadable(path) from error


def load_facts(path: Path) -> dict[str, Any]:
    """The JSON facts of a file of :func:`save_tensors`; the tensors stay on the disk.

    Raises:
        PolypTraceError: ``checkpoint-unreadable``.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            facts: dict[str, Any] = json.loads((file.metadata() or {})["facts"])
            return facts
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> PolypTraceError:
    return PolypTraceError(
        "checkpoint-unreadable",
        f"The checkpoint {path.name} of the run {path.parent.name} can't be read.",
        "Delete this file and start again: the settings lie beside it.",
    )


def save_checkpoint(
    path: Path, modules: dict[str, nn.Module], optimiser: torch.optim.Optimizer, facts: dict[str, Any]
) -> None:
    """Writes a checkpoint: weights, buffers, the optimiser's state and torch's random state.

    Args:
        modules: name → module, e.g. network and identity head.
        facts: JSON-able; the step number and what else the run must know.
    """
    tensors = {
        f"{name}/{key}": value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for number, state in optimiser.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimiser/{number}/{key}"] = torch.as_tensor(value)
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    save_tensors(path, tensors, facts)


def load_checkpoint(
    path: Path, modules: dict[str, nn.Module], optimiser: torch.optim.Optimizer
) -> dict[str, Any]:
    """Puts everything back where :func:`save_checkpoint` took it from; returns its facts.

    Raises:
        PolypTraceError: ``checkpoint-unreadable``; ``checkpoint-mismatch`` when it is another network's.
    """
    tensors, facts = load_tensors(path)
    try:
        for name, module in modules.items():
            module.load_state_dict(_below(tensors, f"{name}/"))
        optimiser.load_state_dict({**optimiser.state_dict(), "state": _optimiser_state(tensors)})
    except (RuntimeError, ValueError) as error:
        raise PolypTraceError(
            "checkpoint-mismatch",
            f"The checkpoint of the run {path.parent.name} belongs to another network or other data.",
            "Resume with the data that the run began with, or start a new run.",
        ) from error
    torch.set_rng_state(tensors["random/cpu"])
    if torch.cuda.is_available() and "random/cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random/cuda"])
    return facts


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _optimiser_state(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _below(tensors, "optimiser/").items():
        number, key = name.split("/", 1)
        state.setdefault(int(number), {})[key] = value
    return state
