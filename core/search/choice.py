"""Which common space searches a catalogue, and which model embeds the pictures for it."""

from __future__ import annotations

from core.catalog.engine import Catalog
from core.domain import DRCL
from core.inference.bundle import BundleInfo
from core.inference.registry import find_bundle
from core.inference.space import SpaceReader
from core.matching.model_choice import bundle_of
from core.paths import DataDir
from core.search.vectors import WordSpace


def open_space(catalog: Catalog, model: str | None = None, known: WordSpace | None = None) -> WordSpace:
    """The space that was asked for, or the one in use: a promoted one, else the shipped one.

    Args:
        model: id, the beginning of one, or a bundle's folder.
        known: one that was opened before, which is returned where it is the same.

    Raises:
        PolypTraceError: ``search-model-missing`` when none is shipped; ``space-not-of-clips``; as
            :func:`core.inference.registry.find_bundle` and :meth:`core.inference.space.SpaceReader.open`.
    """
    bundle = bundle_of(catalog, model, DRCL)
    if known is not None and known.model_id == bundle.manifest.model_id:
        return known
    return WordSpace(SpaceReader.open(bundle.folder))


def picture_model(folder: DataDir, space: WordSpace) -> BundleInfo:
    """The bundle whose embeddings of pictures a space reads.

    Raises:
        PolypTraceError: ``model-unknown`` when it isn't there any more.
    """
    return find_bundle(folder, space.pictures_of)
