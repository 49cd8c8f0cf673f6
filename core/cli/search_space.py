"""The common space that a command searches, with every clip in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.catalog.engine import Catalog
from core.cli.interrupt import cancel_by_interrupt
from core.cli.output import Output

if TYPE_CHECKING:
    from core.search.vectors import WordSpace


def prepared_space(catalog: Catalog, model: str | None, device: str, output: Output) -> WordSpace:
    """The space that was asked for or is in use; clips that it lacks are prepared first.

    Raises:
        PolypTraceError: as :func:`core.search.choice.open_space` and :func:`core.search.indexing.prepare`.
        Cancelled: what was prepared stays.
    """
    from core.inference.device import choose_device
    from core.inference.embedder import Embedder
    from core.search.choice import open_space, picture_model
    from core.search.indexing import find_unprepared, prepare

    if device != "auto":
        choose_device(device)  # a wrong one is told also where nothing is left to prepare
    space, folder = open_space(catalog, model), catalog.data_dir
    if find_unprepared(catalog, space)[0]:
        bundle = picture_model(folder, space).folder
        with output.progress() as progress, cancel_by_interrupt() as cancel:
            made = prepare(catalog, space, Embedder.open(bundle, device, folder.cache), progress, cancel)
        for failure in made.failed:
            output.warn(f"clip {failure.clip} is found by its description alone: {failure.reason}")
    return space
