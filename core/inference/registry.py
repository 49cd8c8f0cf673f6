"""Which model bundles there are: the shipped starter model and those in the data folder. Torch-free."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from core.domain import DMCL
from core.errors import PolypTraceError
from core.inference.bundle import MANIFEST, BundleInfo, read_bundle
from core.paths import DataDir, resource

STARTER, SEARCH = "starter", "search"


class KnownBundle(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that was found: readable (``info``) or refused (``problem`` says why)."""

    folder: Path
    shipped: bool
    info: BundleInfo | None = None
    problem: str = ""

    @property
    def id(self) -> str:
        """The model's id, or its folder's name when it can't be read."""
        return self.info.manifest.model_id if self.info else self.folder.name

    def is_called(self, name: str) -> bool:
        """Whether its id begins so; a shipped one also goes by its folder's name."""
        return self.id.startswith(name) or (self.shipped and self.folder.name == name)


def starter_folder() -> Path | None:
    """The shipped starter model, or None when it isn't shipped."""
    return _shipped(STARTER)


def search_folder() -> Path | None:
    """The shipped model that finds clips by words, or None when it isn't shipped."""
    return _shipped(SEARCH)


def _shipped(name: str) -> Path | None:
    try:
        folder = resource("models", name)
    except FileNotFoundError:
        return None
    return folder if (folder / MANIFEST).is_file() else None


def list_bundles(data_dir: DataDir, verify: bool = False) -> list[KnownBundle]:
    """Every bundle, the shipped ones first, then by folder name; one id appears once.

    ``verify`` also checks the hashes; without it only the manifests are read.
    """
    shipped = [folder for folder in (starter_folder(), search_folder()) if folder]
    folders = [*shipped]
    if data_dir.models.is_dir():
        # A folder that lost its manifest is shown with its problem; hidden ones are still being written.
        inside = (path for path in data_dir.models.iterdir() if path.is_dir() and path.name[0] != ".")
        folders += sorted(inside)
    found: dict[str, KnownBundle] = {}
    for folder in folders:
        bundle = _look(folder, folder in shipped, verify)
        found.setdefault(bundle.id, bundle)
    return list(found.values())


def find_bundle(data_dir: DataDir, model: str | None = None) -> BundleInfo:
    """The bundle of an id, an unambiguous beginning of one, or a folder; None = the shipped starter model.

    The shipped ones are also found by their folders' names, ``starter`` and ``search``.

    Raises:
        PolypTraceError: ``model-unknown``, or as :func:`core.inference.bundle.read_bundle`.
    """
    if model is None:
        return active_bundle(data_dir)
    if (Path(model) / MANIFEST).is_file():
        return read_bundle(Path(model))
    matches = [bundle for bundle in list_bundles(data_dir) if bundle.is_called(model)]
    exact = [bundle for bundle in matches if bundle.id == model] or matches
    if len(exact) != 1:
        what = f"There is no model “{model}”." if not exact else f"“{model}” fits {len(exact)} models."
        raise PolypTraceError("model-unknown", what, "`polyptrace models list` shows the ids.")
    return read_bundle(exact[0].folder)


def active_bundle(data_dir: DataDir, active_id: str | None = None, kind: str = DMCL) -> BundleInfo:
    """The model of a kind that is in use: ``active_id`` where the catalogue names one, else the shipped one.

    Raises:
        PolypTraceError: ``model-unknown`` when the named one isn't there, ``model-missing`` when nothing is.
    """
    if active_id is not None:
        return find_bundle(data_dir, active_id)
    folder = starter_folder() if kind == DMCL else search_folder()
    if folder is None:
        raise _missing(kind)
    return read_bundle(folder)


def _missing(kind: str) -> PolypTraceError:
    if kind == DMCL:
        return PolypTraceError(
            "model-missing",
            "No model is in use: the starter model isn't part of this installation.",
            "Install PolypTrace again, or train one: polyptrace train dmcl --manifest FILE.",
        )
    return PolypTraceError(
        "search-model-missing",
        "Nothing can be found by words: the search model isn't part of this installation.",
        "Install PolypTrace again, or name a model of your own with --model.",
    )


def entry(
    bundle: KnownBundle, active: Mapping[str, str] | None = None, retired: Collection[str] = ()
) -> dict[str, Any]:
    """One entry of ``models list``: id, state, metrics, kind, name, shipped, folder, problem.

    ``active`` holds the ids that the catalogue names as active, by kind; of a kind that it doesn't name the
    shipped one is.
    ``state`` is ``active``, ``candidate``, ``retired`` for one that was active once (``retired`` names
    those), or ``refused`` for a bundle that can't be read.
    """
    manifest = bundle.info.manifest if bundle.info else None
    named = (active or {}).get(manifest.kind) if manifest else None
    in_use = bundle.shipped if named is None else bundle.id == named
    unused = "retired" if bundle.id in retired else "candidate"
    return {
        "id": bundle.id,
        "state": "refused" if manifest is None else "active" if in_use else unused,
        "metrics": manifest.metrics if manifest else {},
        "kind": manifest.kind if manifest else "",
        "name": manifest.name if manifest else "",
        "shipped": bundle.shipped,
        "folder": str(bundle.folder),
        "problem": bundle.problem,
    }


def details(info: BundleInfo) -> dict[str, Any]:
    """What ``models show`` says: the whole manifest, folder, size in bytes, and the card (Markdown)."""
    named = [info.folder / name for name in (MANIFEST, *info.manifest.files)]
    return {
        "id": info.manifest.model_id,
        "folder": str(info.folder),
        "bytes": sum(path.stat().st_size for path in named),
        "manifest": msgspec.to_builtins(info.manifest),
        "card": info.card,
    }


def _look(folder: Path, shipped: bool, verify: bool) -> KnownBundle:
    try:
        return KnownBundle(folder=folder, shipped=shipped, info=read_bundle(folder, verify))
    except PolypTraceError as error:
        return KnownBundle(folder=folder, shipped=shipped, problem=error.message)
