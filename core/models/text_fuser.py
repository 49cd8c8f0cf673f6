"""A bundle opened so that any picture can be fused with any text, each picture being encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.inference.bundle import read_bundle
from core.inference.device import DeviceChoice
from core.inference.embedder import open_tokenizer
from core.inference.preprocess import Picture, to_square
from core.models.bundle import load_model
from core.models.device import usable_device
from core.models.dmcl import Dmcl
from core.models.one_text import fuse_one_text
from core.progress import CancelToken

Vectors = NDArray[np.float32]
CPU_BATCH, CUDA_BATCH = 32, 512


class TextFuser:
    """:class:`core.evaluation.query_text.TextFuser` on torch; use :meth:`open`.

    Args:
        model: the network, in evaluation mode on ``device``.
        tokenizer: the bundle's.
        batch: pictures at a time; default by device.
    """

    def __init__(
        self, model: Dmcl, tokenizer: Tokenizer, device: DeviceChoice, batch: int | None = None
    ) -> None:
        self.model, self.tokenizer, self.device = model, tokenizer, device
        self.batch = batch or (CPU_BATCH if device.name == "cpu" else CUDA_BATCH)

    @classmethod
    def open(cls, folder: Path, device: str = "auto") -> TextFuser:
        """Loads a bundle.

        Raises:
            PolypTraceError: as :func:`core.models.bundle.load_model` and
                :func:`core.models.device.usable_device`.
        """
        choice = usable_device(device)
        model = load_model(folder).requires_grad_(False).to(choice.name)
        return cls(model, open_tokenizer(read_bundle(folder)), choice)

    def looks(self, crops: Sequence[Picture]) -> Vectors:
        """N crops (h, w, 3) uint8 RGB → what is fused of them (:meth:`Dmcl.look`), (N, d) float32."""
        size = self.model.config.image_size
        with torch.inference_mode():
            parts = []
            for start in range(0, len(crops), self.batch):
                squares = np.stack([to_square(crop, size) for crop in crops[start : start + self.batch]])
                images = torch.from_numpy(squares).permute(0, 3, 1, 2).float().to(self.device.name)
                parts.append(self.model.look(self.model.image_map(images), images).float().cpu())
            return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)

    def fuse(self, looks: Vectors, text: str | None, cancel: CancelToken | None = None) -> Vectors:
        """All pictures with one text.

        Args:
            looks: (N, d) of :meth:`looks`.
            text: None or blank for no text.
            cancel: looked at before each batch.

        Returns:
            (N, d) float32, L2 rows: those of :meth:`core.inference.embedder.Embedder.embed_pairs` for
            these pictures with this text.

        Raises:
            Cancelled: ``cancel`` was set.
        """
        made = np.empty_like(looks)
        with torch.inference_mode():
            told = self._text_tokens(text)
            for start in range(0, len(looks), self.batch):
                if cancel is not None:
                    cancel.raise_if_cancelled()
                some = slice(start, start + self.batch)
                pictures = torch.from_numpy(looks[some]).to(self.device.name)
                made[some] = fuse_one_text(self.model, pictures, told).cpu().numpy()
        return made

    def _text_tokens(self, text: str | None) -> torch.Tensor | None:
        """(n, width) of one text; None without one."""
        if text is None or not text.strip():
            return None
        ids = torch.tensor([self.tokenizer.encode(text).ids], device=self.device.name)
        return self.model.text_tokens(ids, torch.ones_like(ids))[0]
