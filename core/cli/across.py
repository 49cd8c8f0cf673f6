"""``evaluate --protocol cross-modal``: what a common space is worth on samples of several modalities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from core.cli.layouts import LayoutName
from core.errors import PolypTraceError
from core.inference.bundle import MANIFEST
from core.inference.registry import find_bundle
from core.paths import DataDir
from core.progress import CancelToken, ProgressSink, no_progress

if TYPE_CHECKING:
    from core.data.cross_modal.samples import CrossModal, Samples


def read_across(layout: LayoutName | None, root: Path | None) -> CrossModal:
    """A benchmark of features.

    Raises:
        typer.BadParameter: no folder, or a layout of pictures.
        PolypTraceError: as :func:`core.data.cross_modal.benchmarks.read_benchmark`.
    """
    from core.data.cross_modal.benchmarks import BENCHMARKS, read_benchmark

    if layout is None or not layout.across:
        raise typer.BadParameter(f"retrieval across modalities reads {', '.join(BENCHMARKS)}")
    if root is None:
        raise typer.BadParameter(f"give the folder of the data: --layout {layout.value} ROOT")
    return read_benchmark(layout.value, root)


def refuse_idle(given: Mapping[str, bool]) -> None:
    """Refuses options that retrieval across modalities has no use for.

    Args:
        given: option → whether it was given.

    Raises:
        typer.BadParameter: which ones.
    """
    if idle := [name for name, value in given.items() if value]:
        raise typer.BadParameter(f"{', '.join(idle)} can't go with --protocol cross-modal")


def asked_samples(
    layout: LayoutName | None, root: Path | None, features: Path | None, part: str
) -> CrossModal:
    """The samples of a benchmark, or of a file of one's own.

    Raises:
        typer.BadParameter: as :func:`read_across`.
        PolypTraceError: as :func:`read_across` and
            :func:`core.data.cross_modal.feature_sets.read_to_ask`.
    """
    if features is None:
        return read_across(layout, root)
    from core.data.cross_modal.feature_sets import read_to_ask

    return read_to_ask(features, part)


def evaluate_across(
    folder: DataDir,
    data: CrossModal,
    model: str,
    part: str,
    device: str,
    baselines: bool = True,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Figures of samples with the encoders of a model, beside canonical correlation.

    Args:
        model: id, folder or run.
        baselines: False leaves canonical correlation out.

    Returns:
        ``{model, data, map_all, map_50, precision_recall, average, baselines: {cca: {…}}, …}``.

    Raises:
        PolypTraceError: what can't be evaluated, in words.
        Cancelled: during canonical correlation.
    """
    from core.evaluation.peers import Peer, canonical_correlation
    from core.models.device import usable_device
    from core.models.drcl_bundle import load_space
    from core.training.drcl.embedding import space_figures

    run = folder.runs / model / "model"
    chosen = usable_device(device)
    bundle = run if (run / MANIFEST).is_file() else find_bundle(folder, model).folder
    info, space = load_space(bundle, chosen.name)
    held = data.parts.get(part, {})
    lengths = {name: one.shift.shape[-1] for name, one in space.encoders.items()}
    refuse_other_samples(info.manifest.model_id, lengths, held, f"{data.title}, part {part},")
    figures = space_figures(space.encoders, held)
    left_out = Peer(None, "Baselines weren't asked for.")
    peer = canonical_correlation(data, part, progress, cancel) if baselines else left_out
    return {
        "model": info.manifest.model_id,
        "device": chosen.name,
        "device_reason": chosen.reason,
        "protocol": "cross-modal",
        "data": {"name": data.name, "part": part, "sizes": data.sizes, "notes": list(data.notes)},
        **figures,
        "baselines": {"cca": peer.figures, "cca_reason": peer.reason},
        "published": data.published,
    }


def refuse_other_samples(
    model: str, lengths: Mapping[str, int], held: Mapping[str, Samples], title: str
) -> None:
    """Refuses samples that a space has no encoders for.

    Args:
        lengths: of a sample of each modality, as the model reads it.
        title: of the samples, to begin the sentence with.

    Raises:
        PolypTraceError: ``model-modality``.
    """
    why = ""
    if len(held) < 2:
        why = f"{title} has fewer than two modalities, and one alone has nothing to ask."
    elif missing := [name for name in held if name not in lengths]:
        why = f"The model {model} has no encoder for {', '.join(missing)}: it knows {', '.join(lengths)}."
    for name in () if why else held:
        if held[name].features.shape[1] != lengths[name]:
            own = held[name].features.shape[1]
            why = f"{title} has samples of {name} of length {own}; the model {model} reads {lengths[name]}."
    if why:
        raise PolypTraceError("model-modality", why, "Choose a model that was trained on such data.")
