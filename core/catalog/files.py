"""Looks at the catalogue's file before anything touches it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from core.catalog.faults import sentence, translate
from core.catalog.schema import APPLICATION_ID
from core.errors import PolypTraceError
from core.paths import DataDir

REVISIONS = ("r0001", "r0002")
"""All schema revisions, oldest first. Known here so that opening needs no Alembic."""

_SMALLEST = 512
"""Bytes of the smallest page, so of the smallest file that holds anything."""
_CHECKED_WHOLE = 4 * 1024 * 1024
"""Files up to this size (bytes) are checked whole at every opening: that takes a few milliseconds."""


def prepare_folder(data_dir: DataDir) -> None:
    """Makes the data folder.

    Raises:
        PolypTraceError: ``catalogue-read-only`` when that isn't allowed or something else is in its place.
    """
    try:
        data_dir.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PolypTraceError(
            "catalogue-read-only",
            f"The data folder {data_dir.root} can't be made.",
            "Choose a folder that you may write to with --data-dir.",
        ) from error
    if not os.access(data_dir.root, os.W_OK):
        raise sentence(sqlite3.SQLITE_READONLY)


def revision_of(path: Path) -> str | None:
    """The schema revision of a catalogue's file; None for one that is still to be made.

    Raises:
        PolypTraceError: ``catalogue-foreign``, ``catalogue-corrupt``, ``catalogue-newer`` or a failure to
            open it. The file is left as it is.
    """
    if path.is_dir():
        raise sentence(sqlite3.SQLITE_NOTADB)
    if not path.exists():
        return None
    try:
        return _look(path)
    except (OSError, sqlite3.Error) as error:
        known = translate(error)
        raise known or sentence(sqlite3.SQLITE_CANTOPEN) from error


def _look(path: Path) -> str | None:
    # Never open the file but by SQLite: closing any other handle drops all locks that this process holds on
    # it (POSIX), and another process would take the log away under an open catalogue
    # (sqlite.org/howtocorrupt.html, section 2.2).
    if 0 < path.stat().st_size < _SMALLEST:
        raise sentence(sqlite3.SQLITE_NOTADB)  # SQLite would take it for an empty file of its own
    unclean = _size(path.with_name(path.name + "-wal")) > 0
    with contextlib.closing(sqlite3.connect(path, timeout=5.0)) as connection:
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if not tables:
            return None
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION_ID or "alembic_version" not in tables:
            raise sentence(sqlite3.SQLITE_NOTADB)
        if unclean or path.stat().st_size <= _CHECKED_WHOLE:
            _check_pages(connection)
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or (None,)
    if revision not in REVISIONS:
        raise PolypTraceError(
            "catalogue-newer",
            "This catalogue was made by a newer version of PolypTrace.",
            "Update PolypTrace, or choose another folder with --data-dir. The file was left as it is.",
        )
    return str(revision)


def _check_pages(connection: sqlite3.Connection) -> None:
    (first,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if first != "ok":
        raise sentence(sqlite3.SQLITE_CORRUPT)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
