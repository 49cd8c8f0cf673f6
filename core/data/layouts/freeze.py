"""The training part of a data set as a manifest of the run: what was learnt from stays on record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.data.layouts.data_set import DataSet
from core.data.manifest import write_manifest
from core.errors import PolypTraceError

MANIFEST = "manifest.csv"


@contextmanager
def frozen_training_part(data: DataSet, run: Path) -> Iterator[Path]:
    """Writes the training rows into the folder of a run that begins inside the ``with`` block.

    A run that never began (data or settings were refused) leaves nothing behind.

    Yields:
        The manifest's path.

    Raises:
        PolypTraceError: ``no-training-rows``.
    """
    rows = data.manifest.split("train", "val").rows
    if not rows:
        raise PolypTraceError(
            "no-training-rows",
            f"Nothing of {data.title} is marked for training here.",
            "Its test part is for testing alone.",
        )
    file = write_manifest(run / MANIFEST, rows)
    try:
        yield file
    finally:
        if not (run / "config.json").exists():
            file.unlink(missing_ok=True)
            with suppress(OSError):  # somebody else's file lies there
                run.rmdir()
