"""What ``train`` was asked for, and which of its options go together."""

from __future__ import annotations

from pathlib import Path

import msgspec
import typer

from core.cli.layouts import LayoutName
from core.cli.pretraining import Way
from core.errors import PolypTraceError
from core.paths import DataDir
from core.retraining.runs import is_catalogue_run


class TrainWish(msgspec.Struct, frozen=True, kw_only=True):
    """The options of ``train`` as given; None, empty or False = not given.

    Args:
        root, layout, texts, fold: a public data set.
        features: ready features of several modalities, for DRCL.
        categories: what makes a kind, for DRCL from the catalogue.
        manifest: CSV file with one row a frame.
        preset, config, changes: settings by name, by file, and single ones.
        resume: the name or folder of a run.
        start, image_weights, text_folder: first weights.
        processes: on this computer, this one included.
        pretrain, videos, images, catalogue: learning without labels first.
        from_catalogue: learn from the catalogue's confirmed links.
        dry_run: only say what would train.
        print_settings: only print the settings.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    root: Path | None
    manifest: Path | None
    layout: LayoutName | None
    texts: Path | None
    fold: int | None
    features: Path | None
    categories: str | None
    preset: str | None
    config: Path | None
    changes: tuple[str, ...]
    resume: str | None
    start: str | None
    image_weights: str | None
    text_folder: str | None
    processes: int
    pretrain: Way | None
    videos: tuple[Path, ...]
    images: tuple[Path, ...]
    catalogue: bool
    from_catalogue: bool
    dry_run: bool
    print_settings: bool
    device: str

    @property
    def names_data(self) -> bool:
        """Whether a manifest or a data set is named."""
        return bool(self.manifest or self.layout or self.root or self.texts or self.fold)


def known_run(folder: DataDir, resume: str | None) -> Path | None:
    """The folder of the run to go on with; None where none is wished for.

    Raises:
        PolypTraceError: ``run-unknown``.
    """
    if resume is None:
        return None
    found = Path(resume) if Path(resume).is_dir() else folder.runs / resume
    begun = any((found / part / "config.json").is_file() for part in ("", "pretrain"))
    if not begun and not is_catalogue_run(found):
        raise PolypTraceError(
            "run-unknown", f"There is no run “{resume}” to go on with.", f"Runs lie in {folder.runs}."
        )
    return found


def from_catalogue(wish: TrainWish, known: Path | None) -> bool:
    """Whether the catalogue's confirmed links are learnt from, by this wish or by the run's."""
    return wish.from_catalogue or (known is not None and is_catalogue_run(known))


def check_wish(wish: TrainWish, known: Path | None) -> None:
    """Refuses options that can't go together.

    Args:
        known: the run to go on with.

    Raises:
        typer.BadParameter: which ones, and what to do.
    """
    if wish.features or wish.categories:
        raise typer.BadParameter("--features and --categories belong to `train drcl`")
    if known:
        _check_resume(wish)
    if from_catalogue(wish, known):
        _check_catalogue(wish)
        return
    if wish.dry_run:
        raise typer.BadParameter("--dry-run belongs to --from-catalogue")
    if (wish.videos or wish.images or wish.catalogue) and not wish.pretrain:
        raise typer.BadParameter("--videos, --images and --catalogue belong to --pretrain tracklets")
    if not (wish.print_settings or wish.manifest or wish.layout or wish.resume or wish.pretrain):
        raise typer.BadParameter(
            "give --manifest, --layout or --from-catalogue, or --resume with the name of a run"
        )
    if wish.layout and (wish.manifest or wish.resume or wish.pretrain):
        raise typer.BadParameter(
            "--layout goes without --manifest, --resume and --pretrain (learn without labels first, then "
            "give what it wrote as --image-weights)"
        )


def _check_resume(wish: TrainWish) -> None:
    begun_with = {
        "--preset": wish.preset,
        "--config": wish.config,
        "--set": wish.changes,
        "--start": wish.start,
        "--image-weights": wish.image_weights,
        "--text-folder": wish.text_folder,
        "--pretrain": wish.pretrain,
        "--videos": wish.videos,
        "--images": wish.images,
        "--catalogue": wish.catalogue,
        "--print-settings": wish.print_settings,
        "--dry-run": wish.dry_run,
    }
    if given := [name for name, value in begun_with.items() if value]:
        raise typer.BadParameter(
            f"{', '.join(given)} can't go with --resume: a run goes on with the settings and sources that it "
            "began with; leave out --resume to start a new one"
        )


def _check_catalogue(wish: TrainWish) -> None:
    weights = wish.start or wish.image_weights or wish.text_folder
    unlabelled = wish.pretrain or wish.videos or wish.images or wish.catalogue
    if wish.names_data or weights or unlabelled or wish.processes > 1 or wish.print_settings:
        raise typer.BadParameter(
            "--from-catalogue goes on from the model in use, in one process: with it go --preset, "
            "--config, --set, --resume, --device and --dry-run"
        )
