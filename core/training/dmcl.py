"""`train dmcl`: from a manifest to a candidate bundle, in one resumable run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import torch
from tokenizers import Tokenizer

from core.counting import count
from core.data.batches import BatchMaker
from core.data.manifest import Manifest, Row, check_pictures, read_manifest
from core.data.splits import patients_of, split_hash, training_parts
from core.errors import PolypTraceError
from core.inference.device import DeviceChoice
from core.models.dmcl import Dmcl
from core.progress import CancelToken, ProgressSink, no_progress
from core.training.checkpoint import load_tensors
from core.training.config import TrainConfig, check
from core.training.devices import Devices, join, lead, lost_process
from core.training.heads import centre_image_token
from core.training.no_match import fit_threshold
from core.training.presets import preset
from core.training.publish import CardFacts, figure_table, publish
from core.training.run_folder import RunFolder
from core.training.start import bundle_folder, check_start, first_network, start_words
from core.training.text_reader import TextReader
from core.training.tokens import TokenTable
from core.training.trainer import StepSink, Trainer, no_steps
from core.training.validation import FUSED, Validator, to_input


class TrainResult(msgspec.Struct, frozen=True):
    """A finished run.

    Args:
        run: its folder.
        model: id of the published bundle.
        bundle: folder of the bundle.
        metrics: validation figures of the published weights; empty without validation.
        seconds: of training, over all resumes.
        notes: sentences on what differed from the wish.
        device: what it was trained on, and why.
        data: ``splits`` (counts), ``split_sha256`` and ``manifest_sha256``.
    """

    run: Path
    model: str
    bundle: Path
    metrics: dict[str, Any]
    seconds: float
    notes: list[str]
    device: DeviceChoice
    data: dict[str, Any]


def train_dmcl(
    manifest: Path | None,
    run_folder: Path,
    config: TrainConfig | str = "compact",
    device: str = "auto",
    progress: ProgressSink = no_progress,
    on_step: StepSink = no_steps,
    cancel: CancelToken | None = None,
    learnt_on: str = "held-back patients of the training manifest",
    devices: Devices | None = None,
    source: str = "the user's manifest",
) -> TrainResult:
    """Trains DMCL and publishes the weights that validated best to ``run_folder/model``.

    A folder that already holds a run is resumed with its own settings, whatever ``config`` says.

    Args:
        manifest: training data; None takes the resumed run's.
        run_folder: folder of the run.
        config: settings or the name of a preset.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: told after every step.
        on_step: one JSON-able dictionary a step or validation, each with ``run``.
        cancel: looked at before every step.
        learnt_on: whose queries the threshold for "no good match" is learnt from, in words.
        devices: this process and those that :func:`assist_training` runs in; None = this one alone, or as a
            launcher started it.
        source: what the manifest holds, in words, for the model's card.

    Raises:
        Cancelled: a checkpoint is left.
        PolypTraceError: what is wrong with data or settings, in words.
    """
    devices = devices or join(device)
    try:
        if (run_folder / "config.json").exists():
            run, settings = RunFolder.open(run_folder)
            (train, val), note = _known_data(run, settings, manifest)
        else:
            run, settings, (train, val), note = _new(manifest, run_folder, config, devices.count, source)
    except PolypTraceError as error:
        lead(devices, failure=error)
        raise
    lead(devices, run_folder)
    begun: list[Trainer] = []

    def lost(error: Exception) -> PolypTraceError | None:
        return lost_process(error) if devices.count > 1 else None

    with run.on_record(lambda: begun[0].state.step if begun else 0, lost):
        trainer = _trainer(run, settings, train, val, devices)
        begun.append(trainer)
        notes = [note, *trainer.notes]
        on_step(_start_event(run, trainer, devices.choice, notes))
        state = trainer.run(progress, on_step, cancel)
        notes += state.notes
        if state.step < trainer.steps:
            notes.append(
                f"The time limit of {settings.max_seconds:.0f} s ended the training at step {state.step} of "
                f"{trainer.steps}."
            )
        return _published(run, settings, trainer, notes, learnt_on, devices.choice)


def assist_training(devices: Devices) -> None:
    """What the other processes of a run do: they learn from the first one which run it is, and take part.

    Raises:
        Cancelled, PolypTraceError: as the first process.
    """
    run, settings = RunFolder.open(lead(devices))
    (train, _), _ = _known_data(run, settings, None)
    _trainer(run, settings, train, [], devices).run()


def _trainer(
    run: RunFolder, settings: TrainConfig, train: list[Row], val: list[Row], devices: Devices
) -> Trainer:
    """The run as it stands in its folder, ready to go on."""
    model = Dmcl(settings.model)
    model.load_state_dict(load_tensors(run.best)[0])
    table = TokenTable(
        Tokenizer.from_file(str(run.tokenizer)), settings.model.max_tokens, settings.model.text.pad_id
    )
    reader = TextReader(table, settings.text_cache_mb << 20)
    by_query = settings.text_protocol == "query-text"
    size = settings.model.image_size
    validator = Validator(val, reader, size, settings.full_frame, by_query) if val else None
    return Trainer(model, _maker(train, settings), validator, reader, settings, run, devices)


def _start_event(run: RunFolder, trainer: Trainer, choice: DeviceChoice, notes: list[str]) -> dict[str, Any]:
    data = run.read("data.json")
    return {
        "run": run.name,
        "stage": "start",
        "step": trainer.state.step,
        "steps": trainer.steps,
        "device": choice.name,
        "device_reason": choice.reason,
        "processes": trainer.processes,
        "identities": trainer.maker.identities,
        "pictures": len(trainer.maker.rows),
        "notes": notes,
        **data["splits"],
        "split_sha256": data["split_sha256"],
        "disjoint": data["disjoint"],
    }


def _new(
    manifest: Path | None, folder: Path, config: TrainConfig | str, processes: int, source: str
) -> tuple[RunFolder, TrainConfig, tuple[list[Row], list[Row]], str]:
    if manifest is None:
        raise PolypTraceError(
            "no-training-data", "Training needs a manifest.", "Give one with --manifest FILE."
        )
    settings = preset(config) if isinstance(config, str) else config
    check(settings)
    check_start(settings.start)
    data = read_manifest(manifest)
    train, val, note = training_parts(data.rows, settings.seed, settings.val_share)
    check_pictures([*train, *val])
    _maker(train, settings)  # refuses data that can't be learnt from before anything is written
    torch.manual_seed(settings.seed)
    model, tokenizer = first_network(settings, train)
    if bundle_folder(settings.start) is None:
        first = _maker(train, settings).batch(0)
        centre_image_token(model, to_input(first.images, torch.device("cpu")))
    settings = msgspec.structs.replace(settings, model=model.config)
    facts = {**_data_facts(data, train, val), "start": start_words(settings.start), "source": source}
    run = RunFolder.create(folder, settings, tokenizer, facts, dict(model.state_dict()), processes)
    return run, settings, (train, val), note


def _known_data(
    run: RunFolder, settings: TrainConfig, manifest: Path | None
) -> tuple[tuple[list[Row], list[Row]], str]:
    """The rows of a run that has begun, and the sentence on their split.

    Raises:
        PolypTraceError: ``run-unknown``, ``run-data-changed``.
    """
    facts = run.read("data.json")
    if "manifest" not in facts:
        raise PolypTraceError(
            "run-unknown", f"The run {run.name} is none of dmcl.", "Runs of dmcl begin with dmcl-."
        )
    data = read_manifest(manifest or Path(facts["manifest"]))
    train, val, note = training_parts(data.rows, settings.seed, settings.val_share)
    hashes = {name: split_hash(patients_of(rows)) for name, rows in (("train", train), ("val", val))}
    if data.sha256() != facts["manifest_sha256"] or hashes != facts["split_sha256"]:
        raise PolypTraceError(
            "run-data-changed",
            f"The manifest isn't the one that the run {run.name} began with.",
            "Resume with the unchanged manifest, or start a new run.",
        )
    return (train, val), note


def _maker(train: list[Row], settings: TrainConfig) -> BatchMaker:
    return BatchMaker(
        train,
        settings.picture_side,
        settings.augmentation,
        settings.modality_dropout,
        settings.identities,
        settings.pictures,
        settings.seed,
        settings.full_frame,
    )


def _data_facts(data: Manifest, train: list[Row], val: list[Row]) -> dict[str, Any]:
    splits = {}
    for name, rows in (("train", train), ("val", val)):
        splits[f"{name}_patients"] = len(patients_of(rows))
        splits[f"{name}_lesions"] = len({row.identity for row in rows if row.identity})
        splits[f"{name}_pictures"] = len(rows)
    hashes = {name: split_hash(patients_of(rows)) for name, rows in (("train", train), ("val", val))}
    return {
        "manifest": str(data.path),
        "manifest_sha256": data.sha256(),
        "splits": splits,
        "split_sha256": hashes,
        "disjoint": True,
    }


def _held_back(splits: dict[str, int]) -> list[str]:
    """Who chose the checkpoint, as one line; none where nobody did."""
    lesions, patients = splits["val_lesions"], splits["val_patients"]
    return (
        [f"Held back: {count(lesions, 'lesion')} of {count(patients, 'other patient')}."] if patients else []
    )


def _asked(counts: dict[str, int] | None) -> str:
    """What the validation's figures were counted over."""
    if counts is None:
        return ""
    return (
        f", {count(counts['queries'], 'query', 'queries')} of {count(counts['lesions'], 'lesion')} "
        f"among {count(counts['clips'], 'other clip')}"
    )


