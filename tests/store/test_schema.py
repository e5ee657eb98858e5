"""server/store/schema.py: new files, files of other programs, files of newer versions, steps that fail."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from server.store import SchemaError, Store
from server.store import schema as tables


def _execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def _version(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as connection:
        names = ("user_version", "application_id")
        version, application = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return version, application


def test_a_new_file_has_the_newest_schema(path: Path) -> None:
    Store.open(path)
    assert _version(path) == (len(tables.MIGRATIONS), tables.APPLICATION_ID)
    identity = Store.open(path).identity
    assert Store.open(path).identity == identity
    assert len(identity) == 32


def test_a_newer_schema_is_refused(path: Path) -> None:
    Store.open(path)
    _execute(path, f"PRAGMA user_version = {len(tables.MIGRATIONS) + 1}")
    with pytest.raises(SchemaError, match="this version knows"):
        Store.open(path)


def test_another_programs_file_is_refused_and_left_alone(path: Path) -> None:
    _execute(path, "CREATE TABLE theirs (a)", "PRAGMA user_version = 7")
    with pytest.raises(SchemaError, match="another program"):
        Store.open(path)
    assert _version(path) == (7, 0)


def test_an_older_file_is_brought_up_to_date_a_step_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(path)
    newest = len(tables.MIGRATIONS)
    known = tables.MIGRATIONS
    monkeypatch.setattr(tables, "MIGRATIONS", (*known, ("CREATE TABLE more (a)", "no sql"), ("SELECT 1",)))
    with pytest.raises(Exception, match="syntax error"):
        Store.open(path)
    assert _version(path)[0] == newest, "a step that fails leaves nothing behind"
    _execute(path, "SELECT 1 FROM record")
    monkeypatch.setattr(tables, "MIGRATIONS", (*known, ("CREATE TABLE more (a)",), ("SELECT 1",)))
    Store.open(path)
    assert _version(path)[0] == newest + 2


def test_a_file_of_version_1_keeps_its_records(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MIGRATIONS", tables.MIGRATIONS[:1])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        tables.migrate(connection)
    _execute(path, "INSERT INTO payload VALUES (1, 20000, x'00', x'7b7d')")
    monkeypatch.undo()
    lots = {Store.open(path).lot for _ in range(2)}
    assert [len(lot) for lot in lots] == [32]
    with closing(sqlite3.connect(path)) as connection:
        kept = connection.execute("SELECT position, arguments, released, context, audit FROM payload").fetchall()
    assert kept == [(1, b"{}", None, None, None)]
