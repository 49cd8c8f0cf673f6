"""The bundle's ONNX file, derived when it is missing; torch loads only then.

``python -m core.models.export FOLDER [--cache DIR]`` does it in a process of its own and answers with one
JSON document: ``{"onnx": path}`` or ``{"error": {code, message, hint}}``.
"""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

import msgspec

from core.errors import PolypTraceError
from core.inference.bundle import read_bundle
from core.inference.onnx_file import find_onnx

_ONE_AT_A_TIME = threading.Lock()
"""torch's exporter isn't made for several threads; processes are kept apart by their files' names."""


def ensure_onnx(folder: Path, cache: Path | None = None) -> Path:
    """The bundle's ONNX file; derived when there is none for exactly these weights.

    It lies beside the bundle when that folder can be written, else in ``cache`` (default: the data folder's
    cache), with ``model.onnx.json`` beside it: hashes, versions and the smallest cosine to torch.

    Raises:
        PolypTraceError: as :func:`core.inference.bundle.read_bundle`; ``onnx-differs`` when the file's
            embeddings aren't torch's (cosine below 0.99999); ``onnx-failed`` when it can't be written.
    """
    info = read_bundle(folder)
    found = find_onnx(info, cache)
    if found is not None:
        return found
    with _ONE_AT_A_TIME:
        from core.models.onnx_export import derive

        return find_onnx(info, cache) or derive(info, cache)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of ``python -m core.models.export``."""
    parser = argparse.ArgumentParser(prog="python -m core.models.export", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, default=None)
    chosen = parser.parse_args(arguments)
    try:
        answer: dict[str, object] = {"onnx": str(ensure_onnx(chosen.folder, chosen.cache))}
    except PolypTraceError as error:
        answer = {"error": error.as_dict()}
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    return 1 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main())
