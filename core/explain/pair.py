"""Explains one query and one candidate with a model bundle."""

from __future__ import annotations

from pathlib import Path

import msgspec
import torch
from tokenizers import Tokenizer

from core.explain.eigengradcam import Side, SideMaps, pair_maps
from core.explain.explanation import ImageExplanation, PairExplanation
from core.inference.bundle import read_bundle
from core.inference.device import DeviceChoice
from core.inference.embedder import open_tokenizer
from core.inference.preprocess import Picture, to_square
from core.models.bundle import load_model
from core.models.device import usable_device
from core.models.dmcl import Dmcl


class Shown(msgspec.Struct, frozen=True):
    """One side of a pair: the lesion crop (h, w, 3) uint8 RGB of any size, and its model text or None."""

    crop: Picture
    text: str | None = None


class ExplainModel(msgspec.Struct, frozen=True):
    """A network in evaluation mode with its tokenizer and device; see :func:`open_model`."""

    net: Dmcl
    tokenizer: Tokenizer
    device: DeviceChoice
    model_id: str

    def side(self, shown: Shown) -> Side:
        """Crop and text as tensors on the device, a batch of one."""
        square = torch.from_numpy(to_square(shown.crop, self.net.config.image_size))
        text = shown.text or ""
        ids = self.tokenizer.encode(text).ids if text.strip() else []
        tokens = torch.tensor([ids or [self.net.config.text.pad_id]], dtype=torch.int64)
        mask = torch.full_like(tokens, 1 if ids else 0)
        where = self.device.name
        return Side(square.permute(2, 0, 1)[None].float().to(where), tokens.to(where), mask.to(where))


def open_model(folder: Path, device: str = "auto") -> ExplainModel:
    """Loads a bundle for explaining.

    Raises:
        PolypTraceError: as :func:`core.models.bundle.load_model` and
            :func:`core.models.device.usable_device`.
    """
    choice = usable_device(device)
    info = read_bundle(folder)
    net = load_model(folder).requires_grad_(False).to(choice.name)
    return ExplainModel(net, open_tokenizer(info), choice, info.manifest.model_id)


def explain_pair(model: ExplainModel, query: Shown, candidate: Shown) -> PairExplanation:
    """EigenGradCAM of the cosine between query and candidate, on both crops.

    The maps show where the score is sensitive, not the outline of a lesion; their sign follows the rule of
    :mod:`core.explain.eigengradcam`. The same picture and text on both sides have no clear region: their
    cosine is at its maximum, where it has no slope.

    Args:
        model: from :func:`open_model`.
        query: the lesion that is looked for.
        candidate: the one it is compared with.

    Returns:
        Both maps with raw strengths, and the cosine in −1…1: the score of the ranking for these two crops.
    """
    found = pair_maps(model.net, model.side(query), model.side(candidate))
    return PairExplanation(
        _first(found.query),
        _first(found.candidate),
        float(found.similarity[0]),
        model.model_id,
        model.device,
    )


def _first(side: SideMaps) -> ImageExplanation:
    return ImageExplanation(side.maps[0], float(side.strengths[0]))
