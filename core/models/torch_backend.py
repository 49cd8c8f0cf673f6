"""Runs a bundle with torch on a CUDA device; the embedder imports it only once CUDA was chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.inference.batches import OutOfMemoryError
from core.inference.bundle import BundleInfo
from core.models.bundle import load_model
from core.models.serving import Serving


class TorchBackend:
    """:class:`core.inference.batches.Backend` on torch, float32.

    Raises:
        PolypTraceError: as :func:`core.models.bundle.load_model`.
        RuntimeError: torch can't use the device.
    """

    def __init__(self, info: BundleInfo, device: str) -> None:
        self._device = torch.device(device)
        torch.zeros(1, device=self._device)
        self._serving = Serving(load_model(info.folder)).eval().to(self._device)

    def run(self, batch: tuple[NDArray[Any], ...]) -> NDArray[np.float32]:
        """The arrays of :class:`core.models.serving.Serving` → (B, dim) float32.

        Raises:
            OutOfMemoryError: the batch is too large for the device.
        """
        try:
            with torch.inference_mode():
                inputs = [torch.from_numpy(value).to(self._device, non_blocking=True) for value in batch]
                out: NDArray[np.float32] = self._serving(*inputs).cpu().numpy()
                return out
        except torch.cuda.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise OutOfMemoryError from error
