"""Addresses, how transactions begin, and how failures read (memory/store/database.py, errors.py)."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from memory import store as store_package
from memory.store import Store, StoreError, StoreUnavailable
from memory.store.database import Database

REFUSED = {
    "mysql://host/x": "no store for `mysql://` addresses, only `sqlite:///path` and `postgresql://`",
    "postgresql+asyncpg://host/x": "no store for `postgresql+asyncpg://` addresses",
    "sqlite+pysqlcipher:///x": "no store for `sqlite+pysqlcipher://` addresses",
    "sqlite://": "memory is kept in a file: `sqlite:///path`",
    "sqlite:///:memory:": "memory is kept in a file: `sqlite:///path`",
    "://": "the address of the database is not a URL",
}


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match=re.escape(REFUSED[url])):
        Database(url)


def test_postgresql_is_spoken_by_psycopg_3() -> None:
    assert Database("postgresql://host/x").url.drivername == "postgresql+psycopg"


def test_sqlite_is_opened_for_durability(tmp_path: Path) -> None:
    database = Database(tmp_path / "memory.db")
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "busy_timeout": 10_000}
    with database.reading() as connection:
        assert {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in wanted} == wanted
    database.close()


def test_a_reader_sees_one_moment(store_url: str) -> None:
    database = Database(store_url)
    count = text("SELECT count(*) FROM memory_trust")
    with database.reading() as reader:
        assert reader.execute(count).scalar() == 0
        with database.writing() as writer:
            writer.execute(text("INSERT INTO memory_trust VALUES ('acme', 'ann', 1, 2)"))
        assert reader.execute(count).scalar() == 0
    with database.reading() as reader:
        assert reader.execute(count).scalar() == 1
    database.close()


def test_a_failure_is_one_line_without_values(store_url: str) -> None:
    database = Database(store_url)
    with pytest.raises(StoreUnavailable) as caught, database.writing() as connection:
        connection.execute(text("SELECT * FROM missing WHERE secret = :secret"), {"secret": "hunter2"})
    assert caught.value.message.startswith("the database failed: ")
    assert "missing" in caught.value.message
    assert "hunter2" not in caught.value.message
    assert "\n" not in caught.value.message
    database.close()


def test_a_folder_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="the database failed: no such file or directory"):
        Store(tmp_path / "missing" / "memory.db")


def test_another_programs_file_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    path.write_bytes(b"a text of some length that is no database at all" * 10)
    with pytest.raises(StoreUnavailable, match="file is not a database"):
        Store(path)


def test_a_database_that_stays_locked_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memory.store.database.BUSY_SECONDS", 0.05)
    path = tmp_path / "memory.db"
    store = Store(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="database is locked"), store.database.writing():
        pass
    other.close()
    store.close()


def test_the_errors_are_one_tree() -> None:
    for name in store_package.__all__:
        found = getattr(store_package, name)
        if isinstance(found, type) and issubclass(found, Exception):
            assert issubclass(found, StoreError)
