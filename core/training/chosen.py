"""The settings of a run as somebody wishes them: a preset, changed by a file, by name and by options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from core.errors import PolypTraceError
from core.training.config import TrainConfig, check
from core.training.overrides import with_assignments, with_file
from core.training.presets import preset
from core.training.start import bundle_config, bundle_folder, check_start, fits


def chosen_settings(
    name: str,
    file: Path | None = None,
    assignments: Sequence[str] = (),
    *,
    complete: bool = True,
    **start: str | None,
) -> TrainConfig:
    """A preset with the wishes in their order: file, ``NAME=VALUE``, first weights.

    Where the run goes on from a model, its network is what the wishes change.

    Args:
        name: of the preset.
        file: JSON as :func:`core.training.overrides.with_file` takes it.
        assignments: as :func:`core.training.overrides.with_assignments` takes them.
        complete: whether first weights that the settings ask for must be named.
        start: fields of :class:`core.training.config.Start`; None leaves one as it is.

    Raises:
        PolypTraceError: what doesn't fit, in words; ``model-fixed`` where a trained network can't be changed.
    """
    wished = _changed(preset(name), file, assignments, start)
    folder = bundle_folder(wished.start)
    if folder is not None:
        known = bundle_config(folder)
        wished = _changed(msgspec.structs.replace(preset(name), model=known), file, assignments, start)
        if not fits(wished.model, known):
            raise PolypTraceError(
                "model-fixed",
                "This run goes on from a trained model, so the shape of its network can't be changed.",
                "Choose --preset compact, or --set start.starter=false, to begin with random weights.",
            )
    check(wished)
    if complete:
        check_start(wished.start)
    return wished


def _changed(
    config: TrainConfig, file: Path | None, assignments: Sequence[str], start: dict[str, str | None]
) -> TrainConfig:
    config = with_file(config, file) if file else config
    config = with_assignments(config, assignments)
    named = {field: value for field, value in start.items() if value is not None}
    return msgspec.structs.replace(config, start=msgspec.structs.replace(config.start, **named))
