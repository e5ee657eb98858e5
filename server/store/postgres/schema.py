"""The tables on PostgreSQL: alembic's migrations, run from inside the package, into the schema `leastward`.

Where the database is up to date neither alembic nor SQLAlchemy is imported, which saves a fifth of a second a start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..errors import SchemaError
from ..sql import Connection

HEAD: Final = "0005"
"""The newest revision in migrations/versions; a test compares them."""

SCHEMA: Final = "leastward"
VERSION_TABLE: Final = "store_schema"
MIGRATIONS: Final = Path(__file__).with_name("migrations")
LOCK: Final = 0x6C777264
"""`lwrd`: the advisory lock under which one process at a time migrates."""


def revision(connection: Connection) -> str | None:
    """Which revision the database has; None for one without our tables."""
    (table,) = connection.execute("SELECT to_regclass(?)", (f"{SCHEMA}.{VERSION_TABLE}",)).fetchone()
    if table is None:
        return None
    found = connection.execute(f"SELECT version_num FROM {SCHEMA}.{VERSION_TABLE}").fetchone()  # noqa: S608 (constants)
    return None if found is None else str(found[0])


def migrate(url: str) -> None:
    """Bring the tables up to date in one transaction. Raises SchemaError, SQLAlchemyError."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy import create_engine, text

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            connection.execute(text(f"SET LOCAL search_path = {SCHEMA}"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError:
        raise SchemaError(f"the database has a schema that this version, which knows `{HEAD}`, does not") from None
    finally:
        engine.dispose()
