"""Bringing a database to the newest schema: alembic's migrations, run from inside the package.

Nobody needs an alembic.ini. Where the database already has the newest schema, alembic is not even imported: it costs a
fifth of a second and 10 MB at every start.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from .database import Database
from .errors import SchemaError

HEAD: Final = "0002"
"""The newest revision in migrations/versions; a test compares them."""

VERSION_TABLE: Final = "memory_schema"
MIGRATIONS: Final = Path(__file__).with_name("migrations")
_LOCK: Final = 0x6C776D6D
"""`lwmm`: the advisory lock on PostgreSQL under which one process at a time migrates."""


def upgrade(url: str | os.PathLike[str]) -> None:
    """Make the tables at `url`, or bring them up to date, in one transaction. Raises SchemaError, StoreUnavailable."""
    database = Database(url)
    try:
        bring_up_to_date(database)
    finally:
        database.close()


def bring_up_to_date(database: Database) -> None:
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if revision(connection) != HEAD:
            _migrate(connection)


def revision(connection: Connection) -> str | None:
    """Which revision the database has; None for a database without our tables."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608  (a constant)
    return found


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise SchemaError(f"the database has schema `{revision(connection)}`, this version knows `{HEAD}`") from None
