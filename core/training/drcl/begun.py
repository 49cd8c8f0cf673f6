"""What a run of DRCL was begun with, on record in its folder: settings, data, and where they were read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from core.data.cross_modal.samples import CrossModal
from core.errors import PolypTraceError
from core.inference.bundle import replace_file
from core.training.drcl.config import DrclSettings
from core.training.run_folder import environment

CONFIG, DATA, SOURCE = "config.json", "data.json", "source.json"


def claim_run(
    folder: Path, data: CrossModal, settings: DrclSettings, source: Mapping[str, Any] | None = None
) -> None:
    """Takes a new folder, or finds the run that it holds to be this one.

    Args:
        source: where the samples were read from; JSON-able.

    Raises:
        PolypTraceError: ``run-data-changed``.
    """
    facts = {"name": data.name, "categories": list(data.categories), "sha256": data_sha256(data)}
    wanted = {"settings": msgspec.to_builtins(settings), "data": facts}
    if (folder / CONFIG).exists():
        _refuse_changes(folder, json.loads(json.dumps(wanted)))
        return
    folder.mkdir(parents=True, exist_ok=True)
    kept = {DATA: {**facts, "sizes": data.sizes}, "environment.json": environment()}
    kept |= {} if source is None else {SOURCE: dict(source)}
    for name, content in {**kept, CONFIG: wanted}.items():  # last what makes it a run
        replace_file(folder / name, (json.dumps(content, indent=2) + "\n").encode())


def begun_settings(folder: Path) -> DrclSettings:
    """The settings that a run was begun with.

    Raises:
        PolypTraceError: ``run-unknown`` where it is none of DRCL.
    """
    try:
        return msgspec.convert(_read(folder / CONFIG).get("settings"), DrclSettings)
    except msgspec.ValidationError as error:
        raise PolypTraceError(
            "run-unknown", f"The run {folder.name} is none of drcl.", "Runs of drcl begin with drcl-."
        ) from error


def begun_source(folder: Path) -> dict[str, Any]:
    """Where a run's samples were read from; empty where it doesn't say."""
    return _read(folder / SOURCE)


def data_sha256(data: CrossModal) -> str:
    """Hash of all samples and labels."""
    digest = hashlib.sha256()
    for part, modalities in sorted(data.parts.items()):
        for name, one in sorted(modalities.items()):
            digest.update(f"{part} {name} {one.features.shape}".encode())
            digest.update(np.ascontiguousarray(one.features).tobytes())
            digest.update(np.ascontiguousarray(one.labels).tobytes())
    return digest.hexdigest()


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _refuse_changes(folder: Path, wanted: Mapping[str, Any]) -> None:
    begun = _read(folder / CONFIG)
    before, now = begun.get("settings") or {}, wanted["settings"]
    changed = [f"{name} {before.get(name)}, not {now[name]}" for name in now if before.get(name) != now[name]]
    if changed or before.keys() != now.keys():
        what = f"other settings ({'; '.join(changed)})" if changed else "settings of another version"
    elif begun.get("data") != wanted["data"]:
        what = "other data"
    else:
        return
    raise PolypTraceError(
        "run-data-changed",
        f"The run {folder.name} was begun with {what}.",
        "Go on with the same ones (--resume alone takes the run's own), or start a new run.",
    )
