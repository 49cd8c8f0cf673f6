"""One stage of DRCL on one modality: passes over its samples until validation stops improving."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import torch
from torch import Tensor, nn

from core.data.cross_modal.samples import Samples
from core.errors import PolypTraceError
from core.progress import CancelToken


class Tensors(msgspec.Struct, frozen=True):
    """Samples on a device: (N, d) float32, scaled, and their (N, C) label vectors."""

    features: Tensor
    labels: Tensor

    @staticmethod
    def of(samples: Samples, scaled: Callable[[Tensor], Tensor], device: torch.device) -> Tensors:
        """A modality's samples as its encoder takes them."""
        features = torch.from_numpy(samples.features).to(device)
        return Tensors(scaled(features), torch.from_numpy(samples.labels).to(device))

    def __len__(self) -> int:
        return len(self.features)


class Best(msgspec.Struct):
    """The best epoch so far: its number, its score (higher is better) and copies of the weights."""

    epoch: int = 0
    score: float = float("-inf")
    state: dict[str, Tensor] = {}

    def offer(self, epoch: int, score: float, module: nn.Module) -> bool:
        """Keeps a copy, not the live tensors, where this epoch is better."""
        if not score > self.score:  # also where it is no number
            return False
        self.epoch, self.score = epoch, score
        self.state = {name: value.detach().clone() for name, value in module.state_dict().items()}
        return True

    def refuse_divergence(self, what: str) -> None:
        """Refuses a stage of which no epoch has a score.

        Args:
            what: learnt, to begin the sentence with.

        Raises:
            PolypTraceError: ``training-diverged``.
        """
        if not self.state:
            raise PolypTraceError(
                "training-diverged",
                f"{what} diverged: after no epoch its score was a number.",
                "Lower the learning rates (--set rate=…, prior_rate=…), or scale the features.",
            )


class Passes(msgspec.Struct, frozen=True, kw_only=True):
    """How long a stage goes on.

    Args:
        epochs: at most so many.
        patience: epochs without a better one after which it ends; None = never.
        batch: samples of a step.
    """

    epochs: int
    patience: int | None
    batch: int


def run_passes(
    module: nn.Module,
    data: Tensors,
    passes: Passes,
    generator: torch.Generator,
    step: Callable[[Tensor, Tensor, int], None],
    score: Callable[[int], float],
    cancel: CancelToken,
    told: Callable[[int, float, bool], object],
) -> Best:
    """Trains ``module`` and returns its best epoch; the module holds the last one's weights.

    Args:
        generator: deals out the batches.
        step: one step on (b, d) features and (b, C) labels in an epoch, counted from 1.
        score: of the validation after an epoch; higher is better.
        told: hears epoch, score and whether it is the best so far.

    Raises:
        Cancelled: between two steps.
    """
    best = Best()
    for epoch in range(1, passes.epochs + 1):
        module.train()
        for rows in batches(len(data), passes.batch, generator):
            cancel.raise_if_cancelled()
            step(data.features[rows], data.labels[rows], epoch)
        module.eval()
        with torch.inference_mode():
            reached = score(epoch)
        told(epoch, reached, best.offer(epoch, reached, module))
        if passes.patience is not None and epoch - best.epoch >= passes.patience:
            break
    return best


def batches(count: int, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """A random order of ``count`` samples in batches; a last one of a single sample joins its neighbour."""
    order = torch.randperm(count, generator=generator)
    starts = list(range(0, count, batch))
    if len(starts) > 1 and count - starts[-1] < 2:
        starts.pop()
    for place, start in enumerate(starts):
        yield order[start : starts[place + 1] if place + 1 < len(starts) else count]
