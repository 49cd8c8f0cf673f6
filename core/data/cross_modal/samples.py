"""Samples of several modalities under common categories; nothing pairs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from core.counting import count
from core.errors import PolypTraceError

Floats = npt.NDArray[np.float32]
PARTS = TRAIN, VAL, TEST = "train", "val", "test"


class Samples(msgspec.Struct, frozen=True):
    """Samples of one modality.

    Args:
        features: (N, d) float32, finite.
        labels: (N, C) float32, 1 where a sample belongs to the category, else 0; no row without a 1.
    """

    features: Floats
    labels: Floats

    def __len__(self) -> int:
        return len(self.features)

    def at(self, rows: npt.NDArray[np.int64] | slice) -> Samples:
        """These rows of it."""
        return Samples(self.features[rows], self.labels[rows])


class CrossModal(msgspec.Struct, frozen=True, kw_only=True):
    """A data set for retrieval across modalities.

    Args:
        name, title: as on the command line, and for people.
        categories: their names, in the order of the label vectors.
        parts: train, val, test → modality → its samples. A modality may miss in val or test.
        notes: sentences on what was found or made up.
        published: what papers report: method → ``{"image->text": MAP@all}``.
    """

    name: str
    title: str
    categories: tuple[str, ...]
    parts: Mapping[str, Mapping[str, Samples]]
    notes: tuple[str, ...] = ()
    published: Mapping[str, Mapping[str, float]] = {}

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities that can be learnt from."""
        return tuple(self.parts[TRAIN])

    @property
    def sizes(self) -> dict[str, dict[str, int]]:
        """How many samples each modality has in each part."""
        return {part: {name: len(one) for name, one in own.items()} for part, own in self.parts.items()}

    @property
    def single(self) -> bool:
        """Whether every sample has exactly one category."""
        return all((one.labels.sum(1) == 1).all() for part in self.parts.values() for one in part.values())


def one_hot(labels: Sequence[int] | npt.NDArray[np.int64], categories: int) -> Floats:
    """Category numbers 0…C−1 → (N, C) label vectors."""
    return np.eye(categories, dtype=np.float32)[np.asarray(labels, dtype=np.int64)]


def checked(data: CrossModal, main: str = TRAIN) -> CrossModal:
    """The data as they are.

    Args:
        main: the part that must be there, and whose samples those of the others must be like.

    Raises:
        PolypTraceError: ``cross-modal-invalid``: rows that don't fit, values that are no numbers, a sample
            without a category, or fewer than two modalities or categories.
    """
    if len(data.parts.get(main, {})) < 2:
        use = "to learn from" if main == TRAIN else f"in its {main} part"
        raise invalid(data.title, f"it has fewer than two modalities {use}")
    if len(data.categories) < 2:
        raise invalid(data.title, "it has fewer than two categories")
    widths = {name: one.features.shape[1:] for name, one in data.parts[main].items()}
    for part, modalities in data.parts.items():
        for name, one in modalities.items():
            if main == TRAIN and name not in widths:
                raise invalid(
                    data.title, f"{name} is only in its {part} part, so that nothing is learnt of it"
                )
            if problem := _problem(one, len(data.categories), widths.get(name)):
                raise invalid(data.title, f"the {part} part of {name} {problem}")
    return data


def _problem(one: Samples, categories: int, width: tuple[int, ...] | None) -> str:
    if one.features.ndim != 2 or not len(one):
        return "isn't a table of samples"
    if one.labels.shape != (len(one), categories):
        return f"has {count(len(one), 'sample')}, but labels of another number"
    if one.features.shape[1:] != width:
        return "has samples of another length than in other parts"
    if not np.isfinite(one.features).all():
        return "holds values that aren't numbers"
    if (one.labels.sum(1) == 0).any():
        return "has samples without a category"
    return ""


def invalid(title: str, what: str) -> PolypTraceError:
    """The error for data that don't fit; ``what`` goes on the sentence."""
    return PolypTraceError(
        "cross-modal-invalid",
        f"{title} can't be used: {what}.",
        "Each modality needs a table of features and a category for every row, in every part.",
    )
