"""Runs the derived ONNX file with onnxruntime on the CPU. Torch-free."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as _ort

from core.errors import PolypTraceError
from core.inference.onnx_file import INPUTS, OUTPUT

ORT_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    _ort.EPFail,
    _ort.Fail,
    _ort.InvalidArgument,
    _ort.InvalidGraph,
    _ort.InvalidProtobuf,
    _ort.NoSuchFile,
    _ort.NotImplemented,
    _ort.RuntimeException,
)
"""What onnxruntime raises; its classes share no base but ``Exception``."""
_FATAL_ONLY = 3


def open_session(path: Path, threads: int | None = None) -> Any:
    """An onnxruntime session on ``threads`` threads (default: all cores)."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY
    options.intra_op_num_threads = threads or 0
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class OnnxBackend:
    """:class:`core.inference.batches.Backend` on the CPU.

    Raises:
        PolypTraceError: ``model-failed`` when onnxruntime refuses the file or an input.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        try:
            self._session = open_session(path, threads)
        except ORT_ERRORS as error:
            raise PolypTraceError(
                "model-failed",
                "The prepared model file can't be opened.",
                f"Delete {path} and try again: it is made anew.",
            ) from error

    def run(self, batch: tuple[NDArray[Any], ...]) -> NDArray[np.float32]:
        """The arrays of :class:`core.models.serving.Serving` → (B, dim) float32."""
        try:
            out = self._session.run([OUTPUT], dict(zip(INPUTS, batch, strict=True)))[0]
        except ORT_ERRORS as error:
            raise PolypTraceError(
                "model-failed", "The model couldn't embed these pictures on the CPU.", "Try a smaller batch."
            ) from error
        return np.asarray(out, dtype=np.float32)
