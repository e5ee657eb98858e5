"""Models and migrations agree; a database that is not ours is refused (memory/store/schema.py, tables.py)."""

from __future__ import annotations

import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from memory.store import SchemaError, Store, StoreUnavailable, upgrade
from memory.store.database import Database
from memory.store.schema import HEAD, MIGRATIONS, VERSION_TABLE
from memory.store.tables import METADATA, PREFIX


def test_models_and_migrations_agree(bare_url: str) -> None:
    upgrade(bare_url)
    database = Database(bare_url)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == HEAD
    database.close()


def test_the_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_upgrading_again_changes_nothing(bare_url: str) -> None:
    upgrade(bare_url)
    upgrade(bare_url)
    Store(bare_url).close()


def test_a_newer_database_is_refused(bare_url: str) -> None:
    upgrade(bare_url)
    database = Database(bare_url)
    with database.writing() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    database.close()
    with pytest.raises(SchemaError, match=f"the database has schema `9999`, this version knows `{HEAD}`"):
        Store(bare_url)


def test_a_failed_migration_leaves_no_table(tmp_path: Path) -> None:
    """All tables come in one transaction: one that is there already undoes the others."""
    path = tmp_path / "memory.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE memory_trust (x)")
    with pytest.raises(StoreUnavailable, match="table memory_trust already exists"):
        Store(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("memory_trust",)]


def test_every_table_begins_its_key_with_the_tenant() -> None:
    for table in METADATA.tables.values():
        assert table.name.startswith(PREFIX)
        assert next(iter(table.primary_key)).name == "tenant"
        assert all(next(iter(index.columns)).name == "tenant" for index in table.indexes)


def test_a_current_database_is_opened_without_alembic(tmp_path: Path) -> None:
    upgrade(tmp_path / "memory.db")
    code = "import sys; from memory.store import Store; Store(sys.argv[1]).close(); print('alembic' in sys.modules)"
    run = [sys.executable, "-c", code, str(tmp_path / "memory.db")]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_file_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    path.touch(mode=0o644)
    store = Store(path)
    store.version("acme")
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    store.close()


def test_the_page_names_every_table() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "memory-store.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `memory_")]
    assert {name for row in rows for name in re.findall(r"memory_\w+", row)} == set(METADATA.tables)
