"""The derived ONNX file of a bundle: where it lies, whether it belongs to these weights. Torch-free."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

import core
from core.errors import PolypTraceError
from core.inference.bundle import BundleInfo, sha256_file
from core.paths import DataDir, default_data_dir

ONNX, RECORD = "model.onnx", "model.onnx.json"
INPUTS = ("pictures", "token_ids", "attention_mask", "picture_row", "text_row")
OUTPUT = "vectors"
MIN_COSINE = 0.99999
_DERIVE_SECONDS = 1800.0


class OnnxRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an ONNX file, in ``model.onnx.json`` beside it.

    ``cosine`` is the smallest cosine to torch's embedding over the inputs of the check; ``weights`` are
    the SHA-256 of the shards that it was derived from.
    """

    model_id: str
    onnx_sha256: str
    weights: dict[str, str]
    cosine: float
    versions: dict[str, str]


def homes(info: BundleInfo, cache: Path | None = None) -> list[Path]:
    """Folders that may hold the file: beside the bundle, then the cache."""
    root = cache if cache is not None else DataDir(default_data_dir()).cache
    return [info.folder, root / "onnx" / info.manifest.model_id]


def home_for_writing(info: BundleInfo, cache: Path | None = None) -> Path:
    """Beside the bundle when that folder can be written, else the cache, which is made."""
    beside, cached = homes(info, cache)
    if _can_write(beside):
        return beside
    cached.mkdir(parents=True, exist_ok=True)
    return cached


def _can_write(folder: Path) -> bool:
    """Tried, not asked: what ``os.access`` says is wrong on network shares and on Windows."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def read_record(folder: Path) -> OnnxRecord | None:
    """The record in ``folder``; None when there is none or it isn't readable."""
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=OnnxRecord)
    except (OSError, msgspec.MsgspecError):
        return None


def find_onnx(info: BundleInfo, cache: Path | None = None) -> Path | None:
    """The ONNX file that was derived from exactly these weights and wasn't changed since, or None."""
    for folder in homes(info, cache):
        record, path = read_record(folder), folder / ONNX
        if record is None or not path.is_file():
            continue
        same = record.model_id == info.manifest.model_id and record.weights == info.manifest.weights
        if same and record.cosine >= MIN_COSINE and sha256_file(path) == record.onnx_sha256:
            return path
    return None


def derive_in_subprocess(info: BundleInfo, cache: Path | None = None) -> Path:
    """Has a fresh Python derive the file, so that this process never loads torch.

    Raises:
        PolypTraceError: what the deriving process said, or ``onnx-failed``.
    """
    command = [sys.executable, "-m", "core.models.export", str(info.folder.resolve())]
    if cache is not None:
        command += ["--cache", str(cache.resolve())]
    root = str(Path(core.__file__).resolve().parent.parent)
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    hint = f"Run `{Path(sys.executable).name} -m core.models.export` on the bundle to see more."
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DERIVE_SECONDS,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
        )
        answer = msgspec.json.decode(done.stdout or b"{}", type=dict[str, object])
    except (OSError, subprocess.TimeoutExpired, msgspec.MsgspecError) as error:
        raise PolypTraceError("onnx-failed", "The model couldn't be prepared for the CPU.", hint) from error
    error_seen = answer.get("error")
    if isinstance(error_seen, dict):
        raise PolypTraceError(
            str(error_seen.get("code")), str(error_seen.get("message")), str(error_seen.get("hint"))
        )
    found = find_onnx(info, cache)
    if found is None:
        raise PolypTraceError(
            "onnx-failed",
            "The model couldn't be prepared for the CPU: the preparation ended without a file.",
            hint,
            exit_status=done.returncode,
            stderr=done.stderr.decode("utf-8", "replace")[-2000:],
        )
    return found
