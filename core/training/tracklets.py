"""Learning an image encoder without labels: from videos and stills to a weights file, resumable."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import torch

from core.counting import count
from core.data.batches import STORE_MARGIN
from core.data.tracklets.batches import TrackletBatches, too_few
from core.data.tracklets.gather import gather
from core.data.tracklets.holding import hold_out
from core.data.tracklets.store import TrackletStore
from core.data.tracklets.values import Timeline, Tracklet
from core.errors import PolypTraceError
from core.inference.bundle import replace_file
from core.jobs.faults import OUT_OF_MEMORY, is_out_of_memory
from core.models.device import usable_device
from core.models.layers import ImageEncoder
from core.models.pretrained import TORCHVISION, load_resnet, torchvision_file
from core.progress import CancelToken, ProgressSink, no_progress
from core.training.checkpoint import save_tensors
from core.training.config import TrainConfig, check, read_config
from core.training.devices import Devices
from core.training.run_folder import RunFolder, environment
from core.training.tracklet_card import nothing_learnt, tracklet_card
from core.training.tracklet_config import TrackletConfig
from core.training.tracklet_loop import LoopState, TrackletLoop
from core.training.tracklet_sources import Planned, TrackletSources, check_sources, plan_pieces
from core.training.trainer import StepSink, no_steps

WEIGHTS = "image-encoder.safetensors"
_RESULT, _SOURCES, _FOUND = "result.json", "sources.json", "found.json"


class PretrainResult(msgspec.Struct, frozen=True, kw_only=True):
    """A finished learning without labels.

    Args:
        weights: the image encoder's file, for ``--image-weights``.
        tracklets, crops, films: what was learnt from and measured on; ``held`` of them only measured on.
        steps: batches.
        loss: mean loss of the last steps.
        found: share of held-out views whose most similar other view is of the same tracklet, among those of
            a batch; None where nothing was held out.
        chance: the same by guessing.
        seconds: of training, over all resumes.
        notes: sentences on what differed from the wish.
    """

    weights: str
    tracklets: int
    crops: int
    films: int
    held: int
    steps: int
    loss: float | None
    found: float | None
    chance: float | None = None
    seconds: float
    notes: list[str]


def pretrain_tracklets(
    folder: Path,
    config: TrainConfig,
    sources: TrackletSources,
    begin_with: str | None = None,
    device: str = "auto",
    progress: ProgressSink = no_progress,
    on_step: StepSink = no_steps,
    cancel: CancelToken | None = None,
) -> PretrainResult:
    """Learns the image encoder of ``config.model`` without labels, by ``config.tracklets``.

    A folder that holds such a run is gone on from with its own settings and sources; one that is finished is
    only read. Everything random is a function of (seed, step): killed and resumed it ends with the same
    weights. Crops of the videos lie in the folder while it runs, and are deleted at its end.

    Args:
        folder: of this part of a run.
        config: network, picture size, seed and ``tracklets``.
        sources: what to learn from.
        begin_with: first weights: a file or ``torchvision``; None = random.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: told after each frame that is read, tracklet and step.
        on_step: one JSON-able dictionary a step, with ``run``.
        cancel: looked at before each of them.

    Raises:
        Cancelled: what was done is kept.
        PolypTraceError: ``too-few-tracklets``, or what is wrong with sources or settings, in words.
    """
    done = read_pretraining(folder)
    if done is not None:
        return done
    token, name = cancel or CancelToken(), folder.parent.name
    choice = usable_device(device)
    run = RunFolder(folder)
    if (folder / "config.json").exists():
        config, sources, begin_with = kept_wishes(folder)
    else:
        if begin_with not in (None, TORCHVISION):
            begin_with = str(Path(begin_with).absolute())
        check(config)
        check_sources(sources)
        _encoder(config, begin_with)  # refuses weights that don't fit before anything is written
        _begin(run, config, sources, begin_with)

    def tell(event: dict[str, Any]) -> None:
        on_step({"run": name, **event})

    tell({"stage": "pretrain-start", "step": 0, "device": choice.name, "device_reason": choice.reason})
    begun: list[TrackletLoop] = []
    with run.on_record(lambda: begun[0].state.step if begun else 0, _out_of_memory):
        store, found = _gathered(folder, config, sources, progress, token)
        train, held = hold_out(store.tracklets, config.tracklets.held_out, config.seed)
        loop = TrackletLoop(
            _encoder(config, begin_with),
            _batches(train, store, config, 0),
            _batches(held, store, config, 1) if len(held) > 1 else None,
            config.tracklets,
            run,
            torch.device(choice.name),
            config.seed,
            config.mixed_precision,
        )
        begun.append(loop)
        with Devices(choice).repeatable(config.deterministic):
            state = loop.run(progress, tell, token)
        result = _result(run, config.tracklets, store.tracklets, len(held), found["notes"], state)
        _write(run, config, loop.encoder, result, found)
    return result


def _out_of_memory(error: Exception) -> PolypTraceError | None:
    if not is_out_of_memory(error):
        return None
    return PolypTraceError(
        OUT_OF_MEMORY,
        "The memory isn't enough for learning without labels in batches of this size.",
        "Choose fewer tracklets a batch (--set tracklets.tracklets=16), a smaller model.image_size or a "
        "smaller backbone, and start again.",
    )


def picture_side(config: TrainConfig) -> int:
    """Side of the pictures that the encoder learns from, pixels."""
    return config.picture_side


def read_pretraining(folder: Path) -> PretrainResult | None:
    """The result of a finished run, or None."""
    try:
        result = msgspec.json.decode((folder / _RESULT).read_bytes(), type=PretrainResult)
    except (OSError, msgspec.MsgspecError):
        return None
    return msgspec.structs.replace(result, weights=str(folder / WEIGHTS))  # wherever it was moved to


def _begin(run: RunFolder, config: TrainConfig, sources: TrackletSources, begin_with: str | None) -> None:
    run.root.mkdir(parents=True, exist_ok=True)
    run.write("environment.json", environment())
    run.write(_SOURCES, {"sources": msgspec.to_builtins(sources), "begin_with": begin_with})
    run.write("config.json", msgspec.to_builtins(config))  # last: where it is, the run can be resumed


def kept_wishes(folder: Path) -> tuple[TrainConfig, TrackletSources, str | None]:
    """Settings, sources and first weights of a run that has begun."""
    raw = RunFolder(folder).read(_SOURCES)
    sources = msgspec.convert(raw["sources"], TrackletSources)
    return read_config(folder / "config.json"), sources, raw["begin_with"]


def _encoder(config: TrainConfig, begin_with: str | None) -> ImageEncoder:
    torch.manual_seed(config.seed)
    encoder = ImageEncoder(config.model)
    if begin_with is not None:
        cached = begin_with == TORCHVISION
        load_resnet(encoder.resnet, torchvision_file(config.model.backbone) if cached else Path(begin_with))
    return encoder


def _gathered(
    folder: Path, config: TrainConfig, sources: TrackletSources, progress: ProgressSink, cancel: CancelToken
) -> tuple[TrackletStore, dict[str, Any]]:
    """The store of tracklets, and what they were made of."""
    side = round(picture_side(config) * STORE_MARGIN)
    run, crops = RunFolder(folder), folder / "tracklets"
    if (folder / _FOUND).exists():
        store = TrackletStore(crops, None, side)
        if store.complete:  # the videos needn't be there any more
            return store, run.read(_FOUND)
    planned = plan_pieces(sources, config, folder / "scans", progress, cancel)
    try:
        store = gather(crops, planned.pieces, side, config.tracklets.cache_bytes, progress, cancel)
    finally:
        planned.readers.close()
    if len(store.tracklets) < 2:
        _cleared(run)
        (folder / "config.json").unlink()  # nothing that could be gone on from
        raise too_few(len(store.tracklets))
    found = _facts(planned, store)
    run.write(_FOUND, found)
    return store, found


def _facts(planned: Planned, store: TrackletStore) -> dict[str, Any]:
    notes = [*planned.notes]
    for note in dict.fromkeys(store.notes):
        times = store.notes.count(note)
        notes.append(note if times == 1 else f"{note} ({times} times)")
    left = len(planned.pieces) - store.pieces
    if left:
        notes.append(
            f"{left} of {count(len(planned.pieces), 'piece')} of video left out: the space for crops is full."
        )
    return {"videos": planned.videos, "stills": planned.stills, "clips": planned.clips, "notes": notes}


def _batches(
    tracklets: list[Tracklet], store: TrackletStore, config: TrainConfig, part: int
) -> TrackletBatches:
    own = config.tracklets
    return TrackletBatches(
        tracklets,
        store.crops,
        Timeline(tracklets, own.near_s, own.unsure_s),
        picture_side(config),
        own.augmentation,
        own.tracklets,
        own.views,
        own.neighbours,
        2 * config.seed + part,
    )


def guessed(tracklets: int, views: int, held: int) -> float | None:
    """How often a held-out view's neighbour is of the same tracklet by guessing; None where none is held out.

    Args:
        tracklets, views: of a batch.
        held: how many tracklets are held out.
    """
    batch = min(tracklets, held)
    return (views - 1) / (batch * views - 1) if batch > 1 else None


def _result(
    run: RunFolder,
    config: TrackletConfig,
    tracklets: list[Tracklet],
    held: int,
    notes: list[str],
    state: LoopState,
) -> PretrainResult:
    chance = guessed(config.tracklets, config.views, held)
    return PretrainResult(
        weights=str(run.root / WEIGHTS),
        tracklets=len(tracklets),
        crops=sum(tracklet.count for tracklet in tracklets),
        films=len({tracklet.film for tracklet in tracklets}),
        held=held,
        steps=state.step,
        loss=state.loss,
        found=state.found,
        chance=chance,
        seconds=state.elapsed,
        notes=[*notes, *nothing_learnt(state.found, chance)],
    )


def _write(
    run: RunFolder, config: TrainConfig, encoder: ImageEncoder, result: PretrainResult, found: dict[str, Any]
) -> None:
    """Weights, card and, last, the result; what only the way here needed is deleted."""
    facts = {"backbone": config.model.backbone, "image_size": picture_side(config), "steps": result.steps}
    save_tensors(run.root / WEIGHTS, dict(encoder.resnet.state_dict()), facts)
    replace_file(run.root / "card.md", tracklet_card(config, result, found).encode())
    replace_file(run.root / _RESULT, msgspec.json.encode(result))
    _cleared(run)


def _cleared(run: RunFolder) -> None:
    for name in ("tracklets", "scans"):
        shutil.rmtree(run.root / name, ignore_errors=True)
    run.checkpoint.unlink(missing_ok=True)
