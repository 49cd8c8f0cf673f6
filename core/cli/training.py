"""``polyptrace train``: from a manifest to a model of one's own."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core.cli.cross_modal import begin_drcl
from core.cli.layouts import Fold, Layout, Root, TextsFile
from core.cli.options import NOBODY, Author, DataDirPath, Device, JsonFlag, data_dir
from core.cli.output import Output
from core.cli.pretraining import CatalogueFlag, Images, Pretrain, Videos
from core.cli.train_run import begin_training
from core.cli.train_wish import TrainWish


class Method(StrEnum):
    """What is trained."""

    DMCL = "dmcl"
    DRCL = "drcl"


class Categories(StrEnum):
    """What makes a kind, see :data:`core.search.categories.Kind`."""

    FIELDS = "fields"
    CLASS = "class"
    LESION = "lesion"


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.command()(train)


def train(
    method: Annotated[Method, typer.Argument(help="What to train.")],
    root: Root = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="CSV file with one row a frame.")
    ] = None,
    layout: Layout = None,
    texts: TextsFile = None,
    fold: Fold = None,
    features: Annotated[
        Path | None,
        typer.Option("--features", help="For drcl: .npz, .mat or HDF5 with features of several modalities."),
    ] = None,
    categories: Annotated[
        Categories | None,
        typer.Option(
            "--categories",
            help="For drcl --from-catalogue: what makes a kind. fields: segment, Paris class and size bin, "
            "each by itself (default); class: their combinations; lesion: each confirmed lesion.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            help="dmcl: quick, compact, ablation, paper, table3-none|text|image|both; default quick, compact "
            "after --pretrain. drcl: plain, search, wikipedia, paper-wikipedia, nus-wide, inria-websearch, "
            "xmedia, xmedianet; default the layout's, search with --from-catalogue, else plain.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="JSON with settings to change.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change one setting, e.g. loss.miner=batch-hard (dmcl), rates.image=1e-4 (drcl); "
            "repeatable; --print-settings lists them.",
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="RUN", help="Go on with this run, by its own data and settings."),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--start", metavar="MODEL", help="Go on from this model: id or folder.")
    ] = None,
    image_weights: Annotated[
        str | None,
        typer.Option("--image-weights", help="A ResNet's weights: a file, or torchvision (its cache)."),
    ] = None,
    text_folder: Annotated[str | None, typer.Option("--text-folder", help="A local BERT folder.")] = None,
    processes: Annotated[
        int, typer.Option("--processes", help="Train with this many processes, each on a device of its own.")
    ] = 1,
    pretrain: Pretrain = None,
    videos: Videos = None,
    images: Images = None,
    catalogue: CatalogueFlag = False,
    from_catalogue: Annotated[
        bool,
        typer.Option(
            "--from-catalogue",
            help="Learn from the catalogue: dmcl from confirmed links, drcl from descriptions and reports.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="With --from-catalogue, or any data of drcl: only say what would train."
        ),
    ] = False,
    print_settings: Annotated[
        bool, typer.Option("--print-settings", help="Print the settings as JSON and end.")
    ] = False,
    device: Device = "auto",
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Train a model on a manifest, the catalogue's confirmed links, or a public data set (--layout).

    It becomes a candidate, the active model stays as it is. The manifest's columns and the layouts: see
    `evaluate --help`. Of Colo-Pair one fold of four is left for testing, the first without --fold.
    drcl learns a space that several modalities share, from ready features: --features FILE with arrays
    NAME_train_features and NAME_train_labels (and NAME_val_…, NAME_test_…), or --layout wikipedia, nus-wide,
    inria-websearch, xmedia, xmedianet with the folder of the published file; or, with --from-catalogue, from
    the catalogue's descriptions and pictures, for `search --model`.
    With --pretrain tracklets the image encoder first learns without labels, from videos or stills; without
    labels that is all.
    """
    wish = TrainWish(
        root=root,
        manifest=manifest,
        layout=layout,
        texts=texts,
        fold=fold,
        features=features,
        categories=categories.value if categories else None,
        preset=preset,
        config=config,
        changes=tuple(changes or ()),
        resume=resume,
        start=start,
        image_weights=image_weights,
        text_folder=text_folder,
        processes=processes,
        pretrain=pretrain,
        videos=tuple(videos or ()),
        images=tuple(images or ()),
        catalogue=catalogue,
        from_catalogue=from_catalogue,
        dry_run=dry_run,
        print_settings=print_settings,
        device=device,
    )
    if method is Method.DRCL:
        begin_drcl(Output(json), data_dir(data_dir_), wish)
    else:
        begin_training(Output(json), data_dir(data_dir_), method.value, wish, author)
