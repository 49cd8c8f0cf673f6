"""Opens the catalogue: one SQLite file in WAL mode, many readers, one writer at a time."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import DatabaseError

from core.catalog import migrate, schema
from core.catalog.faults import sentence, translate
from core.catalog.files import REVISIONS, prepare_folder, revision_of
from core.paths import DataDir

BUSY_TIMEOUT_S = 10.0
_CACHE_KIB = 32 * 1024
"""Most pages that a connection keeps; by default 2 MiB, which 10 000 clips' rows fill already."""


class Catalog:
    """An open catalogue. Safe to use from several threads; one writes at a time, readers never wait.

    Reads are functions of :mod:`core.catalog.queries`, writes of :mod:`core.catalog.operations`.
    """

    def __init__(self, data_dir: DataDir, engine: Engine, busy_timeout_s: float) -> None:
        self.data_dir = data_dir
        self._engine = engine
        self._busy_timeout_s = busy_timeout_s
        self._writer = threading.Lock()

    @classmethod
    def open(cls, data_dir: DataDir, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Self:
        """Opens the catalogue of a data folder; makes it, or brings its schema up to date, where needed.

        Args:
            data_dir: its folder is made when it isn't there.
            busy_timeout_s: how long a write waits for another program's, in seconds.

        Raises:
            PolypTraceError: ``catalogue-foreign``, ``catalogue-corrupt``, ``catalogue-newer``,
                ``catalogue-read-only``, ``catalogue-unreachable`` or ``catalogue-busy``. The file is never
                overwritten.
        """
        prepare_folder(data_dir)
        revision = revision_of(data_dir.catalogue)
        catalog = cls(data_dir, _engine(data_dir, busy_timeout_s), busy_timeout_s)
        if revision != REVISIONS[-1]:
            with catalog.write() as connection:
                migrate.upgrade(connection)
        return catalog

    def close(self) -> None:
        """Closes all connections; the last one folds the write-ahead log into the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the catalogue, untouched by writes that end later."""
        with _in_words(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: everything inside is kept, or nothing when an exception leaves the block.

        Not for use inside itself: an operation is one transaction.

        Raises:
            PolypTraceError: ``catalogue-busy`` when another writer doesn't finish in time.
        """
        if not self._writer.acquire(timeout=self._busy_timeout_s):
            raise sentence(sqlite3.SQLITE_BUSY)
        try:
            with _in_words(), self._engine.connect() as connection:
                connection = connection.execution_options(polyptrace_write=True)
                with connection.begin():
                    yield connection
        finally:
            self._writer.release()

    def counts(self) -> dict[str, int]:
        """How many rows of each kind there are; removed clips and findings don't count."""
        kinds: dict[str, Any] = {
            "patients": select(func.count()).select_from(schema.PatientRow),
            "exams": select(func.count()).select_from(schema.ExamRow),
            "videos": select(func.count()).select_from(schema.VideoRow),
            "clips": select(func.count()).where(schema.ClipRow.removed.is_(False)),
            "findings": select(func.count()).where(schema.FindingRow.removed.is_(False)),
            "models": select(func.count()).select_from(schema.ModelVersionRow),
            "vectors": select(func.count()).select_from(schema.VectorRow),
        }
        with self.read() as connection:
            return {kind: int(connection.execute(query).scalar_one()) for kind, query in kinds.items()}

    def problems(self) -> list[str]:
        """What a full integrity check of the file finds; empty when it is sound."""
        with self.read() as connection:
            pages = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
            loose = [
                f"row of {row[0]} without its {row[2]}"
                for row in connection.exec_driver_sql("PRAGMA foreign_key_check")
            ]
        return [line for line in pages if line != "ok"] + loose


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except (DatabaseError, sqlite3.Error) as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error


def _engine(data_dir: DataDir, busy_timeout_s: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(data_dir.catalogue)),
        connect_args={"timeout": busy_timeout_s, "isolation_level": None},
        max_overflow=-1,
        hide_parameters=True,
        json_serializer=lambda value: json.dumps(value, ensure_ascii=False, allow_nan=False),
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _: object) -> None:
    """Settings that SQLite forgets with each connection.

    FULL syncs the log at each commit: what was saved survives a power cut, not only a killed program.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def _on_begin(connection: Connection) -> None:
    """Writers take the lock at once: a reader that turns writer midway could only fail."""
    writes = connection.get_execution_options().get("polyptrace_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
