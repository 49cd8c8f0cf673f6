"""Which common space searches a catalogue, and which model embeds the pictures for it."""

from __future__ import annotations

from core.errors import PolypTraceError
from core.inference.bundle import BundleInfo
from core.inference.registry import find_bundle, search_folder
from core.inference.space import SpaceReader
from core.paths import DataDir
from core.search.vectors import WordSpace


def open_space(folder: DataDir, model: str | None = None) -> WordSpace:
    """The space that was asked for, or the shipped one.

    Args:
        model: id, the beginning of one, or a bundle's folder.

    Raises:
        PolypTraceError: ``search-model-missing`` when none is shipped; ``space-not-of-clips``; as
            :func:`core.inference.registry.find_bundle` and :meth:`core.inference.space.SpaceReader.open`.
    """
    bundle = find_bundle(folder, model).folder if model else search_folder()
    if bundle is None:
        raise PolypTraceError(
            "search-model-missing",
            "Nothing can be found by words: the search model isn't part of this installation.",
            "Install PolypTrace again, or name a model of your own with --model.",
        )
    return WordSpace(SpaceReader.open(bundle))


def picture_model(folder: DataDir, space: WordSpace) -> BundleInfo:
    """The bundle whose embeddings of pictures a space reads.

    Raises:
        PolypTraceError: ``model-unknown`` when it isn't there any more.
    """
    return find_bundle(folder, space.pictures_of)
