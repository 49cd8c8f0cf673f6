"""One run in two parts: an image encoder from unlabelled clips, then DMCL from it where there are labels."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.progress import CancelToken, ProgressSink, no_progress
from core.training.config import TrainConfig
from core.training.devices import Devices
from core.training.dmcl import TrainResult, train_dmcl
from core.training.start import check_start
from core.training.tracklet_sources import TrackletSources, manifest_parts
from core.training.tracklets import PretrainResult, kept_wishes, pretrain_tracklets
from core.training.trainer import StepSink, no_steps

PRETRAIN = "pretrain"
"""Folder of the first part, in the run's."""
TRACKLETS = "tracklets"
"""Stands for the weights that are yet to be learnt, in ``start.image_weights``."""


def holds_pretraining(run_folder: Path) -> bool:
    """Whether a run began with learning without labels."""
    return (run_folder / PRETRAIN / "config.json").is_file()


def train_from_tracklets(
    run_folder: Path,
    config: TrainConfig,
    sources: TrackletSources,
    begin_with: str | None = None,
    device: str = "auto",
    progress: ProgressSink = no_progress,
    on_step: StepSink = no_steps,
    cancel: CancelToken | None = None,
    devices: Devices | None = None,
) -> tuple[PretrainResult, TrainResult | None]:
    """Learns the image encoder without labels and trains DMCL from it, as far as there are labels.

    A folder that already holds such a run is resumed with its own settings and sources.

    Args:
        run_folder: folder of the run.
        config: of both parts; ``start.image_weights`` is filled in.
        sources: what to learn from; with a manifest of at least two known lesions DMCL follows.
        begin_with: first weights of the image encoder: a file or ``torchvision``; None = random.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: told after every step of either part.
        on_step: one JSON-able dictionary a step, each with ``run``.
        cancel: looked at before every step.
        devices: processes of the second part; the first one learns without labels alone, the others wait.

    Returns:
        What each part reached; None where nothing could follow.

    Raises:
        Cancelled: what was done is kept.
        PolypTraceError: what is wrong with sources, data or settings, in words.
    """
    folder = run_folder / PRETRAIN
    if holds_pretraining(run_folder):
        config, sources, begin_with = kept_wishes(folder)
    config = _from(config, TRACKLETS)
    check_start(config.start)
    labels = sources.manifest is not None and manifest_parts(sources.manifest, config).labels
    manifest = Path(sources.manifest) if sources.manifest and labels else None
    learnt = pretrain_tracklets(folder, config, sources, begin_with, device, progress, on_step, cancel)
    if manifest is None:
        return learnt, None
    following = _from(config, learnt.weights)
    done = train_dmcl(manifest, run_folder, following, device, progress, on_step, cancel, devices=devices)
    return learnt, done


def _from(config: TrainConfig, image_weights: str) -> TrainConfig:
    start = msgspec.structs.replace(config.start, image_weights=image_weights)
    return msgspec.structs.replace(config, start=start)
