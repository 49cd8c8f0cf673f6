"""`train dmcl`: from a manifest to a candidate bundle, in one resumable run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import torch
from tokenizers import Tokenizer

from core.data.batches import BatchMaker
from core.data.manifest import Manifest, Row, read_manifest
from core.data.splits import patients_of, split_hash, training_parts
from core.errors import PolypTraceError
from core.inference.bundle import read_bundle
from core.inference.device import DeviceChoice
from core.models.bundle import load_model
from core.models.config import with_vocabulary
from core.models.device import usable_device
from core.models.dmcl import Dmcl
from core.models.pretrained import build_dmcl
from core.paths import resource
from core.progress import CancelToken, ProgressSink, no_progress
from core.text.tokenizer import SPECIAL
from core.training.checkpoint import load_tensors
from core.training.config import TrainConfig, check, preset
from core.training.heads import centre_image_token
from core.training.masked_language import train_tokenizer
from core.training.no_match import fit_threshold
from core.training.publish import CardFacts, figure_table, publish
from core.training.run_folder import RunFolder
from core.training.tokens import TokenTable
from core.training.trainer import StepSink, Trainer, no_steps
from core.training.validation import FUSED, Validator, to_input


class Start(msgspec.Struct, frozen=True):
    """Where the weights of a new run come from (the rows of Table 3 and fine-tuning).

    Args:
        bundle: fine-tune this model; its architecture and tokenizer are taken over.
        image_weights: ``torchvision`` or a file with a ResNet's weights.
        text_folder: a BERT folder with its ``tokenizer.json``.
    """

    bundle: Path | None = None
    image_weights: str | Path | None = None
    text_folder: Path | None = None


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
    """

    run: Path
    model: str
    bundle: Path
    metrics: dict[str, Any]
    seconds: float
    notes: list[str]
    device: DeviceChoice


def train_dmcl(
    manifest: Path | None,
    run_folder: Path,
    config: TrainConfig | str = "compact",
    start: Start | None = None,
    device: str = "auto",
    progress: ProgressSink = no_progress,
    on_step: StepSink = no_steps,
    cancel: CancelToken | None = None,
    learnt_on: str = "held-back patients of the training manifest",
) -> TrainResult:
    """Trains DMCL and publishes the weights that validated best to ``run_folder/model``.

    A folder that already holds a run is resumed with its own settings, whatever ``config`` and ``start`` say.

    Args:
        manifest: training data; None takes the resumed run's.
        run_folder: folder of the run.
        config: settings or the name of a preset.
        start: initial weights; None takes the starter model for the preset ``quick`` where it is shipped,
            else random weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: told after every step.
        on_step: one JSON-able dictionary a step or validation, each with ``run``.
        cancel: looked at before every step.
        learnt_on: whose queries the threshold for "no good match" is learnt from, in words.

    Raises:
        Cancelled: a checkpoint is left.
        PolypTraceError: what is wrong with data or settings, in words.
    """
    choice = usable_device(device)
    if (run_folder / "config.json").exists():
        run, settings, rows, note = _resumed(manifest, run_folder)
        model = Dmcl(settings.model)
        model.load_state_dict(load_tensors(run.best)[0])
    else:
        run, settings, rows, note, model = _new(manifest, run_folder, config, start)
    train, val = rows
    tokens = TokenTable(
        Tokenizer.from_file(str(run.tokenizer)), settings.model.max_tokens, settings.model.text.pad_id
    )
    maker = _maker(train, settings)
    validator = Validator(val, tokens, settings.model.image_size, settings.full_frame) if val else None
    trainer = Trainer(model, maker, validator, tokens, settings, run, torch.device(choice.name))
    notes = [note, *maker.sampler.notes]
    if maker.left_out:
        notes.append(f"{maker.left_out} training pictures without a known identity were left out.")
    on_step(
        {
            "run": run.name,
            "stage": "start",
            "step": trainer.state.step,
            "steps": trainer.steps,
            "device": choice.name,
            "device_reason": choice.reason,
            "identities": maker.identities,
            "pictures": len(maker.rows),
            "notes": notes,
            **run.read("data.json")["splits"],
        }
    )
    state = trainer.run(progress, on_step, cancel)
    if state.step < trainer.steps:
        notes.append(
            f"The time limit of {settings.max_seconds:.0f} s ended the training at step {state.step} of "
            f"{trainer.steps}."
        )
    return _published(run, settings, trainer, validator, state.elapsed, notes, learnt_on, choice)


