"""Embeds clips with a model bundle: onnxruntime and tokenizers on the CPU, torch on CUDA.

Importing this module and embedding on the CPU load neither torch nor transformers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.errors import PolypTraceError
from core.inference.batches import Backend, OutOfMemoryError, Pair, batched, order, pack
from core.inference.bundle import BundleInfo, BundleManifest, read_bundle
from core.inference.device import TORCH_FAILURES, DeviceChoice, after_failure, choose_device
from core.inference.onnx_file import derive_in_subprocess, find_onnx
from core.inference.preprocess import Picture
from core.progress import CancelToken, Progress, ProgressSink, no_progress

CPU_BATCH, CUDA_BATCH = 8, 64
_TEXTS_KEPT = 512


class Embedder:
    """One loaded network; use :meth:`open`.

    Attributes:
        device: where it computes and why.
        batch: largest number of rows in one run; halved when a CUDA device runs out of memory.
    """

    def __init__(self, info: BundleInfo, backend: Backend, device: DeviceChoice, batch: int) -> None:
        self.info = info
        self.device = device
        self.batch = batch
        self._backend = backend
        self._tokenizer = open_tokenizer(info)
        self._pad_id = int(info.manifest.architecture["text"]["pad_id"])
        self._texts: OrderedDict[tuple[int, ...], NDArray[np.float32]] = OrderedDict()
        """Embeddings of texts alone by their tokens, those used last kept; gone with the network."""

    @classmethod
    def open(
        cls,
        folder: Path,
        device: str = "auto",
        cache: Path | None = None,
        threads: int | None = None,
        batch: int | None = None,
    ) -> Embedder:
        """Loads a bundle on the wished device; on the CPU the ONNX file is derived first when missing.

        Args:
            folder: the bundle.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
            cache: where the ONNX file goes when the bundle's folder can't be written.
            threads: CPU threads (default: all cores).
            batch: largest batch (default 8 on the CPU, 64 on CUDA).

        Raises:
            PolypTraceError: as :func:`core.inference.bundle.read_bundle`,
                :func:`core.inference.device.choose_device` and ``model-failed``, ``onnx-…``.
        """
        info = read_bundle(folder)
        choice = choose_device(device)
        if choice.name != "cpu":
            try:
                return cls(info, _on_cuda(info, choice), choice, batch or CUDA_BATCH)
            except TORCH_FAILURES as error:
                choice = after_failure(device, choice, error)
        return cls(info, _on_cpu(info, cache, threads), choice, batch or CPU_BATCH)

    @property
    def model_id(self) -> str:
        """Deterministic id of the network."""
        return self.info.manifest.model_id

    @property
    def manifest(self) -> BundleManifest:
        """The bundle's manifest."""
        return self.info.manifest

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return self.info.manifest.dim

    def tokens(self, text: str | None) -> tuple[int, ...] | None:
        """Token ids of a text, special tokens included; None for no text or a blank one."""
        if text is None or not text.strip():
            return None
        return tuple(self._tokenizer.encode(text).ids)

    def embed(
        self, images: Sequence[Picture], text: str | None, cancel: CancelToken | None = None
    ) -> NDArray[np.float32]:
        """Embeds the crops of one clip, each fused with the clip's text.

        Args:
            images: K crops, (h, w, 3) uint8 RGB of any size; empty: the text alone is embedded.
            text: the model text, or None.
            cancel: looked at before each batch.

        Returns:
            (K, dim) float32 with rows of length 1; (1, dim) when ``images`` is empty.

        Raises:
            PolypTraceError: ``nothing-to-embed`` with neither picture nor text; ``out-of-memory``.
            Cancelled: the user cancelled.
        """
        tokens = self.tokens(text)
        return self._run([Pair(image, tokens) for image in images] or [Pair(None, tokens)], cancel)

    def embed_pairs(
        self,
        images: Sequence[Picture | None],
        texts: Sequence[str | None],
        cancel: CancelToken | None = None,
        progress: ProgressSink = no_progress,
    ) -> NDArray[np.float32]:
        """Embeds N pairs in the given order, (N, dim) float32; None stands for a missing modality.

        Raises:
            ValueError: the two lists differ in length.
            PolypTraceError: as :meth:`embed`.
            Cancelled: the user cancelled.
        """
        if len(images) != len(texts):
            raise ValueError(f"{len(images)} images but {len(texts)} texts")
        known = {text: self.tokens(text) for text in set(texts)}
        pairs = [Pair(image, known[text]) for image, text in zip(images, texts, strict=True)]
        return self._run(pairs, cancel, progress)

    def _run(
        self, pairs: Sequence[Pair], cancel: CancelToken | None, progress: ProgressSink = no_progress
    ) -> NDArray[np.float32]:
        if any(pair.picture is None and not pair.tokens for pair in pairs):
            raise PolypTraceError(
                "nothing-to-embed",
                "There is neither a picture nor a description to embed.",
                "Choose a clip with usable frames, or describe the polyp.",
            )
        out = np.empty((len(pairs), self.dim), dtype=np.float32)
        waiting = [at for at in order(pairs) if not self._recall(pairs[at], out[at])]
        done = len(pairs) - len(waiting)
        while waiting:
            if cancel is not None:
                cancel.raise_if_cancelled()
            indices = next(batched(waiting, self.batch))
            if not self._run_batch(pairs, indices, out):
                continue
            for at in indices:
                self._keep(pairs[at], out[at])
            waiting = waiting[len(indices) :]
            done += len(indices)
            progress(Progress("embed", done, len(pairs)))
        return out

    def _recall(self, pair: Pair, row: NDArray[np.float32]) -> bool:
        """Fills a row without a picture whose text was embedded before."""
        known = self._texts.get(pair.tokens) if pair.picture is None and pair.tokens else None
        if known is None or pair.tokens is None:
            return False
        self._texts.move_to_end(pair.tokens)
        row[:] = known
        return True

    def _keep(self, pair: Pair, row: NDArray[np.float32]) -> None:
        if pair.picture is None and pair.tokens:
            self._texts[pair.tokens] = row.copy()
            if len(self._texts) > _TEXTS_KEPT:
                self._texts.popitem(last=False)

    def _run_batch(self, pairs: Sequence[Pair], indices: list[int], out: NDArray[np.float32]) -> bool:
        """Fills the rows of one batch; False when the device ran out of memory and the batch was halved."""
        size = self.manifest.reads.image_size
        try:
            out[indices] = self._backend.run(pack([pairs[i] for i in indices], size, self._pad_id))
        except OutOfMemoryError as error:
            if self.batch == 1:
                raise PolypTraceError(
                    "out-of-memory",
                    f"{self.device.name} hasn't enough free memory for one picture.",
                    "Close other programs that use it, or use --device cpu.",
                ) from error
            self.batch = max(1, len(indices) // 2)
            return False
        return True


def open_tokenizer(info: BundleInfo) -> Tokenizer:
    """The bundle's tokenizer, cut at its longest text and without padding of its own."""
    tokenizer = Tokenizer.from_file(str(info.tokenizer))
    tokenizer.enable_truncation(info.manifest.reads.max_tokens)
    tokenizer.no_padding()
    return tokenizer


def _on_cpu(info: BundleInfo, cache: Path | None, threads: int | None) -> Backend:
    from core.inference.onnx_backend import OnnxBackend

    return OnnxBackend(find_onnx(info, cache) or derive_in_subprocess(info, cache), threads)


def _on_cuda(info: BundleInfo, choice: DeviceChoice) -> Backend:
    from core.models.torch_backend import TorchBackend

    return TorchBackend(info, choice.name)
