"""What ``train drcl`` learns from, as a run keeps it, so that ``--resume RUN`` needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from core.cli.layouts import LayoutName
from core.cli.train_wish import TrainWish

if TYPE_CHECKING:  # torch takes seconds to load
    from core.training.drcl.config import DrclSettings


def source_of(wish: TrainWish) -> dict[str, Any]:
    """The options that name the data, JSON-able, with absolute paths."""
    if wish.features is not None:
        return {"features": str(wish.features.absolute())}
    if wish.layout is not None and wish.root is not None:
        return {"layout": wish.layout.value, "root": str(wish.root.absolute())}
    return {"from_catalogue": True, "categories": wish.categories}


def as_begun(wish: TrainWish, run: Path) -> TrainWish:
    """The wish with the source of the run that goes on, unless it names one itself.

    Raises:
        typer.BadParameter: the run is of an earlier version, which kept none.
    """
    from core.training.drcl.begun import begun_source

    if wish.features or wish.layout or wish.from_catalogue:
        return wish
    kept = begun_source(run)
    if not kept:
        raise typer.BadParameter(
            f"the run {run.name} doesn't say what it learns from: add --features FILE, --layout NAME ROOT or "
            "--from-catalogue, as it was begun"
        )
    paths = {name: Path(kept[name]) for name in ("features", "root") if name in kept}
    layout = {"layout": LayoutName(kept["layout"])} if "layout" in kept else {}
    catalogue = {name: kept[name] for name in ("from_catalogue", "categories") if name in kept}
    return msgspec.structs.replace(wish, **paths, **layout, **catalogue)


def own_settings(wish: TrainWish, run: Path) -> DrclSettings | None:
    """The settings of the run that goes on; None where the wish names some, which must be the same."""
    from core.training.drcl.begun import begun_settings

    return None if wish.preset or wish.config or wish.changes else begun_settings(run)
