"""Explains one query and one candidate with a model bundle."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.explain.eigengradcam import Side, SideMaps, pair_maps
from core.inference.bundle import read_bundle
from core.inference.device import DeviceChoice, choose_device
from core.inference.embedder import open_tokenizer
from core.inference.preprocess import Picture, to_square
from core.models.bundle import load_model
from core.models.dmcl import Dmcl

NO_CLEAR_REGION = 1e-5
"""A strength below this is rounding: with a picture and itself, whose cosine has no slope, it is about 1e-8."""


class ImageExplanation(msgspec.Struct, frozen=True):
    """``map`` (S, S) float32 in 0…1 over the crop stretched to a square, ``strength`` its raw maximum."""

    map: NDArray[np.float32]
    strength: float

    @property
    def clear(self) -> bool:
        """Whether there is a region to show at all."""
        return self.strength >= NO_CLEAR_REGION


class PairExplanation(msgspec.Struct, frozen=True):
    """Both maps and the cosine that they explain."""

    query: ImageExplanation
    candidate: ImageExplanation
    similarity: float


class ExplainModel(msgspec.Struct, frozen=True):
    """A network in evaluation mode with its tokenizer and device; see :func:`open_model`."""

    net: Dmcl
    tokenizer: Tokenizer
    device: DeviceChoice
    model_id: str

    def side(self, image: Picture, text: str | None) -> Side:
        """One crop (h, w, 3) uint8 RGB of any size and its text as tensors on the device."""
        square = torch.from_numpy(to_square(image, self.net.config.image_size))
        ids = self.tokenizer.encode(text).ids if text and text.strip() else []
        tokens = torch.tensor([ids or [self.net.config.text.pad_id]], dtype=torch.int64)
        mask = torch.full_like(tokens, 1 if ids else 0)
        where = self.device.name
        return Side(square.permute(2, 0, 1)[None].float().to(where), tokens.to(where), mask.to(where))


def open_model(folder: Path, device: str = "auto") -> ExplainModel:
    """Loads a bundle for explaining.

    Raises:
        PolypTraceError: as :func:`core.models.bundle.load_model` and
            :func:`core.inference.device.choose_device`.
    """
    choice = choose_device(device)
    info = read_bundle(folder)
    net = load_model(folder).requires_grad_(False).to(choice.name)
    return ExplainModel(net, open_tokenizer(info), choice, info.manifest.model_id)


def explain_pair(
    model: ExplainModel, image_q: Picture, text_q: str | None, image_c: Picture, text_c: str | None
) -> PairExplanation:
    """EigenGradCAM of the cosine between query and candidate, on both crops.

    Args:
        model: from :func:`open_model`.
        image_q: the query's crop, (h, w, 3) uint8 RGB.
        text_q: the query's model text, or None.
        image_c: the candidate's crop.
        text_c: the candidate's model text, or None.
    """
    found = pair_maps(model.net, model.side(image_q, text_q), model.side(image_c, text_c))
    return PairExplanation(_first(found.query), _first(found.candidate), float(found.similarity[0]))


def _first(side: SideMaps) -> ImageExplanation:
    return ImageExplanation(side.maps[0], float(side.strengths[0]))
