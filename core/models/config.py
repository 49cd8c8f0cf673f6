"""The settings of DMCL: one typed, frozen value that travels in the bundle (methods, section 1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from core.errors import PolypTraceError

Missing = Literal["learned", "zeros"]
Pooling = Literal["mean", "gem"]

BACKBONES = (
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
    "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2",
)  # fmt: skip
"""The ResNets of torchvision, named here so that settings are checked without loading it."""


class BertSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Shape of the text encoder; the defaults are our own small BERT (about 2 M parameters)."""

    vocab_size: int = 2048
    hidden: int = 192
    layers: int = 4
    heads: int = 6
    intermediate: int = 768
    positions: int = 256
    types: int = 2
    activation: str = "gelu"
    norm_eps: float = 1e-12
    dropout: float = 0.1
    pad_id: int = 0


class DmclConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Architecture of one DMCL network; the values of the paper and ours differ only in here.

    Attributes:
        backbone: name of any torchvision ResNet (``resnet18``, ``resnet50``, …).
        last_stride: stride of the last ResNet stage, 2 (paper) or 1 (a feature map of twice the side).
        pooling: how the last activations become one vector: their ``mean`` (paper) or ``gem``, the
            generalised mean with a learned power (Radenović 2019).
        width: width of the fusion and length of the embedding; a multiple of ``head_size``.
        depth: number of self-attention layers.
        head_size: width of one attention head, d of equation 3.
        mlp_ratio: width of a layer's feed-forward part as a multiple of ``width``.
        dropout: dropout in the fusion, in training only.
        image_size: side of the square input in pixels.
        max_tokens: longest text, special tokens included; shorter texts cost less.
        text: shape of the text encoder.
        text_frozen: the text encoder isn't trained and stays in evaluation mode.
        missing: what stands in for a missing picture or text: a ``learned`` token (ours), or ``zeros``, as
            where nobody has thought of it.
        own_share: how much of the cosine of two pictures their own features decide, before any fusion: what
            the fusion learnt of one source of pictures holds less on another. 0 in the paper.
        colour_share: how much of it their colours decide; within an exam they say a lot. 0 in the paper.
    """

    backbone: str = "resnet18"
    last_stride: int = 2
    pooling: Pooling = "mean"
    width: int = 256
    depth: int = 4
    head_size: int = 32
    mlp_ratio: int = 2
    dropout: float = 0.1
    image_size: int = 128
    max_tokens: int = 128
    text: BertSettings = BertSettings()
    text_frozen: bool = False
    missing: Missing = "learned"
    own_share: float = 0.0
    colour_share: float = 0.0

    @property
    def heads(self) -> int:
        """Number of attention heads of the fusion."""
        return self.width // self.head_size


BERT_BASE = BertSettings(
    vocab_size=30522, hidden=768, layers=12, heads=12, intermediate=3072, positions=512, dropout=0.1
)
COMPACT = DmclConfig()
"""ResNet-18, width 256, our own BERT: small enough for a CPU and for the shipped starter model."""
PAPER = DmclConfig(
    backbone="resnet50",
    width=768,
    mlp_ratio=4,
    image_size=224,
    max_tokens=320,
    text=BERT_BASE,
    text_frozen=True,
)
"""ResNet-50, width 768 (24 heads), a local BERT-base folder, 224 pixels."""
PRESETS = {"compact": COMPACT, "paper": PAPER}


def check_backbone(name: str) -> None:
    """Raises:
    PolypTraceError: ``unknown-backbone``.
    """
    if name not in BACKBONES:
        raise PolypTraceError(
            "unknown-backbone",
            f"“{name}” isn't a ResNet of torchvision.",
            f"Use one of {', '.join(BACKBONES)}.",
        )


def check(config: DmclConfig) -> None:
    """Raises:
    PolypTraceError: ``model-config`` when the settings contradict each other; ``unknown-backbone``.
    """
    check_backbone(config.backbone)
    if min(config.head_size, config.text.heads) < 1:  # the others divide by them
        raise PolypTraceError(
            "model-config", "These model settings don't fit: head_size and text.heads are at least 1."
        )
    problems = [
        (config.width % config.head_size != 0, f"width {config.width} is no multiple of {config.head_size}"),
        (config.text.hidden % config.text.heads != 0, "the text encoder's width is no multiple of its heads"),
        (config.max_tokens > config.text.positions, f"the text encoder reads {config.text.positions} tokens"),
        (config.last_stride not in (1, 2), "the last stride is 1 or 2"),
        (config.missing not in get_args(Missing), f"there is no stand-in {config.missing}"),
        (config.mlp_ratio < 1, "mlp_ratio is at least 1"),
        (not 0 <= config.dropout < 1, "dropout is a share below 1"),
        (
            min(config.own_share, config.colour_share) < 0 or config.own_share + config.colour_share >= 1,
            "own_share and colour_share aren't below 0, and together below 1",
        ),
        (config.pooling not in get_args(Pooling), f"there is no pooling {config.pooling}"),
        (not 32 <= config.image_size <= 1024, "the image size lies in 32…1024 pixels"),
        (
            min(config.depth, config.width, config.max_tokens) < 1,
            "depth, width and max_tokens are at least 1",
        ),
    ]
    for wrong, sentence in problems:
        if wrong:
            raise PolypTraceError("model-config", f"These model settings don't fit: {sentence}.")


def with_vocabulary(config: DmclConfig, vocab_size: int, pad_id: int = 0) -> DmclConfig:
    """The same settings for a tokenizer of ``vocab_size`` entries."""
    text = msgspec.structs.replace(config.text, vocab_size=vocab_size, pad_id=pad_id)
    return msgspec.structs.replace(config, text=text)


def with_bert_folder(config: DmclConfig, folder: Path) -> DmclConfig:
    """The same settings with the text encoder's shape read from a ``transformers`` BERT folder.

    Raises:
        PolypTraceError: ``bert-folder`` when ``config.json`` is missing or isn't a BERT's.
    """
    return msgspec.structs.replace(config, text=read_bert_settings(folder))


_KEYS = {
    "vocab_size": "vocab_size",
    "hidden": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "intermediate": "intermediate_size",
    "positions": "max_position_embeddings",
    "types": "type_vocab_size",
    "activation": "hidden_act",
    "norm_eps": "layer_norm_eps",
    "dropout": "hidden_dropout_prob",
    "pad_id": "pad_token_id",
}


def read_bert_settings(folder: Path) -> BertSettings:
    """The shape of the BERT in a local folder.

    Raises:
        PolypTraceError: ``bert-folder``.
    """
    path = folder / "config.json"
    hint = "Give a folder that `transformers` saved: config.json, model.safetensors and tokenizer.json."
    try:
        raw: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PolypTraceError(
            "bert-folder", f"“{folder.name}” holds no readable config.json.", hint
        ) from error
    if not isinstance(raw, dict) or raw.get("model_type", "bert") != "bert":
        raise PolypTraceError("bert-folder", f"“{folder.name}” doesn't hold a BERT model.", hint)
    if raw.get("position_embedding_type", "absolute") != "absolute":
        raise PolypTraceError("bert-folder", f"The BERT in “{folder.name}” has relative positions.", hint)
    try:
        found = {ours: raw[theirs] for ours, theirs in _KEYS.items() if raw.get(theirs) is not None}
        return msgspec.convert({**msgspec.structs.asdict(BERT_BASE), **found}, BertSettings, strict=False)
    except msgspec.ValidationError as error:
        raise PolypTraceError(
            "bert-folder", f"config.json of “{folder.name}” isn't understood.", hint
        ) from error
