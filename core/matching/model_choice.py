"""Which model a catalogue has in use, and changing that."""

from __future__ import annotations

from typing import Any

import msgspec

from core.catalog import operations, queries
from core.catalog.changes import CatalogChanges
from core.catalog.engine import Catalog
from core.catalog.values import ModelState
from core.domain import DMCL, DRCL
from core.errors import PolypTraceError
from core.inference.bundle import BundleInfo
from core.inference.registry import active_bundle, find_bundle, list_bundles
from core.inference.space import refuse_other_spaces
from core.paths import DataDir


def active_model_ids(folder: DataDir) -> dict[str, str]:
    """The ids of the models that the catalogue of a data folder has in use, by kind."""
    if not folder.catalogue.exists():
        return {}
    with Catalog.open(folder) as catalog:
        known = queries.model_versions(catalog)
    return {model.kind: model.model_id for model in known if model.state is ModelState.ACTIVE}


def retired_model_ids(folder: DataDir) -> set[str]:
    """The ids of models that the catalogue of a data folder had in use before."""
    if not folder.catalogue.exists():
        return set()
    with Catalog.open(folder) as catalog:
        known = queries.model_versions(catalog)
    return {model.model_id for model in known if model.state is ModelState.RETIRED}


def bundle_in_use(folder: DataDir, model: str | None = None, kind: str = DMCL) -> BundleInfo:
    """The bundle that was asked for, or the one of a kind in use.

    Raises:
        PolypTraceError: as :func:`core.inference.registry.find_bundle`.
    """
    if model:
        return find_bundle(folder, model)
    return active_bundle(folder, active_model_ids(folder).get(kind), kind)


def bundle_of(catalog: Catalog, model: str | None = None, kind: str = DMCL) -> BundleInfo:
    """The bundle that was asked for, or the one of a kind that an open catalogue has in use.

    Raises:
        PolypTraceError: as :func:`core.inference.registry.find_bundle`.
    """
    if model:
        return find_bundle(catalog.data_dir, model)
    active = queries.active_model(catalog, kind)
    return active_bundle(catalog.data_dir, active.model_id if active else None, kind)


def register_bundle(
    catalog: Catalog, info: BundleInfo, *, activate: bool = False, author: str
) -> CatalogChanges:
    """Makes a bundle known to the catalogue, and with ``activate`` puts it to use.

    Raises:
        PolypTraceError: as :func:`core.catalog.operations.register_model`.
    """
    manifest = info.manifest
    return operations.register_model(
        catalog,
        manifest.model_id,
        folder=str(info.folder),
        kind=manifest.kind,
        dim=manifest.dim,
        metrics=manifest.metrics,
        activate=activate,
        author=author,
    )


def promote(folder: DataDir, model: str, confirm: str, *, author: str) -> tuple[BundleInfo, CatalogChanges]:
    """Puts a model to use; the one of its kind before is retired.

    Args:
        model: id, or the beginning of one.
        confirm: the whole id once more.

    Raises:
        PolypTraceError: ``promote-confirm``; ``model-elsewhere`` for a bundle outside the data folder;
            ``model-unknown``; ``space-not-of-clips`` for a common space of something else; and what reading
            the bundle refuses.
    """
    info = find_bundle(folder, model)
    wanted = info.manifest.model_id
    kind = info.manifest.kind
    if kind == DRCL:
        refuse_other_spaces(info)
    if confirm != wanted:
        raise PolypTraceError(
            "promote-confirm",
            "The model that is confirmed isn't the one that is named.",
            f"To put it to use: polyptrace models promote {model} --confirm {wanted}",
        )
    if wanted not in {known.id for known in list_bundles(folder)}:
        raise PolypTraceError(
            "model-elsewhere",
            "Only a model that lies in the data folder can be put to use.",
            f"Copy its folder into {folder.models} first.",
        )
    with Catalog.open(folder) as catalog:
        if queries.active_model(catalog, kind) is None:
            _note_default(catalog, folder, kind, author)
        registered = register_bundle(catalog, info, author=author)
        switched = operations.promote_model(catalog, wanted, record=_record(info), author=author)
    return info, msgspec.structs.replace(
        switched, created=registered.created, models=tuple(sorted({*registered.models, *switched.models}))
    )


def roll_back(folder: DataDir, *, kind: str = DMCL, author: str) -> tuple[BundleInfo, CatalogChanges]:
    """Puts the model of a kind to use again that was in use before the last promotion.

    Its vectors are still there: it ranks as it did.

    Raises:
        PolypTraceError: ``rollback-nothing``; ``model-unknown`` when its bundle is gone.
    """
    with Catalog.open(folder) as catalog:
        before = queries.model_before(catalog, kind)
        info = find_bundle(folder, before) if before is not None else None
        changes = operations.roll_back_model(catalog, kind=kind, author=author)
    assert info is not None, "there was one to go back to"
    return info, changes


def _record(info: BundleInfo) -> dict[str, Any]:
    """What a promotion is based on: the figures beside the model in use, and on whose patients."""
    compared = info.manifest.metrics.get("comparison")
    if not isinstance(compared, dict):
        return {"impact": None, "protocol": None}
    kept = ("on", "patients", "queries", "new", "active_model")
    return {
        "protocol": {key: compared.get(key) for key in kept},
        "impact": {key: compared.get(key) for key in ("candidate", "active")},
    }


def _note_default(catalog: Catalog, folder: DataDir, kind: str, author: str) -> None:
    """Puts on record that the shipped model was in use as long as no other was chosen."""
    try:
        shipped = active_bundle(folder, kind=kind)
    except PolypTraceError:
        return  # an installation without one
    register_bundle(catalog, shipped, activate=True, author=author)
