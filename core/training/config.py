"""The settings of one training run; :mod:`core.training.presets` holds proven ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from core.data.augment import ROTATIONS, SHARINGS, Augmentation
from core.data.batches import ModalityDropout
from core.errors import PolypTraceError
from core.models import config as models
from core.models.config import DmclConfig
from core.training.tracklet_config import TrackletConfig, check_tracklets

Metric = Literal["triplet", "contrastive"]
Miner = Literal["batch-hard", "batch-all", "semi-hard"]
Optimiser = Literal["adam", "adamw"]
Pretrained = Literal["none", "text", "image", "both"]
TextProtocol = Literal["own-text", "query-text"]


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where the first weights of a run come from.

    Args:
        model: folder of a bundle to go on from; its architecture and tokenizer are taken over.
        starter: go on from the shipped starter model where nothing else is named and it is there.
        image_weights: a file with a ResNet's weights, or ``torchvision`` (torch's own cache).
        text_folder: a BERT folder of ``transformers``.
        tokenizer: a folder with ``tokenizer.json``, for a text encoder with random weights; None learns word
            pieces from the training texts.
        pretrained: which modality must start with trained weights, and which mustn't: the rows of Table 3.
            None takes whatever is given.
    """

    model: str | None = None
    starter: bool = False
    image_weights: str | None = None
    text_folder: str | None = None
    tokenizer: str | None = None
    pretrained: Pretrained | None = None

    @property
    def named(self) -> bool:
        """Whether any weights are named."""
        return bool(self.model or self.image_weights or self.text_folder)


class LossSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Equation 7: identity loss + metric loss.

    Args:
        metric: ``triplet`` (the paper) or ``contrastive`` (supervised contrastive).
        miner, margin: of the triplet loss; margin None is the paper's soft margin.
        temperature: of the contrastive loss.
        identity_weight, metric_weight: 1 and 1 in the paper.
        neck: batch normalisation before the identity scores (Luo 2019), not in the paper.
        image_identity_weight: of an identity loss on the picture's own features, 0 in the paper; it teaches
            a ResNet with random weights long before the fusion does.
        image_metric_weight: of a supervised contrastive loss on the picture's own features, 0 in the paper.
        fusion_teaches_image: whether the fused vector's losses reach the image encoder, as in the paper; it
            learns what tells pictures apart better by its own ones, since texts answer half the question.
        metric_warmup: share of the run in which the metric loss gains its weight; a hard metric loss on
            random features is smallest when all are the same.
        smoothing: label smoothing of the identity loss.
    """

    metric: Metric = "triplet"
    miner: Miner = "batch-hard"
    margin: float | None = None
    temperature: float = 0.1
    identity_weight: float = 1.0
    metric_weight: float = 1.0
    neck: bool = False
    image_identity_weight: float = 0.0
    image_metric_weight: float = 0.0
    fusion_teaches_image: bool = True
    metric_warmup: float = 0.0
    smoothing: float = 0.0


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what a run learns; saved as ``config.json`` of the run.

    Args:
        model: the network.
        start: its first weights.
        identities, pictures: P and K of a batch.
        train_size: side of the training pictures where it isn't ``model.image_size``. A ResNet that learnt on
            enlarged, smaller pictures sees lesions in use at the size it knows (Touvron 2019), and a step
            costs less.
        steps: planned batches; None = ``epochs`` passes over all lesions.
        max_seconds: the run ends by then; the learning rate comes down in time for it. A run that time ends
            can't be repeated bit by bit on a computer of another speed.
        optimiser: ``adam`` (the paper: decay is added to the gradient) or ``adamw`` (decay apart from it).
        lr_backbone, lr_head: highest learning rates of its two groups: ResNet and BERT / all the rest.
        decay_backbone, decay_head: their weight decay.
        warmup: share of the run in which the rates rise.
        clip_norm: largest norm of the gradient.
        validate_every: steps between validations; 0 = after every epoch.
        checkpoint_seconds: longest stretch of work that a kill can cost.
        full_frame: whole pictures although there are boxes.
        mixed_precision: bfloat16 where the device gains by it: CUDA, and processors that multiply it.
        val_share: share of the training patients that choose the checkpoint where the manifest names none for
            it; 0 = the last weights are taken.
        text_protocol: whose text an earlier clip is fused with where the held-back patients choose the
            checkpoint: its own exam's, or the query's (the reference). Training and the product use each
            picture's own.
        deterministic: the same sums in the same order on CUDA too, so that a resumed run ends with the same
            weights; some steps take longer.
        text_cache_mb: memory for the tokens of texts that a frozen text encoder has read.
        tracklets: of learning without labels, where that is asked for.
    """

    model: DmclConfig = models.COMPACT
    start: Start = Start()
    identities: int = 16
    pictures: int = 4
    train_size: int | None = None
    steps: int | None = None
    epochs: int = 180
    max_seconds: float | None = None
    optimiser: Optimiser = "adam"
    lr_backbone: float = 3e-4
    lr_head: float = 6e-4
    decay_backbone: float = 1e-5
    decay_head: float = 1e-7
    warmup: float = 0.05
    clip_norm: float = 5.0
    loss: LossSettings = LossSettings()
    augmentation: Augmentation = Augmentation()
    modality_dropout: ModalityDropout = ModalityDropout()
    validate_every: int = 100
    checkpoint_seconds: float = 120.0
    seed: int = 0
    full_frame: bool = False
    mixed_precision: bool = True
    val_share: float = 0.15
    text_protocol: TextProtocol = "own-text"
    deterministic: bool = True
    text_cache_mb: int = 512
    tracklets: TrackletConfig = TrackletConfig()

    @property
    def picture_side(self) -> int:
        """Side of the training pictures in pixels: ``train_size``, but never more than is used later."""
        side = self.model.image_size
        return min(self.train_size or side, side)


