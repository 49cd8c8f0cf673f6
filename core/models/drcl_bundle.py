"""Encoders and prior of DRCL as a model bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from core.errors import PolypTraceError
from core.inference.bundle import CARD, DRCL, BundleInfo, read_bundle
from core.models.bundle import read_state, refusing_foreign_weights, write_bundle
from core.models.drcl import EncoderShape, ModalityEncoder

PRIOR = "prior"


class SpaceShape(msgspec.Struct, frozen=True, kw_only=True):
    """A common space: who is encoded into it, and which categories it knows.

    Args:
        modalities: name → encoder.
        categories: names, in the order of the prior's columns.
        dim: length of an embedding.
    """

    modalities: dict[str, EncoderShape]
    categories: tuple[str, ...]
    dim: int


class Space(msgspec.Struct, frozen=True):
    """A common space in memory.

    Args:
        encoders: by modality, in evaluation mode.
        prior: (dim, C) float32.
    """

    encoders: dict[str, ModalityEncoder]
    prior: Tensor
    categories: tuple[str, ...]

    @property
    def shape(self) -> SpaceShape:
        """What a bundle says of it."""
        modalities = {name: encoder.shape for name, encoder in self.encoders.items()}
        return SpaceShape(modalities=modalities, categories=self.categories, dim=int(self.prior.shape[0]))


def save_space(folder: Path, space: Space, *, card: str, name: str, metrics: Mapping[str, Any]) -> BundleInfo:
    """Writes a space as a bundle.

    Raises:
        PolypTraceError: ``weights-not-finite``.
    """
    state = {PRIOR: space.prior}
    for modality, encoder in space.encoders.items():
        state |= {f"{modality}/{key}": value for key, value in encoder.state_dict().items()}
    return write_bundle(
        folder,
        state,
        {CARD: card},
        kind=DRCL,
        architecture=msgspec.to_builtins(space.shape),
        name=name,
        metrics=dict(metrics),
        embedding=space.shape.dim,
    )


def load_space(folder: Path, device: str = "cpu") -> tuple[BundleInfo, Space]:
    """The space of a bundle.

    Raises:
        PolypTraceError: as :func:`core.inference.bundle.read_bundle`; ``model-kind`` for a bundle of another
            kind; ``bundle-damaged`` when the weights aren't those of the architecture.
    """
    info = read_bundle(folder)
    if info.manifest.kind != DRCL:
        raise PolypTraceError(
            "model-kind",
            f"The model {info.manifest.model_id} has no space that words and pictures share.",
            "Choose a model whose id begins with drcl; `polyptrace models list` shows them.",
        )
    on = torch.device(device)
    with refusing_foreign_weights(folder):
        shape = msgspec.convert(info.manifest.architecture, SpaceShape)
        state = read_state(info)
        encoders = {name: _encoder(name, one, state).to(on).eval() for name, one in shape.modalities.items()}
        if PRIOR not in state:
            raise RuntimeError("no prior")
    return info, Space(encoders, state[PRIOR].to(on), shape.categories)


def _encoder(modality: str, shape: EncoderShape, state: Mapping[str, Tensor]) -> ModalityEncoder:
    encoder = ModalityEncoder(shape)
    start = f"{modality}/"
    encoder.load_state_dict({key.removeprefix(start): v for key, v in state.items() if key.startswith(start)})
    return encoder
