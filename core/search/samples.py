"""What a common space learns from: pictures and words of findings under common categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.data.cross_modal.samples import TRAIN, CrossModal, Samples, checked
from core.inference.space import SearchInputs
from core.search.categories import Categories, Kind, learn_categories
from core.search.coded import Codes
from core.search.codes import all_names
from core.search.features import Floats, WordFeatures, Words, learn_features

FRAME, CLIP, DESCRIPTION, REPORT = MODALITIES = "frame", "clip", "description", "report"
THINNED = 2
"""How often a description to learn from comes again with fields left out, as drafts and queries have them."""
KEPT = 0.5
"""Share of the fields that such a one keeps."""


class Seen(msgspec.Struct, frozen=True):
    """A finding with pictures and a description.

    Args:
        words: of its description.
        frames: (K, d) float32, embeddings of its pictures alone; none where it has no pictures.
        lesion: the confirmed one, if any.
    """

    words: Words
    frames: Floats
    lesion: str | None = None


class Told(msgspec.Struct, frozen=True):
    """A finding of a report without video.

    Args:
        words: of the report.
        codes: that were accepted as what it says.
        lesion: the confirmed one, if any.
    """

    words: Words
    codes: Codes
    lesion: str | None = None


class Findings(msgspec.Struct, frozen=True):
    """The findings of one part (train, val or test)."""

    seen: Sequence[Seen] = ()
    told: Sequence[Told] = ()


class SearchData(msgspec.Struct, frozen=True):
    """Samples with what turned findings into them.

    Args:
        data: for DRCL.
        features: of texts.
        categories: what the columns of the labels are.
    """

    data: CrossModal
    features: WordFeatures
    categories: Categories

    def inputs(self, pictures_of: str) -> SearchInputs:
        """What a bundle says of its samples.

        Args:
            pictures_of: id of the model whose embeddings its frames and clips are.
        """
        return SearchInputs(pictures_of=pictures_of, codes=self.features.codes, words=self.features.words)


def search_data(
    parts: Mapping[str, Findings], kind: Kind = "fields", seed: int = 0, name: str = "catalogue"
) -> SearchData:
    """Findings as samples of the modalities frame, clip, description and report.

    Samples without a category are left out. A modality without samples to learn from is left out.

    Args:
        parts: ``train`` and, where there are some, ``val`` and ``test``.
        kind: what makes a category.
        seed: of the fields that are left out of descriptions to learn from.

    Raises:
        PolypTraceError: ``cross-modal-invalid`` where too little is left to learn from.
    """
    train = parts[TRAIN]
    described = [(one.words.codes, one.lesion) for one in train.seen]
    categories = learn_categories(kind, [*described, *((one.codes, one.lesion) for one in train.told)])
    texts = [*(one.words for one in train.seen), *(one.words for one in train.told)]
    features = learn_features(all_names(), texts)
    rng = np.random.default_rng(seed)
    made = {
        part: _samples(own, features, categories, rng if part == TRAIN else None)
        for part, own in parts.items()
    }
    known = set(made[TRAIN])
    left = {part: {key: own[key] for key in own if key in known} for part, own in made.items()}
    data = CrossModal(
        name=name,
        title=f"the {name}",
        categories=categories.names,
        parts=left,
        notes=categories.notes,
    )
    return SearchData(checked(data), features, categories)


def clip_of(frames: Floats) -> Floats:
    """(K, d) frames → (d,) the whole clip: their mean, of length 1."""
    mean = frames.mean(0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 0 else mean, dtype=np.float32)


def _samples(
    own: Findings, features: WordFeatures, categories: Categories, rng: np.random.Generator | None
) -> dict[str, Samples]:
    rows: dict[str, list[tuple[Floats, NDArray[np.float32]]]] = {modality: [] for modality in MODALITIES}
    for one in own.seen:
        label = categories.labels(one.words.codes, one.lesion)
        rows[FRAME] += [(frame, label) for frame in one.frames]
        if len(one.frames):
            rows[CLIP].append((clip_of(one.frames), label))
        texts = [one.words, *(thinned(one.words, rng) for _ in range(THINNED if rng is not None else 0))]
        rows[DESCRIPTION] += [
            (features.of(text), categories.labels(text.codes, one.lesion)) for text in texts
        ]
    for report in own.told:
        label = categories.labels(report.codes, report.lesion)
        rows[REPORT].append((features.of(report.words), label))
    return {modality: samples for modality, held in rows.items() if (samples := _stacked(held)) is not None}


def thinned(words: Words, rng: np.random.Generator | None) -> Words:
    """A description with about half of its fields."""
    if rng is None:
        return words
    kept = {key: code for key, code in words.codes.items() if rng.random() < KEPT}
    return Words(kept, words.free if rng.random() < KEPT else "")


def _stacked(held: list[tuple[Floats, NDArray[np.float32]]]) -> Samples | None:
    telling = [(features, label) for features, label in held if label.any()]
    if not telling:
        return None
    return Samples(np.stack([row for row, _ in telling]), np.stack([label for _, label in telling]))
