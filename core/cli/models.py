"""``polyptrace models …``: the model bundles that this computer knows."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.interrupt import cancel_by_interrupt
from core.cli.options import NOBODY, Author, DataDirPath, JsonFlag, data_dir, existing
from core.cli.output import Output
from core.domain import DMCL, DRCL
from core.inference.registry import details, entry, list_bundles
from core.matching import model_choice
from core.matching.model_choice import active_model_ids, bundle_in_use, retired_model_ids

group = typer.Typer(
    no_args_is_help=True,
    help="Model bundles: list, show, promote, roll back; fetch weights to begin with.",
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.add_typer(group, name="models")


@group.command("list")
def list_models(json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """The models that are there, and which one is in use."""
    output, folder = Output(json), data_dir(data_dir_)
    active, retired = active_model_ids(folder), retired_model_ids(folder)
    entries = [entry(known, active, retired) for known in list_bundles(folder)]
    for lost in sorted(set(active.values()) - {one["id"] for one in entries}):
        output.warn(f"The model in use, {lost}, isn't there any more: promote another one.")
    output.document({"models": entries})
    rows = [(one["id"], one["kind"], one["state"], _origin(one), one["problem"]) for one in entries]
    output.table("Models", ("id", "kind", "state", "origin", "problem"), rows)


def _origin(one: dict[str, Any]) -> str:
    """Where a model comes from, with the name that a shipped one goes by."""
    return f"shipped: {Path(one['folder']).name}" if one["shipped"] else "data folder"


@group.command()
def show(
    model: Annotated[
        str | None,
        typer.Argument(help="Id, beginning of one, starter, search or folder. Default: that in use."),
    ] = None,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """A model's manifest, figures and card."""
    output = Output(json)
    info = bundle_in_use(data_dir(data_dir_), model)
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
    """Put a model to use, for recognising lesions or for search, as its kind is.

    The one before is retired and can be promoted again.
    """
    output = Output(json)
    info, changes = model_choice.promote(data_dir(data_dir_), model, confirm, author=author)
    chosen = info.manifest.model_id
    output.document({"model": chosen, "state": "active", "changed": not changes.nothing})
    then = "`polyptrace index` embeds the clips for it" if info.manifest.kind == DMCL else "search uses it"
    output.say(f"{chosen} is in use now; {then}.")


@group.command()
def rollback(
    search: Annotated[
        bool, typer.Option("--search", help="The search model, not the one that recognises lesions.")
    ] = False,
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Put the model back to use that was in use before the last promotion.

    It ranks as it did: its embeddings are kept.
    """
    output, folder = Output(json), data_dir(data_dir_)
    existing(folder).close()
    info, changes = model_choice.roll_back(folder, kind=DRCL if search else DMCL, author=author)
    chosen = info.manifest.model_id
    left = next((model for model in changes.models if model != chosen), None)
    output.document({"model": chosen, "state": "active", "left": left, "changed": not changes.nothing})
    output.say(f"{chosen} is in use again instead of {left}.")


@group.command()
def fetch(
    backbone: Annotated[str, typer.Argument(help="A ResNet of torchvision, e.g. resnet50.")],
    url: Annotated[
        str | None, typer.Option("--url", help="Another place. Default: torchvision's own.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="The file's hash. Default: the one in its name.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Download ImageNet weights to begin a training with.

    The only command that uses the network. The hash is checked; they go into torch's cache, where
    `train --image-weights torchvision` finds them; other files are given to it by their path.
    """
    output = Output(json)
    from core.models.fetch import fetch_resnet, is_official  # here: torch takes seconds to load

    with output.progress() as progress, cancel_by_interrupt() as cancel:
        path = fetch_resnet(backbone, url, sha256, progress, cancel)
    output.document({"backbone": backbone, "path": str(path), "bytes": path.stat().st_size})
    output.say(f"{path}: {path.stat().st_size / 1e6:.1f} MB, hash checked")
    given = "torchvision" if is_official(backbone, path.name) else str(path)
    output.say(f"begin a training with it: polyptrace train dmcl … --image-weights {shlex.quote(given)}")
