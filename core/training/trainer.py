"""The training loop of DMCL: P×K batches, identity + metric loss, validation, checkpoints, exact resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import msgspec
import torch
from torch import Tensor

from core.data.batches import Batch, BatchMaker
from core.data.prefetch import Prefetcher
from core.errors import Cancelled, PolypTraceError
from core.models.dmcl import Dmcl
from core.models.losses import identity_loss, supervised_contrastive_loss, triplet_loss
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.training.checkpoint import load_checkpoint, load_tensors, save_checkpoint, save_tensors
from core.training.config import LossSettings, TrainConfig
from core.training.heads import Heads
from core.training.run_folder import RunFolder
from core.training.schedule import rate_factor, run_share
from core.training.tokens import TokenTable
from core.training.validation import Validator, to_input

StepSink = Callable[[dict[str, Any]], None]


def no_steps(_: dict[str, Any]) -> None:
    """Swallows step events."""


class RunState(msgspec.Struct):
    """What a run knows of itself besides its tensors; saved in every checkpoint.

    Args:
        step: batches learnt from.
        elapsed: seconds of training, over all resumes.
        best_score: of the weights in ``best.safetensors``; None before the first validation.
        best: figures of those weights.
    """

    step: int = 0
    elapsed: float = 0.0
    best_score: float | None = None
    best: dict[str, float] = {}
    best_step: int = 0
    finished: bool = False


class Trainer:
    """One run. Everything random is a function of (seed, step) or lies in the checkpoint: a run that is
    killed and resumed ends with the same weights as one that wasn't.

    Args:
        model: the network, on the CPU.
        maker: makes the batches.
        validator: held-back patients, or None.
        run: the run's folder; an existing checkpoint in it is gone on from.
    """

    def __init__(
        self,
        model: Dmcl,
        maker: BatchMaker,
        validator: Validator | None,
        tokens: TokenTable,
        config: TrainConfig,
        run: RunFolder,
        device: torch.device,
    ) -> None:
        self._config, self._run, self._device = config, run, device
        self._maker, self._validator, self._tokens = maker, validator, tokens
        torch.manual_seed(config.seed + 1)
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._heads = Heads(model, maker.identities, config.loss.neck).to(device)
        self._optimiser = _optimiser(self.model, self._heads, config)
        per_epoch = maker.sampler.steps_per_epoch
        self.steps = config.steps or config.epochs * per_epoch
        self._validate_every = config.validate_every or per_epoch
        self.state = RunState()
        if run.checkpoint.exists():
            facts = load_checkpoint(run.checkpoint, self._modules, self._optimiser)
            self.state = msgspec.convert(facts, RunState)
        run.forget_after(self.state.step)

    @property
    def _modules(self) -> dict[str, torch.nn.Module]:
        return {"model": self.model, "heads": self._heads}

    def run(
        self,
        progress: ProgressSink = no_progress,
        on_step: StepSink = no_steps,
        cancel: CancelToken | None = None,
    ) -> RunState:
        """Trains to the end of the run and leaves the best weights in the network.

        Args:
            progress: told after every step, in steps.
            on_step: one dictionary a step or validation, each with ``run``.
            cancel: looked at before every step; a cancelled run leaves a checkpoint.

        Raises:
            Cancelled: ``cancel`` was set.
            PolypTraceError: ``training-diverged``, or a picture can't be read.
        """
        self._emit = on_step
        if not self.state.finished:
            self._train(progress, cancel or CancelToken())
        self._load_best()
        return self.state

    def _train(self, progress: ProgressSink, cancel: CancelToken) -> None:
        self.model.train()
        self._heads.train()
        before, began = self.state.elapsed, time.monotonic()
        saved = began
        with Prefetcher(self._maker.batch, self.state.step) as batches:
            while self._share() < 1:
                if cancel.cancelled:
                    self._save()
                    raise Cancelled
                event = self._step(batches.next())
                self.state.step += 1
                self.state.elapsed = before + time.monotonic() - began
                self._report({**event, "seconds": round(self.state.elapsed, 1)})
                progress(Progress("train", self.state.step, self.steps, f"loss {event['loss']:.3f}"))
                due = self.state.step % self._validate_every == 0
                if due:
                    self._validate()
                    self.state.elapsed = before + time.monotonic() - began
                if due or time.monotonic() - saved > self._config.checkpoint_seconds:
                    self._save()
                    saved = time.monotonic()
        if self.state.step % self._validate_every:
            self._validate()
        self.state.finished = True
        self._save()

    def _share(self) -> float:
        return run_share(self.state.step, self.steps, self.state.elapsed, self._config.max_seconds)

    def _step(self, batch: Batch) -> dict[str, Any]:
        factor = rate_factor(self._share(), self._config.warmup)
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        losses = self._losses(batch)
        weights = loss_weights(self._config.loss, self._share())
        loss = torch.stack([weights[name] * losses[name] for name in losses]).sum()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise PolypTraceError(
                "training-diverged",
                f"The loss became infinite at step {self.state.step + 1}.",
                "Lower the learning rates and start again; the last good weights are in the run's folder.",
            )
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        trained = [p for group in self._optimiser.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(trained, self._config.clip_norm)
        self._optimiser.step()
        return {
            "stage": "train",
            "step": self.state.step + 1,
            "steps": self.steps,
            "epoch": self.state.step // self._maker.sampler.steps_per_epoch + 1,
            "loss": round(value, 5),
            **{name: round(float(part.detach()), 5) for name, part in losses.items()},
            "gradient": round(float(norm), 4),
            "rate": factor,
        }

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        device = self._device
        # A text that is hidden needn't be read, and one that several pictures share is read once.
        shown = [text if has else "" for text, has in zip(batch.texts, batch.has_text, strict=True)]
        different = {text: place for place, text in enumerate(dict.fromkeys(shown))}
        rows = torch.tensor([different[text] for text in shown], device=device)
        ids, mask = (x.to(device) for x in self._tokens.encode(list(different)))
        labels = torch.from_numpy(batch.labels).to(device)
        has_image, has_text = (torch.from_numpy(x).to(device) for x in (batch.has_image, batch.has_text))
        mixed = self._config.mixed_precision and device.type == "cuda"
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed):
            model = self.model
            maps = model.image_map(to_input(batch.images, device))
            text = model.text_tokens(ids, mask)[rows]
            fused = model.fused(model.image.token(maps), text, mask[rows], has_image, has_text)
        fused, settings = fused.float(), self._config.loss
        losses = {
            "identity": identity_loss(self._heads.fused(fused), labels, settings.smoothing),
            "metric": metric_loss(torch.nn.functional.normalize(fused, dim=1), labels, settings),
        }
        if settings.image_identity_weight:
            scores = self._heads.image(maps.float().mean(dim=(2, 3)))
            losses["image_identity"] = identity_loss(scores, labels, settings.smoothing)
        return losses

    def _validate(self) -> None:
        figures = self._validator.figures(self.model, self._device) if self._validator else {}
        score = selection_score(figures)
        if score is None or self.state.best_score is None or score >= self.state.best_score:
            self.state.best_score, self.state.best, self.state.best_step = score, figures, self.state.step
            save_tensors(self._run.best, dict(self.model.state_dict()), {"step": self.state.step})
        rounded = {key: round(value, 4) for key, value in figures.items()}
        self._report({"stage": "validate", "step": self.state.step, "steps": self.steps, **rounded})

    def _report(self, event: dict[str, Any]) -> None:
        self._run.log(event)
        self._emit({"run": self._run.name, **event})

    def _save(self) -> None:
        save_checkpoint(self._run.checkpoint, self._modules, self._optimiser, msgspec.to_builtins(self.state))

    def _load_best(self) -> None:
        tensors, _ = load_tensors(self._run.best)
        self.model.load_state_dict(tensors)
        self.model.eval()


def metric_loss(features: Tensor, labels: Tensor, settings: LossSettings) -> Tensor:
    """Equation 6, or the contrastive loss where the settings say so."""
    if settings.metric == "contrastive":
        return supervised_contrastive_loss(features, labels, settings.temperature)
    return triplet_loss(features, labels, settings.miner, settings.margin)


def loss_weights(settings: LossSettings, share: float) -> dict[str, float]:
    """The weight of each loss at ``share`` of the run, 0…1."""
    rising = min(1.0, share / settings.metric_warmup) if settings.metric_warmup else 1.0
    return {
        "identity": settings.identity_weight,
        "metric": settings.metric_weight * rising,
        "image_identity": settings.image_identity_weight,
    }


def selection_score(figures: dict[str, float]) -> float | None:
    """What the checkpoint is chosen by: the mean of mAP with both modalities and with the picture alone.

    A clip may come without text; a network that only reads would be the wrong choice.
    """
    return (figures["fused_mAP"] + figures["image_mAP"]) / 2 if figures else None


def _optimiser(model: Dmcl, heads: Heads, config: TrainConfig) -> torch.optim.Optimizer:
    slow = [p for p in model.backbone_parameters() if p.requires_grad]
    fast = [
        *(p for p in model.head_parameters() if p.requires_grad),
        *(p for p in heads.parameters() if p.requires_grad),
    ]
    groups = [
        {"params": slow, "lr": 0.0, "peak": config.lr_backbone, "weight_decay": config.decay_backbone},
        {"params": fast, "lr": 0.0, "peak": config.lr_head, "weight_decay": config.decay_head},
    ]
    if config.optimiser == "adamw":
        # Norms, biases and single tokens aren't pulled towards zero: they would only be rescaled elsewhere.
        groups = [part for group in groups for part in _without_decay(group)]
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, foreach=True)


def _without_decay(group: dict[str, Any]) -> list[dict[str, Any]]:
    matrices = [p for p in group["params"] if p.ndim > 1]
    vectors = [p for p in group["params"] if p.ndim <= 1]
    parts = [{**group, "params": matrices}, {**group, "params": vectors, "weight_decay": 0.0}]
    return [part for part in parts if part["params"]]
