"""From torch to ONNX, with the check that both give the same embeddings."""

from __future__ import annotations

import io
import logging
import os
import warnings
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import PolypTraceError
from core.inference.bundle import BundleInfo, replace_file, sha256_file
from core.inference.onnx_backend import ORT_ERRORS, open_session
from core.inference.onnx_file import INPUTS, MIN_COSINE, ONNX, OUTPUT, RECORD, OnnxRecord, home_for_writing
from core.models.bundle import load_model
from core.models.config import DmclConfig
from core.models.serving import Serving

_OPSET = 18
_AXES = {
    "pictures": {0: "pictures"},
    "token_ids": {0: "texts", 1: "tokens"},
    "attention_mask": {0: "texts", 1: "tokens"},
    "picture_row": {0: "rows"},
    "text_row": {0: "rows"},
    OUTPUT: {0: "rows"},
}
Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def derive(info: BundleInfo, cache: Path | None) -> Path:
    """Writes the ONNX file and its record; nothing appears under the final name before the check passed.

    Raises:
        PolypTraceError: ``onnx-differs``, ``onnx-failed`` or as :func:`core.models.bundle.load_model`.
    """
    serving = Serving(load_model(info.folder)).eval()
    try:
        home = home_for_writing(info, cache)
        part = home / f".{ONNX}.{os.getpid()}.part"
        try:
            part.write_bytes(_exported(serving))
            cosine = smallest_cosine(serving, part)
            digest = sha256_file(part)
            part.replace(home / ONNX)
        finally:
            part.unlink(missing_ok=True)
        record = OnnxRecord(
            model_id=info.manifest.model_id,
            onnx_sha256=digest,
            weights=info.manifest.weights,
            cosine=cosine,
            versions={name: version(name) for name in ("torch", "onnx", "onnxruntime")},
        )
        replace_file(home / RECORD, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    except OSError as error:
        raise PolypTraceError(
            "onnx-failed",
            "The model couldn't be prepared for the CPU: its file can't be written.",
            "Free some disk space or choose another --data-dir.",
        ) from error
    return home / ONNX


def _exported(serving: Serving) -> bytes:
    """The ONNX protobuf. torch's exporter is talkative; nothing of that is for the user."""
    buffer: Any = io.BytesIO()
    quiet = io.StringIO()
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(quiet), redirect_stderr(quiet), torch.no_grad():
            warnings.simplefilter("ignore")
            # The tracing exporter takes a tenth of the time of the newer one and gives the same numbers;
            # what it could freeze wrongly is caught by the check over other batch and text sizes.
            torch.onnx.export(
                serving,
                random_inputs(serving.model.config, 3, 2, 9, 5, seed=0),
                buffer,
                input_names=list(INPUTS),
                output_names=[OUTPUT],
                dynamic_axes=_AXES,
                opset_version=_OPSET,
                dynamo=False,
            )
    finally:
        logging.disable(level)
    return bytes(buffer.getvalue())


def random_inputs(config: DmclConfig, pictures: int, texts: int, tokens: int, rows: int, seed: int) -> Inputs:
    """Random input of :class:`Serving`, with padding and with rows that miss a modality."""
    rng = torch.Generator().manual_seed(seed)
    side = config.image_size
    coarse = torch.randint(0, 256, (pictures, 3, 8, 8), generator=rng, dtype=torch.float32)
    images = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear").permute(0, 2, 3, 1)
    lengths = torch.randint(1, tokens + 1, (texts, 1), generator=rng)
    return (
        images.to(torch.uint8).contiguous(),
        torch.randint(0, config.text.vocab_size, (texts, tokens), generator=rng),
        (torch.arange(tokens)[None] < lengths).to(torch.int64),
        torch.randint(-1, pictures, (rows,), generator=rng),
        torch.randint(-1, texts, (rows,), generator=rng),
    )


def smallest_cosine(serving: Serving, path: Path) -> float:
    """The smallest cosine between torch's and the ONNX file's embeddings over several random inputs.

    Raises:
        PolypTraceError: ``onnx-differs`` below 0.99999, or when onnxruntime can't run the file.
    """
    config = serving.model.config
    longest = config.max_tokens
    shapes = [(1, 1, 1, 1), (1, 1, longest, 3), (3, 2, 9, 5), (4, 3, min(40, longest), 7), (2, 5, 2, 12)]
    cosines: list[NDArray[np.float32]] = []
    try:
        session = open_session(path)
        for seed, shape in enumerate(shapes, start=1):
            inputs = random_inputs(config, *shape, seed=seed)
            with torch.no_grad():
                ours = serving(*inputs).numpy()
            names = dict(zip(INPUTS, (value.numpy() for value in inputs), strict=True))
            theirs = session.run([OUTPUT], names)[0]
            cosines.append((ours * theirs).sum(axis=1) / np.linalg.norm(theirs, axis=1))
    except ORT_ERRORS as error:
        raise PolypTraceError("onnx-differs", "The CPU form of the model doesn't run.") from error
    worst = float(np.concatenate(cosines).min())
    if not worst >= MIN_COSINE:
        raise PolypTraceError(
            "onnx-differs",
            f"The CPU form of the model gives other embeddings than torch (cosine {worst:.6f}).",
            "Don't use this model on the CPU; report it with the versions that `polyptrace doctor` shows.",
        )
    return min(worst, 1.0)
