"""The training loop of DMCL: P×K batches, identity + metric loss, validation, checkpoints, exact resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import numpy as np
import torch

from core.counting import count
from core.data.batches import Batch, BatchMaker
from core.data.prefetch import Prefetcher
from core.errors import Cancelled, PolypTraceError
from core.jobs.faults import OUT_OF_MEMORY, is_out_of_memory
from core.models.dmcl import Dmcl
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.training.checkpoint import load_checkpoint, load_facts, load_tensors, save_checkpoint, save_tensors
from core.training.config import TrainConfig
from core.training.devices import Devices, first_failure
from core.training.heads import Heads
from core.training.objective import Objective, loss_weights
from core.training.optimiser import make_optimiser, trained
from core.training.run_folder import RunFolder
from core.training.schedule import rate_factor, run_share
from core.training.text_reader import TextReader
from core.training.validation import Validator

StepSink = Callable[[dict[str, Any]], None]
_EPOCH_MEANS = ("loss", "identity", "metric", "image_identity")


def no_steps(_: dict[str, Any]) -> None:
    """Swallows step events."""


class RunState(msgspec.Struct):
    """What a run knows of itself besides its tensors; saved in every checkpoint.

    Args:
        step: batches learnt from.
        elapsed: seconds of training, over all resumes.
        best_score: of the weights in ``best.safetensors``; None before the first validation.
        best: figures of those weights.
        identities: lesions a batch since the memory ran out; None where it didn't.
        notes: sentences on what differed from the wish on the way.
        sums: of the losses in this epoch, and ``steps``, how many were added.
        last: figures of the last validation, and its step.
    """

    step: int = 0
    elapsed: float = 0.0
    best_score: float | None = None
    best: dict[str, float] = {}
    best_step: int = 0
    finished: bool = False
    identities: int | None = None
    notes: list[str] = []
    sums: dict[str, float] = {}
    last: dict[str, float] = {}


class Trainer:
    """One run. Everything random is a function of (seed, step) or lies in the checkpoint: a run that is
    killed and resumed ends with the same weights as one that wasn't.

    Args:
        model: the network, on the CPU.
        maker: makes the batches.
        validator: held-back patients, or None.
        reader: reads the texts.
        run: the run's folder; an existing checkpoint in it is gone on from.
        devices: this process and the others. Only the first one validates, tells and writes.
    """

    def __init__(
        self,
        model: Dmcl,
        maker: BatchMaker,
        validator: Validator | None,
        reader: TextReader,
        config: TrainConfig,
        run: RunFolder,
        devices: Devices,
    ) -> None:
        self._config, self._run, self._devices = config, run, devices
        self.maker, self.validator = maker, validator
        torch.manual_seed(config.seed + 1)
        heads = Heads(model, maker.identities, config.loss)
        self.model: Dmcl = devices.prepared(model)  # type: ignore[assignment]
        self._heads = heads.to(devices.device)
        self._objective = Objective(self.model, self._heads, reader, config, devices)
        self._optimiser = make_optimiser(self.model, self._heads, config)
        self._per_epoch = maker.sampler.steps_per_epoch
        self.steps = config.steps or config.epochs * self._per_epoch
        self._validate_every = config.validate_every or self._per_epoch
        self.state = RunState()
        self._emit: StepSink = no_steps
        self._now = 0.0
        if run.checkpoint.exists():
            self._go_on()
        if devices.main:
            run.forget_after(self.state.step)

    def _go_on(self) -> None:
        facts = load_checkpoint(self._run.checkpoint, self._modules, self._optimiser)
        self.state = msgspec.convert(facts, RunState)
        if self.state.identities:
            self.maker.lower(self.state.identities)
        if load_facts(self._run.best)["step"] != self.state.best_step:
            # The kill came between a validation and its checkpoint: the next validation decides anew.
            self.state.best_score = None

    @property
    def processes(self) -> int:
        """How many processes take part."""
        return self._devices.count

    @property
    def notes(self) -> list[str]:
        """What differs from the wish by the data, in sentences."""
        left = self.maker.left_out
        missing = [f"{count(left, 'training picture')} without a known identity left out."] if left else []
        return [*self.maker.sampler.notes, *missing]

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
            on_step: one dictionary a step, epoch or validation, each with ``run``.
            cancel: looked at before every step; a cancelled run leaves a checkpoint.

        Raises:
            Cancelled: ``cancel`` was set.
            PolypTraceError: ``training-diverged``, ``out-of-memory``, or a picture can't be read.
        """
        self._emit = on_step
        if not self.state.finished:
            with self._devices.repeatable(self._config.deterministic):
                self._train(progress, cancel or CancelToken())
        if self._devices.main:
            self._load_best()
        return self.state

    def _train(self, progress: ProgressSink, cancel: CancelToken) -> None:
        self.model.train()
        self._heads.train()
        if not self._run.checkpoint.exists():
            self._save()  # the first validation puts better weights in the place of the first ones
        ended = False
        while not ended:
            make = partial(self.maker.batch, part=self._devices.part)
            with Prefetcher(make, self.state.step) as batches:
                try:
                    ended = self._stretch(batches, progress, cancel)
                except Exception as error:  # noqa: BLE001 - memory that ran out has many names
                    self._lower_or_raise(error)
        if self.state.step % self._validate_every:
            self._validate()
        self._end_epoch()
        self.state.finished = True
        self._save()

    def _stretch(self, batches: Prefetcher[Batch], progress: ProgressSink, cancel: CancelToken) -> bool:
        """Steps until the run is over (True)."""
        before, began = self.state.elapsed, time.monotonic()
        saved = began
        while (batch := self._agreed(batches, cancel)) is not None:
            event = self._step(batch)
            self.state.step += 1
            self.state.elapsed = before + time.monotonic() - began
            self._count(event)
            progress(Progress("train", self.state.step, self.steps, f"loss {event['loss']:.3f}"))
            due = self.state.step % self._validate_every == 0
            if due:
                self._validate()
                self.state.elapsed = before + time.monotonic() - began
            if self.state.step % self._per_epoch == 0:
                self._end_epoch()
            if due or time.monotonic() - saved > self._config.checkpoint_seconds:
                self._save()
                saved = time.monotonic()
        return True

    def _agreed(self, batches: Prefetcher[Batch], cancel: CancelToken) -> Batch | None:
        """The next batch; None at the end of the run. All processes take the same decision.

        Raises:
            Cancelled, PolypTraceError: a checkpoint was left.
        """
        share, batch, failed = self._share(), None, None
        if share < 1 and not cancel.cancelled:
            try:
                batch = batches.next()
            except PolypTraceError as error:
                failed = error
        words = self._devices.exchange((share, cancel.cancelled, failed.as_dict() if failed else None))
        self._now = words[0][0]
        if words[0][1]:
            self._save()
            raise Cancelled
        if self._now < 1 and (failure := first_failure([word[2] for word in words])):
            self._save()
            raise failed or failure
        return batch if self._now < 1 else None

    def _share(self) -> float:
        return run_share(self.state.step, self.steps, self.state.elapsed, self._config.max_seconds)

    def _step(self, batch: Batch) -> dict[str, Any]:
        torch.manual_seed(_noise_seed(self._config.seed, self.state.step, self._devices.rank))
        factor = rate_factor(self._now, self._config.warmup)
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        losses = self._objective.losses(batch)
        weights = loss_weights(self._config.loss, self._now)
        loss = torch.stack([weights[name] * losses[name] for name in losses]).sum()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        changed = trained(self._optimiser)
        self._devices.average(changed)
        norm = float(torch.nn.utils.clip_grad_norm_(changed, self._config.clip_norm))
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise self._diverged("loss" if not math.isfinite(value) else "gradient")
        self._optimiser.step()
        return {
            "stage": "train",
            "step": self.state.step + 1,
            "steps": self.steps,
            "epoch": self.state.step // self._per_epoch + 1,
            "loss": round(value, 5),
            **{name: round(float(part.detach()), 5) for name, part in losses.items()},
            "gradient": round(norm, 4),
            "rate_factor": factor,
        }

    def _diverged(self, what: str) -> PolypTraceError:
        return PolypTraceError(
            "training-diverged",
            f"The {what} was no finite number any more at step {self.state.step + 1}.",
            "Lower the learning rates and start again; the best weights so far are in the run's folder.",
        )

    def _lower_or_raise(self, error: Exception) -> None:
        """Goes on with half the lesions a batch where the memory ran out; anything else is raised again."""
        now = self.maker.sampler.identities
        if isinstance(error, PolypTraceError | Cancelled) or not is_out_of_memory(error):
            raise error
        if now < 4 or self._devices.count > 1:
            raise PolypTraceError(
                OUT_OF_MEMORY,
                f"The memory isn't enough for a batch of {now} × {self.maker.sampler.pictures} pictures.",
                "Choose fewer pictures (--set pictures=2), a smaller model.image_size or a smaller backbone.",
            ) from error
        self._optimiser.zero_grad(set_to_none=True)
        if self._devices.device.type == "cuda":
            torch.cuda.empty_cache()
        self.maker.lower(now // 2)
        self.state.identities = now // 2
        left = count(now // 2, "lesion")
        note = f"The memory ran out at step {self.state.step + 1}: {left} a batch from there on."
        self.state.notes = [*self.state.notes, note]
        self._report({"stage": "note", "step": self.state.step, "steps": self.steps, "note": note})

    def _count(self, event: dict[str, Any]) -> None:
        """Adds a step to its epoch's means and tells it."""
        names = ("loss", "identity", "metric", "image_identity", "image_metric")
        parts = {name: event[name] for name in names if name in event}
        sums = self.state.sums
        self.state.sums = {name: sums.get(name, 0.0) + value for name, value in parts.items()}
        self.state.sums["steps"] = sums.get("steps", 0) + 1
        self._report({**event, "seconds": round(self.state.elapsed, 1)})

    def _end_epoch(self) -> None:
        """One line with the means of the epoch's losses and the last validation."""
        sums, self.state.sums = self.state.sums, {}
        count = sums.pop("steps", 0)
        if count:
            means = {name: round(value / count, 5) for name, value in sums.items()}
            number = -(-self.state.step // self._per_epoch)
            where = {"epoch": number, "step": self.state.step, "steps": self.steps, "batches": int(count)}
            seconds = round(self.state.elapsed, 1)
            self._report(
                {"stage": "epoch", **where, **means, "seconds": seconds, "validation": self.state.last}
            )

    def _validate(self) -> None:
        if not self._devices.main:
            return
        figures = self.validator.figures(self.model, self._devices.device) if self.validator else {}
        reads_always = self._config.modality_dropout.no_text == 0
        score = selection_score(figures, picture_alone=not reads_always)
        if score is None or self.state.best_score is None or score >= self.state.best_score:
            self.state.best_score, self.state.best, self.state.best_step = score, figures, self.state.step
            save_tensors(self._run.best, dict(self.model.state_dict()), {"step": self.state.step})
        rounded = {key: round(value, 4) for key, value in figures.items()}
        self.state.last = {"step": self.state.step, **rounded}
        self._report({"stage": "validate", "step": self.state.step, "steps": self.steps, **rounded})

    def _report(self, event: dict[str, Any]) -> None:
        if self._devices.main:
            self._run.log(event)
            self._emit({"run": self._run.name, **event})

    def _save(self) -> None:
        if self._devices.main:
            facts = msgspec.to_builtins(self.state)
            save_checkpoint(self._run.checkpoint, self._modules, self._optimiser, facts)

    def _load_best(self) -> None:
        tensors, _ = load_tensors(self._run.best)
        self.model.load_state_dict(tensors)
        self.model.eval()


def _noise_seed(seed: int, step: int, rank: int) -> int:
    """Of dropout's noise in one step: a resumed run draws the same."""
    return int(np.random.SeedSequence([seed, 4, step, rank]).generate_state(1, np.uint64)[0] >> 1)


def selection_score(figures: dict[str, float], picture_alone: bool = True) -> float | None:
    """What the checkpoint is chosen by: the mean of mAP with both modalities and with the picture alone.

    A clip may come without text; a network that only reads would be the wrong choice.

    Args:
        figures: of a validation; empty = there was none.
        picture_alone: False where training never leaves the text out: what stands in for it has learnt
            nothing then, and mAP with both counts alone.
    """
    if not figures:
        return None
    fused = figures["fused_mAP"]
    return (fused + figures["image_mAP"]) / 2 if picture_alone else fused
