"""What ``train`` is asked about learning without labels, and what it says about it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.output import Output
from core.counting import count
from core.paths import DataDir

if TYPE_CHECKING:
    from core.training.tracklet_sources import TrackletSources
    from core.training.tracklets import PretrainResult


class Way(StrEnum):
    """How the image encoder learns without labels."""

    TRACKLETS = "tracklets"


Pretrain = Annotated[
    Way | None,
    typer.Option(
        "--pretrain",
        help="Learn the image encoder without labels first: from --videos, --images or --catalogue, else "
        "from the manifest's own clips.",
    ),
]
Videos = Annotated[
    list[Path] | None,
    typer.Option("--videos", metavar="FOLDER|FILE", help="Unlabelled videos; repeatable."),
]
Images = Annotated[
    list[Path] | None, typer.Option("--images", metavar="FOLDER", help="Unlabelled stills; repeatable.")
]
CatalogueFlag = Annotated[
    bool, typer.Option("--catalogue", help="The catalogue's videos, as unlabelled ones; marked clips count.")
]


def unlabelled_sources(
    videos: Sequence[Path], images: Sequence[Path], catalogue: DataDir | None, manifest: Path | None
) -> TrackletSources:
    """What ``--pretrain`` learns from.

    Raises:
        PolypTraceError: as :func:`core.training.tracklet_sources.check_sources`.
    """
    from core.training.tracklet_sources import TrackletSources, check_sources  # here: torch takes seconds

    sources = TrackletSources(
        videos=tuple(str(path.absolute()) for path in videos),
        images=tuple(str(path.absolute()) for path in images),
        catalogue=str(catalogue.root.absolute()) if catalogue else None,
        manifest=str(manifest.absolute()) if manifest else None,
    )
    check_sources(sources)
    return sources


def say_learnt(output: Output, run: str, learnt: PretrainResult, alone: bool) -> None:
    """What learning without labels gave; the document only where no training followed."""
    for note in learnt.notes:
        output.say(note)
    found = ""
    if learnt.found is not None and learnt.chance is not None:
        found = (
            f"; {learnt.found:.0%} of held-out views find their tracklet ({learnt.chance:.0%} by guessing)"
        )
    output.say(
        f"image encoder learnt from {count(learnt.tracklets, 'tracklet')} ({count(learnt.crops, 'crop')}) "
        f"in {count(learnt.steps, 'step')}, {learnt.seconds:.0f} s{found}: {learnt.weights}"
    )
    if not alone:
        return
    output.document({"run": run, "image_weights": learnt.weights, **_figures(learnt)})
    output.say("There are no labels to go on with. Where there are:")
    output.say(f"  polyptrace train dmcl --preset compact --manifest FILE --image-weights {learnt.weights}")
    output.banner()


def _figures(learnt: PretrainResult) -> dict[str, object]:
    return {
        "tracklets": learnt.tracklets,
        "crops": learnt.crops,
        "films": learnt.films,
        "held": learnt.held,
        "steps": learnt.steps,
        "loss": learnt.loss,
        "found": learnt.found,
        "chance": learnt.chance,
        "seconds": round(learnt.seconds, 1),
        "notes": learnt.notes,
    }
