"""A common space read from its bundle and used without torch: what its encoders are, and the encoding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from core.domain import DRCL
from core.errors import PolypTraceError
from core.inference.bundle import BundleInfo, read_bundle

Floats = NDArray[np.float32]

PRIOR = "prior"
_ROWS = "@rows"
_LAYERS = ("first", "second", "last")


class EncoderShape(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of one modality's encoder.

    Args:
        features: length of a sample as it comes.
        width: of both hidden layers; 4096 in the paper.
        dim: length of an embedding; 512 or 2048 in the paper. At least as many as there are categories.
    """

    features: int
    width: int = 4096
    dim: int = 2048


class SearchInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a space that searches a catalogue is given.

    Args:
        pictures_of: id of the model whose embeddings of pictures alone its frames and clips are.
        codes, words: the features of texts, see :class:`core.search.features.WordFeatures`.
    """

    pictures_of: str
    codes: tuple[str, ...]
    words: tuple[str, ...]


class SpaceShape(msgspec.Struct, frozen=True, kw_only=True):
    """A common space: who is encoded into it, and which categories it knows.

    Args:
        modalities: name → encoder.
        categories: names, in the order of the prior's columns.
        dim: length of an embedding.
        inputs: None where it was learnt from a file of features.
    """

    modalities: dict[str, EncoderShape]
    categories: tuple[str, ...]
    dim: int
    inputs: SearchInputs | None = None

    @property
    def stored(self) -> int:
        """Length of what is kept of a clip: a half from its pictures, one from its description, its codes."""
        return self.dim if self.inputs is None else 2 * self.dim + len(self.inputs.codes)


class SpaceReader:
    """The encoders of a common space in numpy; use :meth:`open`."""

    def __init__(self, info: BundleInfo, shape: SpaceShape, state: dict[str, Floats]) -> None:
        self.info, self.shape, self._state = info, shape, state

    @classmethod
    def open(cls, folder: Path) -> SpaceReader:
        """Reads a bundle.

        Raises:
            PolypTraceError: as :func:`core.inference.bundle.read_bundle`; ``model-kind`` for a bundle of
                another kind; ``bundle-damaged`` when the weights aren't those of the architecture.
        """
        info = read_bundle(folder)
        refuse_other_kind(info)
        try:
            shape = msgspec.convert(info.manifest.architecture, SpaceShape)
            state = _state(info)
            for name, one in shape.modalities.items():
                _check(name, one, state)
        except (KeyError, ValueError, SafetensorError, msgspec.ValidationError, OSError) as error:
            raise PolypTraceError(
                "bundle-damaged",
                f"The model “{folder.name}” was refused: its weights aren't those of its architecture.",
                "Copy the bundle again from its source.",
            ) from error
        return cls(info, shape, state)

    @property
    def model_id(self) -> str:
        """The bundle's id."""
        return self.info.manifest.model_id

    def encode(self, modality: str, samples: Floats) -> Floats:
        """(N, features) as they come → (N, dim) float32, L2 rows.

        Raises:
            KeyError: the space doesn't know the modality.
        """
        hidden = (samples - self._of(modality, "shift")) * self._of(modality, "scale")
        for layer in _LAYERS[:2]:
            bias = self._of(modality, f"{layer}.bias")
            hidden = np.maximum(hidden @ self._of(modality, f"{layer}.weight").T + bias, 0)
        out = hidden @ self._of(modality, "last.weight").T
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        return np.asarray(out / np.where(norms > 0, norms, 1), dtype=np.float32)

    def _of(self, modality: str, name: str) -> Floats:
        return self._state[f"{modality}/{name}"]


def refuse_other_kind(info: BundleInfo) -> None:
    """Raises:
    PolypTraceError: ``model-kind`` for a bundle that isn't a common space.
    """
    if info.manifest.kind != DRCL:
        raise PolypTraceError(
            "model-kind",
            f"The model {info.manifest.model_id} has no space that words and pictures share.",
            "Choose a model whose id begins with drcl; `polyptrace models list` shows them.",
        )


def refuse_other_spaces(info: BundleInfo) -> None:
    """Raises:
    PolypTraceError: ``model-kind``, or ``space-not-of-clips`` for a space that wasn't learnt from clips.
    """
    refuse_other_kind(info)
    if info.manifest.architecture.get("inputs") is None:
        raise not_of_clips(info.manifest.model_id)


def not_of_clips(model_id: str) -> PolypTraceError:
    """The error for a space that can't search a catalogue."""
    return PolypTraceError(
        "space-not-of-clips",
        f"The model {model_id} was learnt from a file of features; it can't search clips.",
        "Choose the shipped one, or train one: polyptrace train drcl --from-catalogue.",
    )


def _state(info: BundleInfo) -> dict[str, Floats]:
    """All weights in float32; a tensor that was cut by rows is whole again."""
    parts: dict[str, Any] = {}
    for name in info.manifest.weights:
        parts |= safetensors.numpy.load_file(info.folder / name)
    whole: dict[str, Any] = {}
    for name in sorted(parts):
        whole.setdefault(name.split(_ROWS)[0], []).append(parts[name].astype(np.float32))
    return {name: np.concatenate(rows) if len(rows) > 1 else rows[0] for name, rows in whole.items()}


def _check(modality: str, shape: EncoderShape, state: dict[str, Floats]) -> None:
    wide = shape.width
    wanted = {
        "shift": (shape.features,),
        "scale": (shape.features,),
        "first.weight": (wide, shape.features),
        "first.bias": (wide,),
        "second.weight": (wide, wide),
        "second.bias": (wide,),
        "last.weight": (shape.dim, wide),
    }
    for name, size in wanted.items():
        if state[f"{modality}/{name}"].shape != size:
            raise ValueError(f"{modality}/{name}")
