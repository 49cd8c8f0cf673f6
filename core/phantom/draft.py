"""An output folder that is either whole or as it was: work goes into a draft inside it, moved at the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from core.errors import PolypTraceError

MANIFEST = "manifest.csv"
_DRAFT = ".draft"


@contextmanager
def draft_of(folder: Path, names: tuple[str, ...]) -> Iterator[Path]:
    """Gives a fresh draft folder with the subfolders ``names``; publishes it when the block ends well.

    The manifest moves last, so that whoever sees it finds everything. After an error or a cancel the draft is
    gone, and so is ``folder`` if it wasn't there before.

    Raises:
        PolypTraceError: ``phantom-folder-taken`` when the folder holds one of the names already,
            ``phantom-folder-unwritable`` when it can't be made.
    """
    existed = folder.exists()
    taken = existed and (not folder.is_dir() or any((folder / name).exists() for name in (*names, MANIFEST)))
    if taken:
        raise PolypTraceError(
            "phantom-folder-taken",
            f"{folder.name} already holds other data.",
            "Choose an empty folder, or delete this one first.",
        )
    draft = folder / _DRAFT
    try:
        shutil.rmtree(draft, ignore_errors=True)
        for name in names:
            (draft / name).mkdir(parents=True)
    except OSError as error:
        raise PolypTraceError(
            "phantom-folder-unwritable",
            f"{folder.name} can't be written.",
            "Choose another folder.",
            cause=str(error),
        ) from error
    try:
        yield draft
        _publish(folder, names)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if not existed and not (folder / MANIFEST).exists():
            shutil.rmtree(folder, ignore_errors=True)


def holds(folder: Path, names: tuple[str, ...], record: str, settings: msgspec.Struct) -> bool:
    """Whether the folder already holds, whole, what ``settings`` describe (kept in the file ``record``).

    Work that was killed while it was being published is published to its end first.
    """
    if (folder / _DRAFT / MANIFEST).exists():  # written last, so that all the rest is there
        _publish(folder, names)
    file = folder / record
    if not (file.exists() and (folder / MANIFEST).exists()):
        return False
    try:
        return bool(msgspec.json.decode(file.read_bytes(), type=type(settings)) == settings)
    except msgspec.MsgspecError:
        return False


def _publish(folder: Path, names: tuple[str, ...]) -> None:
    """Moves everything that still lies in the draft to its place, the manifest last."""
    draft = folder / _DRAFT
    for name in (*names, MANIFEST):
        if (draft / name).exists():
            (draft / name).rename(folder / name)
    shutil.rmtree(draft)
