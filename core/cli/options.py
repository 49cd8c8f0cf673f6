"""The options that every command shares, and what they open."""

from __future__ import annotations

import datetime as dt
import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from core.catalog.engine import Catalog
from core.errors import PolypTraceError
from core.inference.embedder import Embedder
from core.matching.model_choice import bundle_in_use
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


def named(folder: DataDir) -> str:
    """The option that names a data folder in a command for the user; empty where that one is taken anyway."""
    taken = os.environ.get("POLYPTRACE_DATA_DIR") or default_data_dir()
    same = folder.root.absolute() == Path(taken).expanduser().absolute()
    return "" if same else f" --data-dir {shlex.quote(str(folder.root))}"


def day(text: str | None, option: str) -> dt.date | None:
    """A day as typed with an option; None where it wasn't given.

    Raises:
        typer.BadParameter: it is no date.
    """
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} {text} is no date like 2019-04-30") from None


def existing(folder: DataDir) -> Catalog:
    """The catalogue of a data folder, for commands that need one: a mistyped folder makes no empty one.

    Raises:
        PolypTraceError: ``catalogue-missing``, or as :meth:`core.catalog.engine.Catalog.open`.
    """
    if not folder.catalogue.exists():
        raise PolypTraceError(
            "catalogue-missing",
            f"There is no catalogue in {folder.root} yet.",
            "`polyptrace import` makes one, `polyptrace demo` one to try; --data-dir names another folder.",
        )
    return Catalog.open(folder)


def embedder(folder: DataDir, model: str | None, device: str) -> Embedder:
    """The model that was asked for, or the one in use, loaded.

    Raises:
        PolypTraceError: as :meth:`core.inference.embedder.Embedder.open`.
    """
    return Embedder.open(bundle_in_use(folder, model).folder, device, folder.cache)
