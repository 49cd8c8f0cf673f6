"""Validation on held-back patients: does a lesion of the last exam find itself in the earlier ones?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core.data.batches import CropStore
from core.data.manifest import Row
from core.evaluation.metrics import retrieval_figures
from core.models.dmcl import Dmcl
from core.training.tokens import TokenTable

Vectors = npt.NDArray[np.float32]
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

    Queries are the clips of each patient's last exam, the gallery is every clip of all patients' earlier
    exams: gallery B of the evaluation, on validation patients.

    Args:
        rows: validation rows; those without a known identity stay in the gallery as distractors.
        size: side of the network's input.
    """

    def __init__(self, rows: Sequence[Row], tokens: TokenTable, size: int, full_frame: bool = False) -> None:
        self._rows, self._tokens = list(rows), tokens
        self._store = CropStore(self._rows, size, full_frame)
        clips: dict[str, list[int]] = {}
        for index, row in enumerate(self._rows):
            clips.setdefault(row.clip_id, []).append(index)
        self._members = list(clips.values())
        self.first_rows = [self._rows[members[0]] for members in self._members]
        last: dict[str, int] = {}
        for row in self.first_rows:
            last[row.patient_id] = max(row.exam, last.get(row.patient_id, row.exam))
        self.is_query = np.asarray([row.exam == last[row.patient_id] for row in self.first_rows], dtype=bool)

    def figures(self, model: Dmcl, device: torch.device) -> dict[str, float]:
        """mAP and Rank-1 of clips with picture and text, picture alone and text alone.

        Keys ``fused_mAP``, ``fused_rank1``, ``image_mAP`` … Empty when no query has a match in the gallery.
        """
        out: dict[str, float] = {}
        for name, clips in self.embed(model, device).items():
            own = retrieval_figures(*self._sides(clips))
            if own.mean_average_precision is None or own.rank1 is None:
                return {}
            out[f"{name}_mAP"], out[f"{name}_rank1"] = own.mean_average_precision, own.rank1
        return out

    def embed(self, model: Dmcl, device: torch.device) -> dict[str, ClipVectors]:
        """Clip vectors with both modalities (``fused``), with the picture and with the text alone."""
        if not self._rows:
            return {}
        training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                parts = [self._frames(model, device, at) for at in range(0, len(self._rows), _BATCH)]
        finally:
            model.train(training)
        return {name: self._pooled(np.concatenate([part[name] for part in parts])) for name in parts[0]}

    def _frames(self, model: Dmcl, device: torch.device, start: int) -> dict[str, Vectors]:
        places = range(start, min(start + _BATCH, len(self._rows)))
        images = to_input(np.stack([self._store.square(place) for place in places]), device)
        ids, mask = (x.to(device) for x in self._tokens.encode([self._rows[place].text for place in places]))
        token = model.image.token(model.image_map(images))
        text = model.text_tokens(ids, mask)
        yes = torch.ones(len(places), dtype=torch.bool, device=device)
        modes = {FUSED: (yes, yes), IMAGE: (yes, ~yes), TEXT: (~yes, yes)}
        return {
            name: model.fuse(token, text, mask, *flags).cpu().numpy().astype(np.float32)
            for name, flags in modes.items()
        }

    def _pooled(self, frames: Vectors) -> ClipVectors:
        vectors = np.stack([frames[members].mean(0) for members in self._members])
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return ClipVectors(self.first_rows, vectors)

    def _sides(self, clips: ClipVectors) -> tuple[Vectors, Vectors, list[str], list[str]]:
        # A clip without identity matches nothing, not even another such clip.
        labels = [
            str(row.identity) if row.identity else f"unknown {number}"
            for number, row in enumerate(self.first_rows)
        ]
        asked, held = np.flatnonzero(self.is_query), np.flatnonzero(~self.is_query)
        v = clips.vectors
        return v[asked], v[held], [labels[i] for i in asked], [labels[i] for i in held]


def to_input(images: npt.NDArray[np.uint8], device: torch.device) -> Tensor:
    """(B, S, S, 3) uint8 → (B, 3, S, S) float32 in 0…255, channels last in memory."""
    tensor = torch.from_numpy(images).to(device).permute(0, 3, 1, 2)
    return tensor.float().contiguous(memory_format=torch.channels_last)