def _published(
    run: RunFolder,
    settings: TrainConfig,
    trainer: Trainer,
    notes: list[str],
    learnt_on: str,
    choice: DeviceChoice,
) -> TrainResult:
    device, validator = next(trainer.model.parameters()).device, trainer.validator
    clips = validator.embed(trainer.model, device) if validator else {}
    no_match = fit_threshold(clips[FUSED], validator, learnt_on) if validator and clips else None
    data = run.read("data.json")
    splits = data["splits"]
    counts = validator.counts if validator else None
    metrics: dict[str, Any] = {
        "validation": trainer.state.best,
        "validation_counts": counts,
        "step": trainer.state.best_step,
    }
    facts = CardFacts(
        name=run.name,
        data=[
            f"{count(splits['train_pictures'], 'picture')} of {count(splits['train_lesions'], 'lesion')} of "
            f"{count(splits['train_patients'], 'patient')}, from {data['source']}.",
            *_held_back(splits),
            data["start"],
        ],
        config=settings,
        tables=figure_table(
            trainer.state.best,
            f"patients that were held back{_asked(counts)}; the checkpoint was chosen on them",
        ),
        notes=notes,
    )
    info = publish(
        run.bundle,
        trainer.model,
        run.tokenizer.read_text("utf-8"),
        facts,
        metrics,
        no_match,
        data["manifest_sha256"],
    )
    shown = {name: data[name] for name in ("splits", "split_sha256", "manifest_sha256")}
    shown["validation"] = counts
    return TrainResult(
        run.root,
        info.manifest.model_id,
        run.bundle,
        trainer.state.best,
        trainer.state.elapsed,
        notes,
        choice,
        shown,
    )