def _new(
    manifest: Path | None, folder: Path, config: TrainConfig | str, start: Start | None
) -> tuple[RunFolder, TrainConfig, tuple[list[Row], list[Row]], str, Dmcl]:
    if manifest is None:
        raise PolypTraceError(
            "no-training-data", "Training needs a manifest.", "Give one with --manifest FILE."
        )
    settings = preset(config) if isinstance(config, str) else config
    check(settings)
    data = read_manifest(manifest)
    train, val, note = training_parts(data.rows, settings.seed, settings.val_share)
    _maker(train, settings)  # refuses data that can't be learnt from before anything is written
    chosen = start or (Start(bundle=_starter()) if config == "quick" else Start())
    torch.manual_seed(settings.seed)
    model, tokenizer = _initial(chosen, settings, train)
    if chosen.bundle is None and chosen.image_weights is None:
        first = _maker(train, settings).batch(0)
        centre_image_token(model, to_input(first.images, torch.device("cpu")))
    settings = msgspec.structs.replace(settings, model=model.config)
    facts = {**_data_facts(data, train, val), "start": _start_words(chosen)}
    run = RunFolder.create(folder, settings, tokenizer, facts, dict(model.state_dict()))
    return run, settings, (train, val), note, model


def _resumed(
    manifest: Path | None, folder: Path
) -> tuple[RunFolder, TrainConfig, tuple[list[Row], list[Row]], str]:
    run, settings = RunFolder.open(folder)
    facts = run.read("data.json")
    data = read_manifest(manifest or Path(facts["manifest"]))
    if data.sha256() != facts["manifest_sha256"]:
        raise PolypTraceError(
            "run-data-changed",
            f"The manifest isn't the one that the run {folder.name} began with.",
            "Resume with the unchanged manifest, or start a new run.",
        )
    train, val, note = training_parts(data.rows, settings.seed, settings.val_share)
    return run, settings, (train, val), note


def _starter() -> Path | None:
    try:
        return resource("models", "starter", "manifest.json").parent
    except FileNotFoundError:
        return None


def _initial(start: Start, settings: TrainConfig, train: list[Row]) -> tuple[Dmcl, str]:
    """The network before training, and its tokenizer."""
    if start.bundle is not None:
        model = load_model(start.bundle)
        return model, read_bundle(start.bundle).tokenizer.read_text("utf-8")
    if start.text_folder is not None:
        tokenizer = _folder_tokenizer(start.text_folder)
        return build_dmcl(settings.model, start.image_weights, start.text_folder), tokenizer.to_str()
    if settings.model.text_frozen:
        raise PolypTraceError(
            "training-settings",
            "These settings keep the text encoder as it is, so it must be a trained one.",
            "Give a local BERT folder with --text-folder.",
        )
    tokenizer = train_tokenizer([row.text for row in train if row.text], settings.model.text.vocab_size)
    sized = with_vocabulary(settings.model, tokenizer.get_vocab_size(), SPECIAL.index("[PAD]"))
    return build_dmcl(sized, start.image_weights), tokenizer.to_str()


def _folder_tokenizer(folder: Path) -> Tokenizer:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise PolypTraceError(
            "bert-folder",
            f"“{folder.name}” holds no tokenizer.json.",
            "Save the tokenizer beside the model in its fast form.",
        )
    return Tokenizer.from_file(str(file))


def _maker(train: list[Row], settings: TrainConfig) -> BatchMaker:
    return BatchMaker(
        train,
        settings.model.image_size,
        settings.augmentation,
        settings.modality_dropout,
        settings.identities,
        settings.pictures,
        settings.seed,
        settings.full_frame,
    )


def _start_words(start: Start) -> str:
    """Where the first weights came from, for the card: a model's limits are also those of its parent."""
    if start.bundle is not None:
        parent = read_bundle(start.bundle).manifest.model_id
        return (
            f"Training went on from the weights of {parent}, which learnt from data of its own: see its card."
        )
    parts = ["an image encoder that was trained before" if start.image_weights else ""]
    parts += ["a text encoder that was trained before" if start.text_folder else ""]
    known = " and ".join(part for part in parts if part)
    return f"Training began with {known}." if known else "Training began with random weights."


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


def _published(
    run: RunFolder,
    settings: TrainConfig,
    trainer: Trainer,
    validator: Validator | None,
    seconds: float,
    notes: list[str],
    learnt_on: str,
    choice: DeviceChoice,
) -> TrainResult:
    device = next(trainer.model.parameters()).device
    clips = validator.embed(trainer.model, device) if validator else {}
    no_match = fit_threshold(clips[FUSED], validator, learnt_on) if validator and clips else None
    data = run.read("data.json")
    splits = data["splits"]
    metrics: dict[str, Any] = {"validation": trainer.state.best, "step": trainer.state.best_step}
    facts = CardFacts(
        name=run.name,
        data=[
            f"{splits['train_pictures']} pictures of {splits['train_lesions']} lesions of "
            f"{splits['train_patients']} patients, from the user's manifest.",
            f"Held back: {splits['val_lesions']} lesions of {splits['val_patients']} other patients.",
            data["start"],
        ],
        config=settings,
        tables=figure_table(
            trainer.state.best, "patients that were held back; the checkpoint was chosen on them"
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
    return TrainResult(
        run.root, info.manifest.model_id, run.bundle, trainer.state.best, seconds, notes, choice
    )
