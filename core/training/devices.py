"""The processes of one run: alone, or several with a device each (Accelerate starts and joins them).

Each process makes its part of the P×K batch; the embeddings of all parts are gathered before the losses, so
that every process computes the losses of the whole batch, and the gradients are averaged. Batch norms see the
whole batch too. So several devices learn what one would, but for rounding and for dropout's noise.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from core.errors import PolypTraceError
from core.inference.device import DeviceChoice
from core.models.device import usable_device
from core.training.shared_norms import AllRows, share_norms

_PATIENCE = dt.timedelta(hours=2)
"""How long the others wait while the first one validates."""


class Devices:
    """One process alone: the part that every run needs.

    Attributes:
        choice: the kind of device and why.
        device: this process's own.
        rank, count: which process this is, of how many.
    """

    def __init__(self, choice: DeviceChoice, device: torch.device | None = None) -> None:
        self.choice, self.device = choice, device or torch.device(choice.name)
        self.rank, self.count = 0, 1

    @property
    def main(self) -> bool:
        """Whether this process writes, validates and speaks."""
        return self.rank == 0

    def part(self, rows: int) -> slice:
        """This process's share of a batch of ``rows``, as even as can be."""
        sizes = _sizes(rows, self.count)
        first = sum(sizes[: self.rank])
        return slice(first, first + sizes[self.rank])

    @contextmanager
    def repeatable(self, wanted: bool) -> Iterator[None]:
        """While it lasts, CUDA adds in a fixed order; the CPU does so anyway."""
        if not wanted or self.device.type != "cuda":
            yield
            return
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        cudnn = torch.backends.cudnn
        before = torch.are_deterministic_algorithms_enabled(), cudnn.deterministic, cudnn.benchmark
        torch.use_deterministic_algorithms(True, warn_only=True)
        cudnn.deterministic, cudnn.benchmark = True, False
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before[0])
            cudnn.deterministic, cudnn.benchmark = before[1:]

    def exchange(self, word: Any) -> list[Any]:
        """What each process says, by rank."""
        return [word]

    def prepared(self, model: nn.Module) -> nn.Module:
        """The network on this process's device, channels last."""
        moved: nn.Module = model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return moved

    def whole(self, own: Tensor, rows: int) -> Tensor:
        """(own, d) of each process → (rows, d), the whole batch; gradients flow back to where they belong."""
        return own

    def average(self, parameters: Iterable[Parameter]) -> None:
        """Makes the gradients those of all processes together."""


class Several(Devices):
    """One process of several.

    Args:
        state: Accelerate's ``PartialState``; it has joined the processes.
    """

    def __init__(self, choice: DeviceChoice, state: Any) -> None:
        super().__init__(choice, state.device)
        self.rank, self.count = state.process_index, state.num_processes

    def exchange(self, word: Any) -> list[Any]:
        """What each process says, by rank; all wait for the last one."""
        from accelerate.utils import gather_object

        said: list[Any] = gather_object([word])
        return said

    def prepared(self, model: nn.Module) -> nn.Module:
        """The network on this device; its batch norms see the whole batch."""
        return super().prepared(share_norms(model, self.device.type))

    def whole(self, own: Tensor, rows: int) -> Tensor:
        """All processes' rows in the order of the batch, with gradients."""
        out: Tensor = AllRows.apply(own, _sizes(rows, self.count), self.rank)
        return out

    def average(self, parameters: Iterable[Parameter]) -> None:
        """The mean over the processes; a gradient that no process has stays away."""
        from accelerate.utils import reduce

        trained = list(parameters)
        have = torch.tensor([float(p.grad is not None) for p in trained], device=self.device)
        used = reduce(have, "sum").tolist()
        chosen = [p for p, count in zip(trained, used, strict=True) if count]
        if not chosen:
            return
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in chosen]
        mean = reduce(torch.cat([g.reshape(-1).float() for g in grads]), "mean")
        for parameter, own in zip(chosen, mean.split([g.numel() for g in grads]), strict=True):
            parameter.grad = own.view_as(parameter).to(parameter.dtype)


def _sizes(rows: int, count: int) -> list[int]:
    return [rows // count + (rank < rows % count) for rank in range(count)]


def join(device: str = "auto") -> Devices:
    """This process alone, or, where a launcher (``--processes``, ``accelerate launch``, ``torchrun``) has
    started several, joined with the others.

    Raises:
        PolypTraceError: ``device-unavailable``, ``device-unknown``; ``accelerate-missing``;
            ``too-many-processes`` with fewer GPUs than processes.
    """
    choice = usable_device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Devices(choice)
    here = int(os.environ.get("LOCAL_WORLD_SIZE", os.environ["WORLD_SIZE"]))
    if choice.name == "cuda" and here > torch.cuda.device_count():
        raise PolypTraceError(
            "too-many-processes",
            f"{here} processes want a GPU each, and this computer has {torch.cuda.device_count()}.",
            "Start fewer, or use --device cpu.",
        )
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise PolypTraceError(
            "accelerate-missing",
            "Several devices need the package accelerate, which isn't installed.",
            "Run the set-up again, or train with one process.",
        ) from error
    return Several(choice, PartialState(cpu=choice.name == "cpu", timeout=_PATIENCE))


def lead(devices: Devices, word: Any = None, failure: PolypTraceError | None = None) -> Any:
    """The first process's word, on all processes; or its failure, raised on all of them.

    Raises:
        PolypTraceError: what failed on the first process.
    """
    said = devices.exchange((word, failure.as_dict() if failure else None))
    word, failed = said[0]
    if failed:
        raise failure or PolypTraceError(**failed)
    return word


def first_failure(said: Sequence[dict[str, str] | None]) -> PolypTraceError | None:
    """The first of several processes' failures."""
    failed = next((one for one in said if one), None)
    return PolypTraceError(**failed) if failed else None


def lost_process(error: Exception) -> PolypTraceError | None:
    """An error of the processes' talk, in words; None where it is something else."""
    words = str(error).lower()
    if not any(sign in words for sign in ("peer", "gloo", "nccl", "connection", "timed out")):
        return None
    return PolypTraceError(
        "training-process-lost",
        "Another process of this training ended before its time.",
        "Go on with --resume; if it happens again, take fewer processes or a smaller batch.",
    )
