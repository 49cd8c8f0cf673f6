"""Validation on held-back patients: does a lesion of the last exam find itself in the earlier ones?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core.data.batches import CropStore
from core.data.manifest import Row
from core.data.rules import LESIONS
from core.data.splits import identities_of
from core.evaluation.ignored import ignored_pairs
from core.evaluation.items import Items, by_last_exam, frames
from core.evaluation.metrics import (
    RetrievalFigures,
    all_hit_ranks,
    figures_of,
    known_places,
    retrieval_figures,
)
from core.models.dmcl import Dmcl
from core.training.text_reader import TextReader

Vectors = npt.NDArray[np.float32]
Identity = tuple[str, str] | None
FUSED, IMAGE, TEXT = "fused", "image", "text"
_BATCH = 64


class ClipVectors(msgspec.Struct, frozen=True):
    """Clips with one vector each, in the manifest's order.

    Args:
        first_rows: the first row of every clip: patient, identity and exam.
        vectors: (N, d) float32, L2 rows.
    """

    first_rows: list[Row]
    vectors: Vectors


class Validator:
    """Embeds the clips of held-back patients and ranks them.

    Queries are the clips of each patient's last exam, the gallery is every other clip, those of patients
    with a single exam among them; junk is left out, and what a query and a clip share (exam, camera) as the
    evaluation of manifests does. So it is that one's gallery B on the same rows.

    Args:
        rows: validation rows; those without a known identity aren't asked and are distractors in the gallery.
        reader: reads their texts.
        size: side of the network's input.
        query_text: rank by the reference's protocol: earlier clips are fused with the query's text. Takes a
            fusion of every earlier picture for every query.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        reader: TextReader,
        size: int,
        full_frame: bool = False,
        query_text: bool = False,
    ) -> None:
        self._rows = [row for row in rows if not row.junk]
        self._reader, self._query_text = reader, query_text
        self._store = CropStore(self._rows, size, full_frame)
        clips: dict[str, list[int]] = {}
        for index, row in enumerate(self._rows):
            clips.setdefault(row.clip_id, []).append(index)
        self._members = list(clips.values())
        self.first_rows = [self._rows[members[0]] for members in self._members]
        asking, held = by_last_exam(self.first_rows)
        asked = {row.clip_id for row in asking}
        self.is_query = np.asarray([row.clip_id in asked for row in self.first_rows], dtype=bool)
        self._left_out = ignored_pairs(_bare(asking), _bare(held), LESIONS)
        self._one = len(identities_of(self._rows)) < 2 and all(row.identity for row in self._rows)
        """Whether nothing could be mistaken for anything: a figure would say nothing."""

    @property
    def counts(self) -> dict[str, int]:
        """``queries`` whose identity is in the gallery, of ``lesions``, and ``clips`` of that gallery."""
        held = {row.identity for row, asks in zip(self.first_rows, self.is_query, strict=True) if not asks}
        known = [
            row.identity
            for row, asks in zip(self.first_rows, self.is_query, strict=True)
            if asks and row.identity is not None and row.identity in held
        ]
        return {
            "queries": len(known),
            "lesions": len(set(known)),
            "clips": int((~self.is_query).sum()),
        }

    def figures(self, model: Dmcl, device: torch.device) -> dict[str, float]:
        """mAP and Rank-1 of clips with picture and text, picture alone and text alone.

        Keys ``fused_mAP``, ``fused_rank1``, ``image_mAP`` … Empty when no query has a match in the gallery,
        or when all show one lesion.
        """
        if self._one:
            return {}
        out: dict[str, float] = {}
        for name, clips in self.embed(model, device).items():
            own = retrieval_figures(*self._sides(clips), self._left_out)
            if name == FUSED and self._query_text and own.queries:
                own = self._by_query_text(model, device, clips)
            if own.mean_average_precision is None or own.rank1 is None:
                return {}
            out[f"{name}_mAP"], out[f"{name}_rank1"] = own.mean_average_precision, own.rank1
        return out

    def embed(self, model: Dmcl, device: torch.device) -> dict[str, ClipVectors]:
        """Clip vectors with both modalities (``fused``), with the picture and with the text alone."""
        if not self._rows:
            return {}
        with _measuring(model):
            parts = [self._frames(model, device, at) for at in range(0, len(self._rows), _BATCH)]
        return {name: self._pooled(np.concatenate([part[name] for part in parts])) for name in parts[0]}

    def _frames(self, model: Dmcl, device: torch.device, start: int) -> dict[str, Vectors]:
        places = range(start, min(start + _BATCH, len(self._rows)))
        looks = self._looks(model, device, places)
        text, mask = self._reader.read(model, [self._rows[place].text for place in places], device)
        yes = torch.ones(len(places), dtype=torch.bool, device=device)
        modes = {FUSED: (yes, yes), IMAGE: (yes, ~yes), TEXT: (~yes, yes)}
        return {name: _plain(model.fuse(looks, text, mask, *flags)) for name, flags in modes.items()}

    def _looks(self, model: Dmcl, device: torch.device, places: Sequence[int]) -> Tensor:
        images = to_input(np.stack([self._store.square(place) for place in places]), device)
        return model.look(model.image_map(images), images)

    def _by_query_text(self, model: Dmcl, device: torch.device, clips: ClipVectors) -> RetrievalFigures:
        """The ranking where every earlier clip is fused with the text of the query."""
        asked, _, labels, theirs = self._sides(clips)
        held = [place for at in np.flatnonzero(~self.is_query) for place in self._members[at]]
        with _measuring(model):
            parts = [held[at : at + _BATCH] for at in range(0, len(held), _BATCH)]
            looks = [self._looks(model, device, part) for part in parts]
            ranks = []
            places = np.flatnonzero(self.is_query)
            for number in known_places(labels):
                fused = self._fused_with(model, device, looks, self.first_rows[places[number]].text)
                gallery, ignored = self._pooled_gallery(fused), [self._left_out[number]]
                ranks += all_hit_ranks(asked[[number]], gallery, [labels[number]], theirs, ignored)
        return figures_of(ranks)

    def _fused_with(self, model: Dmcl, device: torch.device, looks: list[Tensor], text: str) -> Vectors:
        """Pictures fused with one text, (pictures, d)."""
        states, mask = self._reader.read(model, [text], device)
        parts = []
        for part in looks:
            yes = torch.ones(len(part), dtype=torch.bool, device=device)
            shared = states.expand(len(part), -1, -1), mask.expand(len(part), -1)
            parts.append(_plain(model.fuse(part, *shared, yes, yes)))
        return np.concatenate(parts)

    def _pooled_gallery(self, frames: Vectors) -> Vectors:
        counts = [len(self._members[at]) for at in np.flatnonzero(~self.is_query)]
        return _clip_means(np.split(frames, np.cumsum(counts)[:-1]))

    def _pooled(self, frames: Vectors) -> ClipVectors:
        return ClipVectors(self.first_rows, _clip_means([frames[members] for members in self._members]))

    def _sides(self, clips: ClipVectors) -> tuple[Vectors, Vectors, list[Identity], list[Identity]]:
        labels = [row.identity for row in self.first_rows]
        asked, held = np.flatnonzero(self.is_query), np.flatnonzero(~self.is_query)
        v = clips.vectors
        return v[asked], v[held], [labels[i] for i in asked], [labels[i] for i in held]


def _bare(rows: Sequence[Row]) -> Items:
    """Clips without vectors, for what is left out of their rankings."""
    return frames(rows, np.empty((len(rows), 0), dtype=np.float32))


@contextmanager
def _measuring(model: Dmcl) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(training)


def _plain(vectors: Tensor) -> Vectors:
    return vectors.cpu().numpy().astype(np.float32)


def _clip_means(clips: Sequence[Vectors]) -> Vectors:
    """The mean of each clip's frames, L2 rows."""
    vectors = np.stack([frames.mean(0) for frames in clips])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors


def to_input(images: npt.NDArray[np.uint8], device: torch.device) -> Tensor:
    """(B, S, S, 3) uint8 → (B, 3, S, S) float32 in 0…255, channels last in memory."""
    tensor = torch.from_numpy(images).to(device).permute(0, 3, 1, 2)
    return tensor.float().contiguous(memory_format=torch.channels_last)
