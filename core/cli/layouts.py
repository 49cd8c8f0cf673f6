"""``--layout NAME ROOT`` of ``evaluate`` and ``train``: data sets in the folders they are published in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from core.cli.output import Output
from core.counting import count

if TYPE_CHECKING:  # what reads pictures would cost every other command its time
    from core.data.layouts.data_set import DataSet


class LayoutName(StrEnum):
    """The layouts that can be read: of pictures (:data:`core.data.layouts.read.LAYOUTS`) and of features."""

    COLOPAIR = "colopair"
    MARKET1501 = "market1501"
    DUKE = "duke"
    CUHK03 = "cuhk03"
    WIKIPEDIA = "wikipedia"
    NUS_WIDE = "nus-wide"
    INRIA_WEBSEARCH = "inria-websearch"
    XMEDIA = "xmedia"
    XMEDIANET = "xmedianet"

    @property
    def across(self) -> bool:
        """Whether it holds features of several modalities instead of pictures."""
        return self in _ACROSS


_ACROSS = frozenset(
    {
        LayoutName.WIKIPEDIA,
        LayoutName.NUS_WIDE,
        LayoutName.INRIA_WEBSEARCH,
        LayoutName.XMEDIA,
        LayoutName.XMEDIANET,
    }
)
"""Those that :func:`core.data.cross_modal.benchmarks.read_benchmark` reads."""

Root = Annotated[
    Path | None, typer.Argument(metavar="[ROOT]", help="Folder of the data that --layout names.")
]
Layout = Annotated[
    LayoutName | None, typer.Option("--layout", help="A data set in its published folders, read from ROOT.")
]
TextsFile = Annotated[
    Path | None,
    typer.Option(
        "--texts",
        help="With --layout: CSV, Excel or JSON with texts, by picture or identity.",
        metavar="FILE",
    ),
]
Fold = Annotated[
    int | None,
    typer.Option("--fold", min=1, max=4, help="With --layout colopair: the fold of four to test."),
]


def chosen_layout(
    output: Output, layout: LayoutName | None, root: Path | None, texts: Path | None, fold: int | None
) -> DataSet | None:
    """Reads what the options name, and says its notes; None without ``--layout``.

    Raises:
        typer.BadParameter: one option lacks another.
        PolypTraceError: as :func:`core.data.layouts.read.read_layout`.
    """
    if layout is None:
        if root is not None or texts is not None or fold is not None:
            raise typer.BadParameter("ROOT, --texts and --fold need --layout")
        return None
    if root is None:
        raise typer.BadParameter(f"give the folder of the data: --layout {layout.value} ROOT")
    if layout.across:
        raise typer.BadParameter(
            f"{layout.value} holds features of several modalities: use `train drcl`, or `evaluate --protocol "
            "cross-modal`"
        )
    from core.data.layouts.read import read_layout

    data = read_layout(layout.value, root, texts, fold)
    output.say(f"{data.title}: {count(len(data.manifest.rows), 'picture')} read")
    for note in data.notes:
        output.say(note)
    return data


@contextmanager
def training_manifest(data: DataSet | None, manifest: Path | None, run: Path) -> Iterator[Path | None]:
    """What to learn from: the manifest as given, or the data set's training part, kept with the run."""
    if data is None:
        yield manifest
        return
    from core.data.layouts.freeze import frozen_training_part

    with frozen_training_part(data, run) as frozen:
        yield frozen


def source_words(data: DataSet | None) -> str:
    """Where a model's training data came from, for its card."""
    if data is None:
        return "the user's manifest"
    persons = "" if data.manifest.ranking.patients else ", where persons stand for lesions and patients"
    return f"the training part of {data.title}{persons}"


def tested_fold(layout: LayoutName | None, fold: int | None) -> int | None:
    """The fold that a training leaves for testing: Colo-Pair has no published training part."""
    return 1 if layout is LayoutName.COLOPAIR and fold is None else fold


def layout_facts(data: DataSet, fold: int | None) -> dict[str, Any]:
    """What a document says of the data: layout, notes, and the figures that others published."""
    from core.data.layouts.published import NOTE

    return {
        "layout": {"name": data.name, "title": data.title, "fold": fold, "notes": list(data.notes)},
        "published": [msgspec.to_builtins(one) for one in data.published],
        "published_note": NOTE,
    }
