"""Says what this computer and this installation can do, and what is wrong with them."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from core.catalog import queries
from core.catalog.engine import Catalog
from core.counting import count
from core.errors import PolypTraceError
from core.inference.bundle import read_bundle
from core.inference.device import choose_device
from core.inference.vector_store import VectorStore
from core.matching.model_choice import bundle_in_use
from core.paths import DataDir

_FIRST = ("av", "numpy", "onnxruntime", "opencv-python-headless")
LIBRARIES = (*_FIRST, "PySide6-Essentials", "sqlalchemy", "torch")
ENOUGH_DISK_GB = 2.0


class Check(msgspec.Struct, frozen=True):
    """One line of the doctor: ``ok`` is False when something needs the user's hand, which ``hint`` names."""

    name: str
    ok: bool
    message: str
    hint: str = ""


def examine(data_dir: DataDir) -> list[Check]:
    """All checks, in order. Never raises for a bad state: that is what it reports."""
    checks: tuple[tuple[str, Callable[[DataDir], str]], ...] = (
        ("Python", lambda _: f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("libraries", lambda _: _versions()),
        ("device", lambda _: _device()),
        ("disk", _disk),
        ("data folder", _writable),
        ("catalogue", _catalogue),
        ("records", _records),
        ("model", _model),
        ("inference", _inference),
    )
    return [_run(name, check, data_dir) for name, check in checks]


def _run(name: str, check: Callable[[DataDir], str], data_dir: DataDir) -> Check:
    try:
        return Check(name, True, check(data_dir))
    except PolypTraceError as error:
        return Check(name, False, error.message, error.hint)


def _versions() -> str:
    found = []
    for library in LIBRARIES:
        try:
            found.append(f"{library} {importlib.metadata.version(library)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{library} missing")
    return ", ".join(found)


def _device() -> str:
    device = choose_device("auto")
    return f"{device.name} ({device.reason})"


def _nearest_existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _disk(data_dir: DataDir) -> str:
    free = shutil.disk_usage(_nearest_existing(data_dir.root.absolute())).free / 1e9
    if free < ENOUGH_DISK_GB:
        hint = "Free some space or choose another folder with --data-dir."
        raise PolypTraceError("disk-full", f"Only {free:.1f} GB are free where the data folder lies.", hint)
    return f"{free:.1f} GB free"


def _writable(data_dir: DataDir) -> str:
    root = data_dir.root.absolute()
    probe = (root if root.is_dir() else _nearest_existing(root)) / f".polyptrace-{id(data_dir):x}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        hint = "Choose a folder that you may write to with --data-dir."
        sentence = f"The data folder {root} can't be written."
        raise PolypTraceError("folder-read-only", sentence, hint) from error
    return f"{root}{'' if root.is_dir() else ' (will be made)'}"


def _catalogue(data_dir: DataDir) -> str:
    if not data_dir.catalogue.exists():
        return "none yet"
    with Catalog.open(data_dir) as catalogue:
        counts = catalogue.counts()
    return ", ".join(f"{number} {kind}" for kind, number in counts.items())


def _records(data_dir: DataDir) -> str:
    """The audit log's chain, and jobs that didn't end well."""
    if not data_dir.catalogue.exists():
        return "none yet"
    with Catalog.open(data_dir) as catalogue:
        broken = queries.broken_audit_event(catalogue)
        states = Counter(job.state.value for job in queries.jobs(catalogue))
        events = len(queries.audit_events(catalogue))
        lost = _lost_vectors(catalogue)
    if broken is not None:
        raise PolypTraceError(
            "audit-broken",
            f"The audit log was changed by another program: event {broken} isn't what was written.",
            "Compare with a backup; the catalogue itself can still be used.",
        )
    if lost:
        raise PolypTraceError(
            "vectors-lost",
            f"{count(lost, 'embedding')} of the catalogue can't be found in a file any more.",
            "Run `polyptrace index`: it makes them again.",
        )
    jobs = (
        ", ".join(f"{count(number, 'job')} {state}" for state, number in sorted(states.items()))
        or "no jobs yet"
    )
    return f"audit log of {count(events, 'event')}, chain whole; {jobs}"


def _lost_vectors(catalogue: Catalog) -> int:
    """How many vectors of the model in use have a row, but not their bytes in the store."""
    used = bundle_in_use(catalogue.data_dir).manifest.model_id
    if used not in {model.model_id for model in queries.model_versions(catalogue)}:
        return 0
    store = VectorStore(catalogue.data_dir.vectors)
    there, _ = queries.indexed_clips(catalogue, store, used).vectors()
    return len(queries.vector_rows(catalogue, used)) - len(there)


def _model(data_dir: DataDir) -> str:
    bundle = read_bundle(bundle_in_use(data_dir).folder, verify=True)
    return f"{bundle.manifest.model_id} (files match their hashes)"


def _inference(data_dir: DataDir) -> str:
    import numpy as np

    from core.inference.embedder import Embedder

    embedder = Embedder.open(bundle_in_use(data_dir).folder, cache=data_dir.cache)
    grey = np.full((64, 64, 3), 128, dtype=np.uint8)
    vectors = embedder.embed([grey], "A sessile polyp.")
    if not np.isfinite(vectors).all():
        raise PolypTraceError("inference-broken", "The model answers with numbers that aren't finite.", "")
    torch_loaded = "with" if "torch" in sys.modules else "without"
    return f"a vector of {vectors.shape[1]} on {embedder.device.name}, {torch_loaded} torch"
