"""The first weights of a run: random, trained before, or those of a whole model."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from tokenizers import BertWordPieceTokenizer, Tokenizer

from core.counting import count
from core.data.manifest import Row
from core.errors import PolypTraceError
from core.inference.bundle import read_bundle
from core.models.bundle import load_model
from core.models.config import DmclConfig, with_vocabulary
from core.models.dmcl import Dmcl
from core.models.pretrained import build_dmcl
from core.paths import resource
from core.text.tokenizer import SPECIAL
from core.training.config import Start, TrainConfig
from core.training.masked_language import train_tokenizer

_FREE = ("image_size", "last_stride", "dropout", "text_frozen", "pooling", "own_share", "colour_share")
"""What may change when a trained network goes on: no weight depends on it, or one found soon."""


def check_start(start: Start) -> None:
    """Raises:
    PolypTraceError: ``start-contradicts`` or ``start-incomplete`` when the first weights aren't those that
        the settings ask for.
    """
    given = {"image": bool(start.image_weights), "text": bool(start.text_folder)}
    if start.model and (any(given.values()) or start.pretrained):
        raise PolypTraceError(
            "start-contradicts",
            "A run goes on from a whole model or begins with single trained encoders, not both.",
            "Leave out --start, or --image-weights, --text-folder and start.pretrained.",
        )
    if start.pretrained is None:
        return
    ways = {"image": ("image encoder", "--image-weights"), "text": ("text encoder", "--text-folder")}
    for kind, (words, option) in ways.items():
        asked = start.pretrained in (kind, "both")
        if asked and not given[kind]:
            raise PolypTraceError(
                "start-incomplete",
                f"These settings begin with a trained {words}, and none was given.",
                f"Name its weights with {option}, or choose another start.pretrained.",
            )
        if given[kind] and not asked:
            raise PolypTraceError(
                "start-contradicts",
                f"These settings begin with a random {words}, but trained weights were given.",
                f"Leave out {option}, or choose another start.pretrained.",
            )


def bundle_folder(start: Start) -> Path | None:
    """The model to go on from: the one named, or the starter model where that is wanted and shipped."""
    if start.model:
        return Path(start.model)
    if not start.starter or start.named or start.pretrained:
        return None
    try:
        return resource("models", "starter", "manifest.json").parent
    except FileNotFoundError:
        return None


def bundle_config(folder: Path) -> DmclConfig:
    """The network's settings in a bundle.

    Raises:
        PolypTraceError: as :func:`core.inference.bundle.read_bundle`.
    """
    return msgspec.convert(read_bundle(folder).manifest.architecture, DmclConfig)


def fits(wanted: DmclConfig, known: DmclConfig) -> bool:
    """Whether the weights of ``known`` are weights of ``wanted``; the vocabulary is the known one's."""
    wanted = _with_words_of(known, wanted)
    return msgspec.structs.replace(wanted, **{name: getattr(known, name) for name in _FREE}) == known


def _with_words_of(known: DmclConfig, wanted: DmclConfig) -> DmclConfig:
    return with_vocabulary(wanted, known.text.vocab_size, known.text.pad_id)


def first_network(config: TrainConfig, train: list[Row]) -> tuple[Dmcl, str]:
    """The network before training, and its tokenizer as JSON.

    A model that is gone on from keeps its architecture, whatever ``config`` says; where the settings fit its
    weights, input size, last stride, pooling, shares, dropout and freezing are taken from them.

    Raises:
        PolypTraceError: ``training-settings`` or what is wrong with the weights.
    """
    start, folder = config.start, bundle_folder(config.start)
    if folder is not None:
        return _continued(folder, config.model), read_bundle(folder).tokenizer.read_text("utf-8")
    if start.text_folder:
        text = Path(start.text_folder)
        return build_dmcl(config.model, start.image_weights, text), folder_tokenizer(text).to_str()
    if config.model.text_frozen:
        raise PolypTraceError(
            "training-settings",
            "These settings keep the text encoder as it is, so it must be a trained one.",
            "Give a local BERT folder with --text-folder.",
        )
    if start.tokenizer:
        tokenizer = folder_tokenizer(Path(start.tokenizer))
    else:
        tokenizer = train_tokenizer([row.text for row in train if row.text], config.model.text.vocab_size)
    sized = with_vocabulary(config.model, tokenizer.get_vocab_size(), SPECIAL.index("[PAD]"))
    return build_dmcl(sized, start.image_weights), tokenizer.to_str()


def _continued(folder: Path, wanted: DmclConfig) -> Dmcl:
    model = load_model(folder)
    if not fits(wanted, model.config):
        return model
    changed, known = Dmcl(_with_words_of(model.config, wanted)), model.state_dict()
    changed.load_state_dict({name: known.get(name, value) for name, value in changed.state_dict().items()})
    return changed


def folder_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a BERT folder: ``tokenizer.json``, or made from ``vocab.txt``.

    Raises:
        PolypTraceError: ``bert-folder``.
    """
    try:
        if (folder / "tokenizer.json").is_file():
            return Tokenizer.from_file(str(folder / "tokenizer.json"))
        if (folder / "vocab.txt").is_file():
            settings = json.loads(_read(folder / "tokenizer_config.json") or "{}")
            lower = bool(settings.get("do_lower_case", True))
            made = BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=lower)
            return Tokenizer.from_str(made.to_str())
    except Exception as error:  # the library raises bare Exception for a damaged file
        raise PolypTraceError(
            "bert-folder", f"The tokenizer in “{folder.name}” can't be read.", "Save the tokenizer again."
        ) from error
    raise PolypTraceError(
        "bert-folder",
        f"“{folder.name}” holds neither tokenizer.json nor vocab.txt.",
        "Save the tokenizer beside the model.",
    )


def _read(file: Path) -> str:
    return file.read_text("utf-8") if file.is_file() else ""


def start_words(start: Start) -> str:
    """Where the first weights came from, for the card: a model's limits are also those of its parent."""
    folder = bundle_folder(start)
    if folder is not None:
        parent = read_bundle(folder).manifest.model_id
        return (
            f"Training went on from the weights of {parent}, which learnt from data of its own: see its card."
        )
    parts = [_image_words(start.image_weights) if start.image_weights else ""]
    parts += ["a text encoder that was trained before" if start.text_folder else ""]
    known = " and ".join(part for part in parts if part)
    return f"Training began with {known}." if known else "Training began with random weights."


def _image_words(weights: str) -> str:
    from core.training.tracklets import read_pretraining  # here: it knows the whole way from video to weights

    learnt = read_pretraining(Path(weights).parent)
    if learnt is None:
        return "an image encoder that was trained before"
    return f"an image encoder that had learnt without labels from {count(learnt.tracklets, 'tracklet')}"
