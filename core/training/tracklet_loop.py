"""The loop of learning without labels (torch): contrastive loss, measurement, checkpoints, exact resume."""

from __future__ import annotations

import math
import time
from typing import Any

import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.data.prefetch import Prefetcher
from core.data.tracklets.batches import TrackletBatch, TrackletBatches
from core.errors import Cancelled, PolypTraceError
from core.models.device import gains_by_bfloat16
from core.models.layers import ImageEncoder
from core.models.losses import supervised_contrastive_loss
from core.progress import CancelToken, Progress, ProgressSink
from core.training.checkpoint import load_checkpoint, save_checkpoint
from core.training.run_folder import RunFolder
from core.training.schedule import rate_factor, run_share
from core.training.tracklet_config import TrackletConfig
from core.training.trainer import StepSink
from core.training.validation import to_input

STAGE = "learning without labels"
_MEASURED = 4
"""Batches that a measurement looks at."""


class LoopState(msgspec.Struct):
    """What a run knows of itself besides its tensors; saved in every checkpoint.

    Args:
        step: batches learnt from.
        elapsed: seconds of it, over all resumes.
        losses: sum and number of the losses since the last measurement.
        found: of the last measurement; None where nothing is held out.
        loss: mean loss between the last two measurements.
        finished: nothing is left to do.
    """

    step: int = 0
    elapsed: float = 0.0
    losses: tuple[float, int] = (0.0, 0)
    found: float | None = None
    loss: float | None = None
    finished: bool = False


class Projection(nn.Module):
    """What the loss sees of a picture's features (Chen 2020); dropped after training."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(channels, channels, bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Linear(channels, width),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, channels) → (B, width), L2 rows."""
        return F.normalize(self.layers(features).float(), dim=1)


class TrackletLoop:
    """Teaches an image encoder from batches of tracklets.

    Args:
        encoder: changed in place.
        train, held: batches to learn from and to measure on; held is None where nothing is held out.
        run: its folder; an existing checkpoint in it is gone on from.
        mixed: bfloat16 where the device gains by it.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        train: TrackletBatches,
        held: TrackletBatches | None,
        config: TrackletConfig,
        run: RunFolder,
        device: torch.device,
        seed: int,
        mixed: bool = True,
    ) -> None:
        self._config, self._run, self._device = config, run, device
        self._train_batches, self._held = train, held
        self._mixed = mixed and gains_by_bfloat16(device)
        torch.manual_seed(seed + 2)
        self.encoder = encoder.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._head = Projection(encoder.channels, config.width).to(device)
        self._optimiser = _optimiser(self.encoder, self._head, config)
        self.state = LoopState()
        if run.checkpoint.exists():
            facts = load_checkpoint(run.checkpoint, self._modules, self._optimiser)
            self.state = msgspec.convert(facts, LoopState)
        run.forget_after(self.state.step)

    @property
    def _modules(self) -> dict[str, nn.Module]:
        return {"encoder": self.encoder, "head": self._head}

    def run(self, progress: ProgressSink, on_step: StepSink, cancel: CancelToken) -> LoopState:
        """Learns to the last step.

        Raises:
            Cancelled: a checkpoint was left.
            PolypTraceError: ``training-diverged``.
        """
        self._emit = on_step
        before, began = self.state.elapsed, time.monotonic()
        saved = began
        self._switch(True)
        with Prefetcher(self._train_batches.batch, self.state.step) as batches:
            while not self.state.finished and self._share() < 1:
                if cancel.cancelled:
                    self._save()
                    raise Cancelled
                event = self._step(batches.next())
                self.state.step += 1
                if self.state.step % self._config.measure_every == 0:
                    event |= self._measured()
                self.state.elapsed = before + time.monotonic() - began
                self._report({**event, "seconds": round(self.state.elapsed, 1)})
                progress(Progress(STAGE, self.state.step, self._config.steps, f"loss {event['loss']:.3f}"))
                if time.monotonic() - saved > self._config.checkpoint_seconds:
                    self._save()
                    saved = time.monotonic()
        if not self.state.finished:
            if self.state.losses[1]:
                self._measured()
            self.state.finished = True
            self._save()
        self._switch(False)
        return self.state

    def _switch(self, training: bool) -> None:
        for module in self._modules.values():
            module.train(training)

    def _share(self) -> float:
        return run_share(self.state.step, self._config.steps, self.state.elapsed, self._config.max_seconds)

    def _step(self, batch: TrackletBatch) -> dict[str, Any]:
        factor = rate_factor(self._share(), self._config.warmup)
        for group in self._optimiser.param_groups:
            group["lr"] = self._config.rate * factor
        loss = self._loss(batch)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        learning = [p for group in self._optimiser.param_groups for p in group["params"]]
        norm = float(torch.nn.utils.clip_grad_norm_(learning, self._config.clip_norm))
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise self._diverged("loss" if not math.isfinite(value) else "gradient")
        self._optimiser.step()
        total, count = self.state.losses
        self.state.losses = (total + value, count + 1)
        step, steps = self.state.step + 1, self._config.steps
        return {
            "stage": "pretrain",
            "step": step,
            "steps": steps,
            "loss": round(value, 5),
            "rate_factor": factor,
        }

    def _diverged(self, what: str) -> PolypTraceError:
        return PolypTraceError(
            "training-diverged",
            f"The {what} of learning without labels was no finite number any more at step "
            f"{self.state.step + 1}.",
            "Lower tracklets.rate and start again.",
        )

    def _loss(self, batch: TrackletBatch) -> Tensor:
        weights = np.where(batch.hard, self._config.hard_weight, 1.0) * ~batch.unsure
        return supervised_contrastive_loss(
            self._features(batch),
            torch.from_numpy(batch.labels).to(self._device),
            self._config.temperature,
            torch.from_numpy(weights).to(self._device),
        )

    def _features(self, batch: TrackletBatch) -> Tensor:
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._mixed):
            maps = self.encoder.feature_map(to_input(batch.images, self._device))
        out: Tensor = self._head(self.encoder.pooled(maps.float()))
        return out

    def _measured(self) -> dict[str, Any]:
        """Mean loss since the last time; share of held-out views whose nearest is of their tracklet."""
        total, count = self.state.losses
        self.state.loss, self.state.losses = total / max(count, 1), (0.0, 0)
        if self._held is None:
            return {}
        self._switch(False)
        with torch.inference_mode():
            hits = [self._hits(self._held.batch(step)) for step in range(_MEASURED)]
        self._switch(True)
        self.state.found = float(np.mean(np.concatenate(hits)))
        return {"found": round(self.state.found, 4)}

    def _hits(self, batch: TrackletBatch) -> np.ndarray:
        features = self._features(batch).cpu().numpy()
        scores = features @ features.T
        scores[batch.unsure | np.eye(len(scores), dtype=bool)] = -np.inf
        return np.asarray(batch.labels[scores.argmax(axis=1)] == batch.labels)

    def _report(self, event: dict[str, Any]) -> None:
        self._run.log(event)
        self._emit(event)

    def _save(self) -> None:
        save_checkpoint(self._run.checkpoint, self._modules, self._optimiser, msgspec.to_builtins(self.state))


def _optimiser(encoder: ImageEncoder, head: Projection, config: TrackletConfig) -> torch.optim.Optimizer:
    """AdamW; norms and biases aren't pulled towards zero. The encoder's own projection isn't trained."""
    learning = [*encoder.resnet.parameters(), *head.parameters()]
    groups = [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": config.decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, foreach=True)
