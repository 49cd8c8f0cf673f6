"""The options that every command shares, and what they open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
Author = Annotated[str, typer.Option("--author", envvar="POLYPTRACE_AUTHOR", help="Who does this, for the log.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
ModelFolder = Annotated[
    Path | None, typer.Option("--model", help="Folder of a model bundle. Default: the active model.")
]


def data_dir(chosen: Path | None) -> DataDir:
    """The data folder as chosen on the command line, by the environment or by default."""
    return DataDir((chosen or default_data_dir()).expanduser())
