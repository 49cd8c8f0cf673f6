"""The options that every command shares, and what they open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.catalog import queries
from core.catalog.engine import Catalog
from core.catalog.values import ModelState
from core.inference.bundle import BundleInfo
from core.inference.embedder import Embedder
from core.inference.registry import active_bundle, find_bundle
from core.paths import DataDir, default_data_dir

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
DataDirPath = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="POLYPTRACE_DATA_DIR",
        help="Folder of the catalogue. Default: the platform's folder for application data.",
        file_okay=True,
    ),
]
NOBODY = "user"
"""Who did it, where nobody said who they are."""

Author = Annotated[
    str, typer.Option("--author", envvar="POLYPTRACE_AUTHOR", help="Who does this, for the log.")
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", help="Id of a model, the beginning of one, or a bundle's folder. Default: the active one."
    ),
]


def data_dir(chosen: Path | None) -> DataDir:
    """The data folder as chosen on the command line, by the environment or by default."""
    return DataDir((chosen or default_data_dir()).expanduser())


def active_model_id(folder: DataDir) -> str | None:
    """The id of the model that the catalogue of a data folder has in use; None without a catalogue."""
    if not folder.catalogue.exists():
        return None
    with Catalog.open(folder) as catalog:
        active = queries.active_model(catalog)
    return active.model_id if active else None


def retired_model_ids(folder: DataDir) -> set[str]:
    """The ids of models that the catalogue of a data folder had in use before."""
    if not folder.catalogue.exists():
        return set()
    with Catalog.open(folder) as catalog:
        known = queries.model_versions(catalog)
    return {model.model_id for model in known if model.state is ModelState.RETIRED}


def bundle(folder: DataDir, model: str | None) -> BundleInfo:
    """The bundle that was asked for, or the one in use.

    Raises:
        PolypTraceError: as :func:`core.inference.registry.find_bundle`.
    """
    return find_bundle(folder, model) if model else active_bundle(folder, active_model_id(folder))


def embedder(folder: DataDir, model: str | None, device: str) -> Embedder:
    """The model that was asked for, or the one in use, loaded.

    Raises:
        PolypTraceError: as :meth:`core.inference.embedder.Embedder.open`.
    """
    return Embedder.open(bundle(folder, model).folder, device, folder.cache)
