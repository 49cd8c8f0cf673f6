"""Brings a catalogue's schema to the present revision. Alembic is loaded only when there is work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from core.catalog.schema import APPLICATION_ID

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Runs the missing migrations inside the connection's transaction: all of them or none."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    directory = scripts()

    def steps(revision: Any, _: Any) -> Any:
        return directory._upgrade_revs("head", revision)

    with EnvironmentContext(Config(), directory, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def scripts() -> ScriptDirectory:
    """The shipped migrations."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS / "versions")])
