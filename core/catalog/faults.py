"""Database failures as sentences."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DatabaseError, IntegrityError

from core.errors import PolypTraceError

_SENTENCES: dict[int, tuple[str, str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "catalogue-busy",
        "Another program is writing to the catalogue.",
        "Wait until it has finished and try again; nothing was changed.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "catalogue-busy",
        "Another part of the program is writing to the catalogue.",
        "Try again in a moment; nothing was changed.",
    ),
    sqlite3.SQLITE_READONLY: (
        "catalogue-read-only",
        "The catalogue can't be written.",
        "Give yourself the right to write in the data folder, or choose another one with --data-dir.",
    ),
    sqlite3.SQLITE_PERM: (
        "catalogue-read-only",
        "The catalogue can't be written.",
        "Give yourself the right to write in the data folder, or choose another one with --data-dir.",
    ),
    sqlite3.SQLITE_FULL: (
        "disk-full",
        "The disk is full, so the catalogue couldn't be saved.",
        "Free some space and try again; nothing was changed.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "catalogue-unreachable",
        "The catalogue's file can't be opened.",
        "Check that the data folder exists, is connected and may be written.",
    ),
    sqlite3.SQLITE_IOERR: (
        "catalogue-unreachable",
        "Reading or writing the catalogue's file failed.",
        "Check the disk or the network drive that holds the data folder.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "catalogue-corrupt",
        "The catalogue's file is damaged.",
        "It was left as it is: restore a backup into another folder, or choose another one with --data-dir.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "catalogue-foreign",
        "The file in the catalogue's place is not a catalogue.",
        "It was left as it is: move it away, or choose another folder with --data-dir.",
    ),
}


def sentence(kind: int) -> PolypTraceError:
    """The error for a primary SQLite result code that has a sentence here."""
    return PolypTraceError(*_SENTENCES[kind])


def translate(error: BaseException | None) -> PolypTraceError | None:
    """A database failure in words; None when it is a fault of the program and should be seen as one."""
    cause = error.orig if isinstance(error, DatabaseError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in _SENTENCES:
        return sentence(primary)
    if isinstance(error, IntegrityError | sqlite3.IntegrityError):
        return PolypTraceError(
            "catalogue-conflict",
            "The catalogue changed in the meantime, so this couldn't be saved.",
            "Look at what is there now and try again; nothing was changed.",
        )
    return None
