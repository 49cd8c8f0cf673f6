"""Whether a model of one's own learnt from the very pictures that it is tested on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from core.data.manifest import Row, read_manifest
from core.errors import PolypTraceError


def seen_in_training(runs: Path, model_name: str, rows: Sequence[Row]) -> int | None:
    """How many of these rows' pictures the model's run trained or validated on.

    Args:
        runs: the folder of the training runs; a model is named after its run.
        model_name: of the bundle.
        rows: test rows.

    Returns:
        None where the run, or the manifest that it learnt from, isn't there any more or was changed.
    """
    record = runs / model_name / "data.json"
    try:
        facts = json.loads(record.read_text("utf-8"))
        data = read_manifest(Path(facts["manifest"]))
        unchanged = data.sha256() == facts["manifest_sha256"]
    except (OSError, ValueError, LookupError, TypeError, PolypTraceError):
        return None
    if not unchanged:
        return None
    learnt = {(row.path, row.frame) for row in data.split("train", "val").rows}
    return sum((row.path, row.frame) in learnt for row in rows)


def seen_warnings(seen: int | None, total: int) -> list[str]:
    """The sentence that stands beside such figures, if there is anything to say."""
    if not seen:
        return []
    return [
        f"train-leak: the model learnt from {seen} of these {total} pictures, so its figures say little "
        "about pictures that it has never seen."
    ]
