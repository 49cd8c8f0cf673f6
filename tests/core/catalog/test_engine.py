"""The file: migration, settings of each connection, several writers, files that aren't ours."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.schema import CreateIndex, CreateTable

from core.catalog import migrate, operations, queries
from core.catalog.engine import Catalog
from core.catalog.files import REVISIONS
from core.catalog.schema import APPEND_ONLY, Base
from core.domain import Verdict
from core.errors import PolypTraceError
from core.paths import DataDir

_WRITER = """
import sys
from pathlib import Path
from core.catalog import operations
from core.catalog.engine import Catalog
from core.paths import DataDir
root, who, count = sys.argv[1:]
with Catalog.open(DataDir(Path(root)), busy_timeout_s=60) as catalog:
    for n in range(int(count)):
        operations.add_patient(catalog, f"{who}-{n}", author=who)
        operations.record_event(catalog, "note", f"{who} {n}", author=who)
"""


def test_migrating_from_empty_to_head_gives_exactly_the_schema(data_dir: DataDir) -> None:
    assert not data_dir.catalogue.exists()
    with Catalog.open(data_dir) as catalog, catalog.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == REVISIONS[-1]


def test_partial_indexes_and_checks_are_the_schema_s_too(catalog: Catalog, tmp_path: Path) -> None:
    """What Alembic doesn't compare: the statements themselves."""
    made = sqlite3.connect(tmp_path / "plain.sqlite")
    with catalog.read() as connection:
        engine = connection.engine
        for table in Base.metadata.sorted_tables:
            made.execute(str(CreateTable(table).compile(engine)))
            for index in table.indexes:
                made.execute(str(CreateIndex(index).compile(engine)))
        query = "SELECT type, name, sql FROM sqlite_master WHERE type IN ('table', 'index')"
        migrated = {row[:2]: _facts(row[2]) for row in connection.exec_driver_sql(query)}
    plain = {row[:2]: _facts(row[2]) for row in made.execute(query)}
    made.close()
    migrated.pop(("table", "alembic_version"))
    assert {key: value for key, value in migrated.items() if "alembic" not in key[1]} == plain


def _facts(sql: str | None) -> list[str]:
    """The words of a statement, whatever the order of its columns and constraints."""
    return sorted(re.findall(r"[^\s,()]+", sql or ""))


def test_every_shipped_migration_is_known_to_the_opener() -> None:
    shipped = [script.revision for script in migrate.scripts().walk_revisions()]
    assert tuple(reversed(shipped)) == REVISIONS


def test_opening_again_changes_nothing(catalog: Catalog, data_dir: DataDir, dump: Any) -> None:
    operations.add_patient(catalog, "P-1", author="a")
    before = dump(catalog)
    with Catalog.open(data_dir) as again:
        assert dump(again) == before


def test_each_connection_has_wal_foreign_keys_full_sync_and_a_busy_timeout(data_dir: DataDir) -> None:
    with Catalog.open(data_dir, busy_timeout_s=7.0) as catalog:
        for block in (catalog.read, catalog.write):
            with block() as connection:
                asked = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
                found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
                assert found == ["wal", 1, 2, 7000]


def test_foreign_keys_are_enforced(catalog: Catalog) -> None:
    exam = "INSERT INTO exams (patient_id, date, facts) VALUES (99, '2020-01-01', '{}')"
    with pytest.raises(PolypTraceError, match="changed in the meantime"), catalog.write() as connection:
        connection.execute(text(exam))


def test_an_exception_inside_a_write_keeps_nothing(catalog: Catalog, dump: Any) -> None:
    before = dump(catalog)

    def broken() -> None:
        with catalog.write() as connection:
            patient = "INSERT INTO patients (code, code_folded, facts) VALUES ('P', 'p', '{}')"
            connection.execute(text(patient))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert dump(catalog) == before


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("deed", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_logs_can_only_grow(case: Any, table: str, deed: str) -> None:
    catalog, (finding, _) = case.catalog, case.findings[0]
    operations.describe(catalog, finding, {"size_mm": 8}, author="a")
    _new(catalog, finding)
    with catalog.read() as connection:
        assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() > 0
    with pytest.raises(PolypTraceError) as caught, catalog.write() as connection:
        connection.exec_driver_sql(deed.format(table))
    assert "append-only" in str(caught.value.__cause__)


def _new(catalog: Catalog, finding: int) -> None:
    operations.give_verdict(catalog, Verdict.NEW, finding_id=finding, author="a")


def test_a_reader_sees_one_moment_while_another_writes(catalog: Catalog) -> None:
    count = text("SELECT count(*) FROM patients")
    with catalog.read() as connection:
        assert connection.execute(count).scalar() == 0
        thread = threading.Thread(
            target=operations.add_patient, args=(catalog, "P-1"), kwargs={"author": "a"}
        )
        thread.start()
        thread.join()
        assert connection.execute(count).scalar() == 0
    assert len(queries.patients(catalog)) == 1


def test_a_writer_that_waits_too_long_says_so(data_dir: DataDir) -> None:
    with Catalog.open(data_dir) as one, Catalog.open(data_dir, busy_timeout_s=0.1) as other, one.write():
        with pytest.raises(PolypTraceError) as caught:
            operations.add_patient(other, "P-1", author="a")
        assert caught.value.code == "catalogue-busy"
        assert queries.patients(other) == []


def test_two_processes_make_one_catalogue_and_lose_no_write(data_dir: DataDir) -> None:
    each = 10
    command = [sys.executable, "-c", _WRITER, str(data_dir.root)]
    running = [
        subprocess.Popen([*command, who, str(each)], stderr=subprocess.PIPE) for who in ("left", "right")
    ]
    errors = [process.communicate(timeout=60)[1].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    with Catalog.open(data_dir) as catalog:
        codes = {patient.code for patient in queries.patients(catalog)}
        assert codes == {f"{who}-{n}" for who in ("left", "right") for n in range(each)}
        actions = [event.action for event in queries.audit_events(catalog)]
        assert actions.count("add-patient") == 2 * each
        assert actions.count("note") == 2 * each
        assert queries.broken_audit_event(catalog) is None
        assert catalog.problems() == []


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE other (id)")
    connection.close()


def _newer(path: Path) -> None:
    Catalog.open(DataDir(path.parent)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'r9999'")
    connection.close()


def _damaged(path: Path) -> None:
    with Catalog.open(DataDir(path.parent)) as catalog:
        for n in range(200):
            operations.record_event(catalog, "note", f"key-{n}", detail={"x": "x" * 200}, author="a")
    whole = bytearray(path.read_bytes())
    whole[4096 * 3 : 4096 * 6] = b"\xff" * 4096 * 3
    path.write_bytes(bytes(whole))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (
            lambda path: path.write_text("not a database, but long enough to be read as one"),
            "catalogue-foreign",
        ),
        (lambda path: path.mkdir(), "catalogue-foreign"),
        (_foreign, "catalogue-foreign"),
        (_newer, "catalogue-newer"),
        (_damaged, "catalogue-corrupt"),
    ],
)
def test_a_file_that_isn_t_ours_is_refused_in_words_and_left_alone(
    data_dir: DataDir, spoil: Any, code: str
) -> None:
    data_dir.root.mkdir()
    path = data_dir.catalogue
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(PolypTraceError) as caught:
        Catalog.open(data_dir)
    assert caught.value.code == code
    assert caught.value.hint
    assert json.dumps(caught.value.as_dict())
    assert (path.read_bytes() if path.is_file() else None) == before
