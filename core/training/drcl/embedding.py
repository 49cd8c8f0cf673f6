"""Evaluation of a common space: samples are embedded by its encoders, then every modality asks the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import torch

from core.data.cross_modal.samples import Samples
from core.evaluation.cross_modal import Embedded, across_modalities
from core.evaluation.items import unit_rows
from core.models.drcl import ModalityEncoder

_BATCH = 1024


def embed_all(encoders: Mapping[str, ModalityEncoder], held: Mapping[str, Samples]) -> dict[str, Embedded]:
    """Each modality's samples in the common space."""
    return {name: embed(encoders[name], one) for name, one in held.items()}


def space_figures(encoders: Mapping[str, ModalityEncoder], held: Mapping[str, Samples]) -> dict[str, Any]:
    """Figures of every direction with their ``average``; empty with fewer than two modalities."""
    if len(held) < 2:
        return {}
    found = across_modalities(embed_all(encoders, held))
    return {**msgspec.to_builtins(found), "average": found.average}


def embed(encoder: ModalityEncoder, samples: Samples) -> Embedded:
    """Samples in the common space, double precision with L2 rows, so that ties are true ones."""
    device = encoder.shift.device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(samples), _BATCH):
            features = torch.from_numpy(samples.features[start : start + _BATCH]).to(device)
            parts.append(encoder(features).cpu().numpy())
    return Embedded(unit_rows(np.concatenate(parts)), samples.labels)
