"""Encoders and prior of DRCL as a model bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from core.domain import DRCL
from core.inference.bundle import CARD, BundleInfo, read_bundle
from core.inference.space import PRIOR, EncoderShape, SearchInputs, SpaceShape, refuse_other_kind
from core.models.bundle import read_state, refusing_foreign_weights, write_bundle
from core.models.drcl import ModalityEncoder

_SCALING = ("shift", "scale")


class Space(msgspec.Struct, frozen=True):
    """A common space in memory.

    Args:
        encoders: by modality, in evaluation mode.
        prior: (dim, C) float32.
        inputs: None where it was learnt from a file of features.
    """

    encoders: dict[str, ModalityEncoder]
    prior: Tensor
    categories: tuple[str, ...]
    inputs: SearchInputs | None = None

    @property
    def shape(self) -> SpaceShape:
        """What a bundle says of it."""
        modalities = {name: encoder.shape for name, encoder in self.encoders.items()}
        return SpaceShape(
            modalities=modalities,
            categories=self.categories,
            dim=int(self.prior.shape[0]),
            inputs=self.inputs,
        )


def save_space(folder: Path, space: Space, *, card: str, name: str, metrics: Mapping[str, Any]) -> BundleInfo:
    """Writes a space as a bundle.

    The scaling of features stays float32: where a feature lies far from 0 for its spread, fp16 rounds the
    differences between samples away.

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
        exact=[f"{modality}/{key}" for modality in space.encoders for key in _SCALING],
        name=name,
        metrics=dict(metrics),
        embedding=space.shape.stored,
    )


def load_space(folder: Path, device: str = "cpu") -> tuple[BundleInfo, Space]:
    """The space of a bundle.

    Raises:
        PolypTraceError: as :func:`core.inference.bundle.read_bundle`; ``model-kind`` for a bundle of another
            kind; ``bundle-damaged`` when the weights aren't those of the architecture.
    """
    info = read_bundle(folder)
    refuse_other_kind(info)
    on = torch.device(device)
    with refusing_foreign_weights(folder):
        shape = msgspec.convert(info.manifest.architecture, SpaceShape)
        state = read_state(info)
        encoders = {name: _encoder(name, one, state).to(on).eval() for name, one in shape.modalities.items()}
        if PRIOR not in state:
            raise RuntimeError("no prior")
    return info, Space(encoders, state[PRIOR].to(on), shape.categories, shape.inputs)


def _encoder(modality: str, shape: EncoderShape, state: Mapping[str, Tensor]) -> ModalityEncoder:
    encoder = ModalityEncoder(shape)
    start = f"{modality}/"
    encoder.load_state_dict({key.removeprefix(start): v for key, v in state.items() if key.startswith(start)})
    return encoder