def check(config: TrainConfig) -> None:
    """Raises:
    PolypTraceError: ``training-settings`` or ``model-config`` when settings contradict each other.
    """
    models.check(config.model)
    check_tracklets(config.tracklets)
    problems = [(not _all_numbers(msgspec.to_builtins(config)), "each number is a finite one")]
    for wrong, sentence in [*problems, *_loop_problems(config), *_value_problems(config)]:
        if wrong:
            raise PolypTraceError("training-settings", f"These training settings don't fit: {sentence}.")


def _all_numbers(value: Any) -> bool:
    """Whether no float in a configuration is NaN or infinite: such a one passes every check of its range."""
    if isinstance(value, dict):
        return all(map(_all_numbers, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_all_numbers, value))
    return not isinstance(value, float) or math.isfinite(value)


def _loop_problems(config: TrainConfig) -> list[tuple[bool, str]]:
    return [
        (config.identities < 2 or config.pictures < 2, "a batch needs at least two lesions and two pictures"),
        (config.steps is not None and config.steps < 1, "steps is at least 1"),
        (config.train_size is not None and not 32 <= config.train_size <= 1024, "train_size is in 32…1024"),
        (config.epochs < 1, "epochs is at least 1"),
        (config.seed < 0, "seed is at least 0"),
        (config.max_seconds is not None and config.max_seconds <= 0, "max_seconds is above 0"),
        (not 0 <= config.loss.metric_warmup <= 1, "metric_warmup is a share"),
        (not 0 <= config.warmup < 1, "warmup is a share below 1"),
        (not 0 <= config.val_share < 1, "val_share is a share below 1"),
        (min(config.lr_backbone, config.lr_head) <= 0, "learning rates are above 0"),
        (min(config.decay_backbone, config.decay_head) < 0, "weight decay isn't below 0"),
        (config.clip_norm <= 0, "clip_norm is above 0"),
        (config.validate_every < 0, "validate_every isn't below 0"),
        (config.text_cache_mb < 0, "text_cache_mb isn't below 0"),
    ]


def _value_problems(config: TrainConfig) -> list[tuple[bool, str]]:
    loss, dropout, changes = config.loss, config.modality_dropout, config.augmentation
    ranges = (changes.zoom, changes.gain, changes.gamma, changes.saturation, changes.blur_px, changes.jpeg)
    return [
        (loss.metric not in get_args(Metric), f"there is no loss {loss.metric}"),
        (loss.miner not in get_args(Miner), f"there is no miner {loss.miner}"),
        (config.optimiser not in get_args(Optimiser), f"there is no optimiser {config.optimiser}"),
        (config.text_protocol not in get_args(TextProtocol), f"there is no protocol {config.text_protocol}"),
        (
            not (loss.fusion_teaches_image or loss.image_metric_weight or loss.image_identity_weight),
            "without fusion_teaches_image the picture needs a loss of its own",
        ),
        (
            min(
                loss.identity_weight, loss.metric_weight, loss.image_identity_weight, loss.image_metric_weight
            )
            < 0,
            "the weight of a loss isn't below 0",
        ),
        (loss.temperature <= 0, "the temperature of the loss is above 0"),
        (not 0 <= loss.smoothing < 1, "smoothing is a share below 1"),
        (min(dropout.no_image, dropout.no_text, dropout.thin_text) < 0, "dropout is a share"),
        (dropout.no_image + dropout.no_text > 1, "no_image and no_text together are at most 1"),
        (dropout.thin_text >= 1, "thin_text is a share below 1"),
        (changes.rotation not in ROTATIONS, f"there is no rotation {changes.rotation}"),
        (changes.processor not in SHARINGS, f"a processor can't be shared by {changes.processor}"),
        (any(low <= 0 or low > high for low, high in ranges), "ranges of the augmentation rise, above 0"),
    ]


def read_config(path: Path) -> TrainConfig:
    """``config.json`` of a run.

    Raises:
        PolypTraceError: ``run-unreadable``.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainConfig)
    except (OSError, msgspec.MsgspecError) as error:
        raise PolypTraceError(
            "run-unreadable",
            f"The folder {path.parent.name} holds no training run that can be resumed.",
            "Give the folder of a run: it holds config.json and checkpoint.safetensors.",
        ) from error
