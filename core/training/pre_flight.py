"""What a training on the catalogue would do, told before it begins; without loading torch, so it is quick."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from core.catalog.engine import Catalog
from core.inference.bundle import BundleInfo
from core.inference.device import choose_device
from core.matching.model_choice import bundle_of
from core.retraining import frozen, plan
from core.training.config import TrainConfig
from core.training.overrides import with_assignments, with_file
from core.training.presets import COMPACT, preset

Wish = tuple[str, Path | None, Sequence[str]]
"""Settings of a run: preset, file with settings or None, and settings by name."""
QUICK: Wish = ("quick", None, ())
_VALIDATED = 12
"""From so many training patients on, some of them choose the checkpoint; before, the last one is taken."""
_PICTURE_S = 0.033
"""Seconds that a picture of 112 px costs in training on two cores with the compact network."""


def pre_flight(catalog: Catalog, wish: Wish = QUICK, *, device: str = "auto") -> plan.Plan:
    """What a training that began now would do; writes nothing.

    Raises:
        PolypTraceError: a setting that doesn't exist, or a device that isn't there.
    """
    name, file, changes = wish
    settings = preset(name)
    settings = with_file(settings, file) if file else settings
    settings = with_assignments(settings, changes)
    made = frozen_now(catalog, settings, name, author="")
    chosen = choose_device(device)
    lesions = made.counts()["train_lesions"]
    return plan.plan_of(made, chosen, training_s(settings, bundle_of(catalog), lesions, chosen.name))


def frozen_now(catalog: Catalog, settings: TrainConfig, name: str, *, author: str) -> frozen.Frozen:
    """What a training that began now would learn from, with its settings.

    Args:
        name: of the preset.
    """
    common = {"author": author, "preset": name}
    made = plan.freeze_now(catalog, bundle_of(catalog), config={}, seed=settings.seed, **common)
    share = settings.val_share if len(made.patients.train) >= _VALIDATED else 0.0
    chosen = msgspec.structs.replace(settings, val_share=share)
    return msgspec.structs.replace(made, config=msgspec.to_builtins(chosen))


def training_s(config: TrainConfig, start: BundleInfo, lesions: int, device: str) -> float | None:
    """How long the steps may take in seconds; None where nobody has measured the pace and nothing limits it.

    The pace is that of the compact network on processors; what is slower or faster is only limited.

    Args:
        start: the model whose network trains.
        lesions: how many train: a batch holds no more of them.
        device: name of the device.
    """
    identities = max(1, min(config.identities, lesions))
    steps = config.steps or config.epochs * math.ceil(lesions / identities)
    backbone = start.manifest.architecture.get("backbone")
    if device != "cpu" or backbone != COMPACT.model.backbone:
        return config.max_seconds
    seen = start.manifest.reads.image_size
    side = min(config.train_size or seen, seen) / 112  # as TrainConfig.picture_side, for the start's network
    cores = max(1, os.cpu_count() or 1)
    seconds = steps * identities * config.pictures * _PICTURE_S * side * side * 2 / cores
    return seconds if config.max_seconds is None else min(seconds, config.max_seconds)
