"""EigenGradCAM of one pair of clips, on the best crop of each. torch is loaded only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from core.catalog import queries
from core.catalog.engine import Catalog
from core.errors import PolypTraceError
from core.explain.overlay import OPACITY, write_layers, write_overlays
from core.inference.bundle import BundleInfo
from core.matching.context import TextFit, contexts
from core.matching.footage import open_reader
from core.matching.gallery import refuse_undescribed
from core.matching.sampling import Picture, best_crop, source_of
from core.matching.values import CropSource
from core.progress import CancelToken, Progress, ProgressSink, no_progress

if TYPE_CHECKING:
    from core.explain.pair import ExplainModel

    Opener = Callable[[Path, str], ExplainModel]


class ExplainedSide(msgspec.Struct, frozen=True):
    """One clip of the pair: the crop the map lies on, and what the model saw."""

    clip: int
    crop: Picture
    source: CropSource
    text: str | None


def explain_clips(
    catalog: Catalog,
    bundle: BundleInfo,
    clip_id: int,
    other_id: int,
    out: Path,
    *,
    device: str = "auto",
    opacity: float = OPACITY,
    layers: bool = False,
    opener: Opener | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Writes both overlays into ``out`` and returns the JSON document of ``explain``.

    Args:
        clip_id: the query.
        other_id: the candidate; another clip than the query.
        out: folder for ``query.png`` and ``candidate.png``; made when missing.
        opacity: of the map over the picture, 0…1.
        layers: also write each side's crop and map apart and name them in the document, as
            :class:`core.explain.overlay.LayerFiles` says.
        opener: opens a bundle on a device; by default :func:`core.explain.pair.open_model`, each time anew.

    Raises:
        PolypTraceError: ``clip-unknown``, ``explain-same-clip``, ``match-not-described``, or what
            opening the model, a video or the folder refuses.
        Cancelled: the user cancelled.
    """
    if clip_id == other_id:
        raise PolypTraceError(
            "explain-same-clip", "A clip can't be explained against itself.", "Name another clip with --with."
        )
    refuse_undescribed(catalog, queries.clip(catalog, clip_id))
    sides = [explained_side(catalog, bundle, clip, cancel) for clip in (clip_id, other_id)]
    progress(Progress("explaining", 1, 3))
    # Here and not above: matching itself must not load torch, which takes seconds.
    from core.explain.pair import Shown, explain_pair, open_model

    model = (opener or open_model)(bundle.folder, device)
    query, candidate = (Shown(side.crop, side.text) for side in sides)
    explanation = explain_pair(model, query, candidate)
    progress(Progress("explaining", 2, 3))
    files = write_overlays(explanation, query.crop, candidate.crop, out, opacity)
    document: dict[str, Any] = msgspec.to_builtins(files)
    if layers:
        maps = {"query": (query, explanation.query), "candidate": (candidate, explanation.candidate)}
        for name, (shown, side_map) in maps.items():
            document[name] |= msgspec.to_builtins(write_layers(name, shown.crop, side_map, out))
    progress(Progress("explaining", 3, 3))
    document["compared"] = "the best crop of each clip; a ranking's score pools up to six"
    document |= {"device": files.device.name, "device_reason": files.device.reason}
    for name, side in zip(("query", "candidate"), sides, strict=True):
        document[name] |= {"clip": side.clip, "source": side.source.value}
    return document


def explained_side(
    catalog: Catalog, bundle: BundleInfo, clip_id: int, cancel: CancelToken | None = None
) -> ExplainedSide:
    """The best crop of a clip with its model text.

    Raises:
        PolypTraceError: ``clip-unknown``, or the video refuses.
    """
    context = contexts(catalog, [queries.clip(catalog, clip_id)], TextFit.of(bundle))[0]
    if cancel is not None:
        cancel.raise_if_cancelled()
    region = context.video.region
    with open_reader(catalog, context.video) as reader:
        crop = best_crop(reader, context.clip, region, context.video.text_boxes)
    return ExplainedSide(clip_id, crop, source_of(context.clip, region), context.text)
