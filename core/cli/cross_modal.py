"""``train drcl``: learning retrieval across modalities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import typer

from core.cli.across import read_across
from core.cli.drcl_source import as_begun, own_settings, source_of
from core.cli.figures import show_across
from core.cli.interrupt import cancel_by_interrupt
from core.cli.output import Output
from core.cli.train_wish import TrainWish, known_run
from core.cli.train_words import go_on_hint
from core.counting import count
from core.errors import Cancelled
from core.paths import DataDir

if TYPE_CHECKING:  # torch takes seconds to load
    from core.data.cross_modal.samples import CrossModal
    from core.inference.space import SearchInputs
    from core.search.categories import Kind
    from core.training.drcl.config import DrclSettings
    from core.training.drcl.run import DrclResult


def begin_drcl(output: Output, folder: DataDir, wish: TrainWish) -> None:
    """Trains a common space, and says what became of it.

    Raises:
        typer.BadParameter: options that can't go together.
        PolypTraceError: what is wrong with data or settings.
        Cancelled: stages that are finished stay.
    """
    known = known_run(folder, wish.resume)
    wish = as_begun(wish, known) if known else wish
    _check_wish(wish)
    settings = (own_settings(wish, known) if known else None) or _settings(wish)
    if wish.print_settings:
        from core.training.overrides import as_text

        typer.echo(as_text(settings))
        return
    _check_settings(settings, wish.device)
    from core.training.drcl.run import train_drcl
    from core.training.run_folder import new_run_folder

    data, inputs = _chosen(output, folder, wish, settings)
    if wish.dry_run:
        output.document({"settings": settings, **_facts(data)})
        output.say("Nothing was trained: without --dry-run it begins.")
        return
    run = known or new_run_folder(folder.runs, "drcl")
    output.say(f"run {run.name}; cancel with Ctrl+C, go on with --resume {run.name}")
    try:
        with output.progress() as progress, cancel_by_interrupt() as cancel:
            ears = (output.event, progress, cancel)
            done = train_drcl(data, run, settings, wish.device, *ears, inputs, source_of(wish))
    except Cancelled as cancelled:
        raise Cancelled(go_on_hint(run, folder, "drcl")) from cancelled
    _say_done(output, folder, data, done)


def _check_wish(wish: TrainWish) -> None:
    not_ours = {
        "--manifest": wish.manifest,
        "--texts": wish.texts,
        "--fold": wish.fold,
        "--start": wish.start,
        "--image-weights": wish.image_weights,
        "--text-folder": wish.text_folder,
        "--pretrain": wish.pretrain,
        "--videos": wish.videos,
        "--images": wish.images,
        "--catalogue": wish.catalogue,
        "--processes": wish.processes > 1,
        "ROOT": wish.root is not None and wish.layout is None,
    }
    if given := [name for name, value in not_ours.items() if value]:
        raise typer.BadParameter(
            f"{', '.join(given)} can't go with drcl: it learns from --features, --layout or --from-catalogue"
        )
    sources = sum((wish.features is not None, wish.layout is not None, wish.from_catalogue))
    if not wish.print_settings and sources != 1:
        raise typer.BadParameter("give one of --features FILE, --layout NAME ROOT and --from-catalogue")
    if wish.categories and not wish.from_catalogue:
        raise typer.BadParameter("--categories belongs to --from-catalogue")


def _settings(wish: TrainWish) -> DrclSettings:
    from core.training.drcl.presets import preset
    from core.training.overrides import with_assignments, with_file

    usual = "search" if wish.from_catalogue else "plain"
    name = wish.preset or (wish.layout.value if wish.layout and wish.layout.across else usual)
    chosen = preset(name)
    chosen = with_file(chosen, wish.config) if wish.config else chosen
    return with_assignments(chosen, wish.changes)


def _check_settings(settings: DrclSettings, device: str) -> None:
    """Refuses before long reading what can't train anyway."""
    from core.inference.device import choose_device
    from core.training.drcl.config import check

    check(settings)
    choose_device(device)


def _chosen(
    output: Output, folder: DataDir, wish: TrainWish, settings: DrclSettings
) -> tuple[CrossModal, SearchInputs | None]:
    """Reads what the options name, says what it found, and refuses settings that can't train on it."""
    from core.training.drcl.config import check
    from core.training.drcl.scaling import check_scaling

    inputs = None
    if wish.from_catalogue:
        data, inputs = _of_catalogue(output, folder, wish, settings.seed)
    elif wish.features is not None:
        from core.data.cross_modal.feature_sets import read_feature_set

        data = read_feature_set(wish.features, settings.seed)
    else:
        data = read_across(wish.layout, wish.root)
    output.say(f"{data.title}: {count(len(data.categories), 'category', 'categories')}")
    for part, own in data.sizes.items():
        output.say(f"  {part}: {', '.join(f'{count} of {name}' for name, count in own.items())}")
    for note in data.notes:
        output.say(note)
    check(settings, len(data.categories))
    check_scaling(data, settings.scaling)
    if idle := [name for name in settings.rates if name not in data.modalities]:
        output.warn(f"There is no modality {', '.join(idle)}: its learning rate isn't used.")
    return data, inputs


def _of_catalogue(
    output: Output, folder: DataDir, wish: TrainWish, seed: int
) -> tuple[CrossModal, SearchInputs]:
    """The catalogue's findings, with the pictures as the model in use embeds them."""
    from core.cli.options import embedder, existing
    from core.search.gathering import gather
    from core.search.samples import search_data

    kind: Kind = wish.categories or "fields"  # type: ignore[assignment]
    with existing(folder) as catalog, output.progress() as progress, cancel_by_interrupt() as cancel:
        loaded = embedder(folder, None, wish.device)
        found = gather(catalog, loaded, kind, seed, progress, cancel)
    made = search_data(found.parts, kind, seed)
    notes = (*found.notes, *made.data.notes)
    return msgspec.structs.replace(made.data, notes=notes), made.inputs(loaded.model_id)


def _say_done(output: Output, folder: DataDir, data: CrossModal, done: DrclResult) -> None:
    from core.inference.bundle import read_bundle
    from core.training.drcl.card import untested
    from core.training.publish import ship

    kept, _ = ship(read_bundle(done.bundle), folder.models / done.model)
    output.document(
        {
            "run": done.run.name,
            "model": done.model,
            "metrics": done.metrics,
            "published": data.published,
            "seconds": round(done.seconds, 1),
            "bundle": str(kept.folder),
            **_facts(data),
            "device": done.device.name,
            "device_reason": done.device.reason,
        }
    )
    prior = done.metrics["prior"]
    if prior["scores"]:
        scores = ", ".join(f"{name} {score:.3f}" for name, score in prior["scores"].items())
        output.say(f"prior of {prior['modality']} (quality scores: {scores})")
    if "map_all" in done.metrics:
        show_across(output, {**done.metrics, "published": data.published})
    else:
        output.say(untested(data))
    output.say(f"model {done.model} after {done.seconds:.0f} s: {kept.folder}")
    output.banner()


def _facts(data: CrossModal) -> dict[str, Any]:
    """What there is to learn from, for JSON."""
    facts = {"name": data.name, "sizes": data.sizes, "categories": list(data.categories)}
    return {"data": facts, "notes": list(data.notes)}
