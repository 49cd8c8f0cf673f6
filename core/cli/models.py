"""``polyptrace models …``: the model bundles that this computer knows."""

from __future__ import annotations

from typing import Annotated

import typer

from core.catalog.engine import Catalog
from core.cli.options import (
    NOBODY,
    Author,
    DataDirPath,
    JsonFlag,
    active_model_id,
    bundle,
    data_dir,
    retired_model_ids,
)
from core.cli.output import Output
from core.errors import PolypTraceError
from core.inference.registry import active_bundle, details, entry, find_bundle, list_bundles
from core.matching.indexing import register_bundle
from core.paths import DataDir

group = typer.Typer(no_args_is_help=True, help="Model bundles: list, show, promote.", rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.add_typer(group, name="models")


@group.command("list")
def list_models(json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """The shipped starter model and the models of the data folder, and which one is in use."""
    output, folder = Output(json), data_dir(data_dir_)
    active = _in_use(folder)
    retired = retired_model_ids(folder)
    entries = [entry(known, active, retired) for known in list_bundles(folder)]
    output.document({"models": entries})
    rows = [(one["id"], one["state"], "shipped" if one["shipped"] else "", one["problem"]) for one in entries]
    output.table("Models", ("id", "state", "", "problem"), rows)


def _in_use(folder: DataDir) -> str | None:
    """The id of the model in use; None where there is none yet."""
    try:
        return active_bundle(folder, active_model_id(folder)).manifest.model_id
    except PolypTraceError:
        return None


@group.command()
def show(
    model: Annotated[
        str | None, typer.Argument(help="Id, beginning of one, or folder. Default: the one in use.")
    ] = None,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """A model's manifest, figures and card."""
    output = Output(json)
    info = bundle(data_dir(data_dir_), model)
    output.document(details(info))
    output.say(info.card)


@group.command()
def promote(
    model: Annotated[str, typer.Argument(help="Id, or the beginning of one.")],
    confirm: Annotated[str, typer.Option("--confirm", metavar="ID", help="The whole id once more.")],
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Put a model to use; the one before is retired and can be promoted again."""
    output, folder = Output(json), data_dir(data_dir_)
    info = find_bundle(folder, model)
    manifest = info.manifest
    if confirm != manifest.model_id:
        raise PolypTraceError(
            "promote-confirm",
            "The model that is confirmed isn't the one that is named.",
            f"To put it to use: polyptrace models promote {model} --confirm {manifest.model_id}",
        )
    if manifest.model_id not in {known.id for known in list_bundles(folder)}:
        raise PolypTraceError(
            "model-elsewhere",
            "Only a model that lies in the data folder can be put to use.",
            f"Copy its folder into {folder.models} first.",
        )
    with Catalog.open(folder) as catalog:
        changes = register_bundle(catalog, info, activate=True, author=author)
    output.document({"model": manifest.model_id, "state": "active", "changed": not changes.nothing})
    output.say(f"{manifest.model_id} is in use now; `polyptrace index` embeds the clips for it.")
