"""The database behind an address: SQLite's file or PostgreSQL, how its transactions begin, and how it fails.

A writing transaction holds the right to write from its first statement: on SQLite by `BEGIN IMMEDIATE`, on PostgreSQL
by locking the tenant's row (log.py), so that no two of them can both read a log's end and then append to it. A reading
one sees the database as of one moment: SQLite's WAL gives that, PostgreSQL's REPEATABLE READ does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from .errors import StoreError, StoreUnavailable

BUSY_SECONDS: Final = 10.0
"""How long a SQLite transaction waits for another's. A refresh of 10,000 reports writes for some seconds."""

_SETTINGS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # in WAL mode: one sync of the WAL for each commit (sqlite.org/pragma.html)
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",  # the file may have been edited by hand; its schema must not run code
)

_WRITES: Final = "leastward_writes"


class Database:
    """A URL (`sqlite:///PATH`, `postgresql://...`) or the path of a SQLite file. Safe to share between threads."""

    def __init__(self, url: str | os.PathLike[str]) -> None:
        self.url = _url(os.fspath(url))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        with failures():
            if self.is_sqlite:
                _make_file(Path(self.url.database or ""))
                self.engine = create_engine(self.url, connect_args={"timeout": BUSY_SECONDS})
                event.listen(self.engine, "connect", _settle)
                event.listen(self.engine, "begin", _begin)
            else:
                self.engine = create_engine(self.url, pool_pre_ping=True)
        self._reads = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level=_STEADY)
        self._writes = self.engine.execution_options(**{_WRITES: True})

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that sees one moment."""
        with failures(), self._reads.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that writes: all of it or nothing."""
        with failures(), self._writes.begin() as connection:
            yield connection


_STEADY: Final = "REPEATABLE READ"


def _url(text: str) -> URL:
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except ArgumentError:
        raise StoreError("the address of the database is not a URL") from None
    if url.get_backend_name() == "postgresql" and url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise StoreError(f"no store for `{url.drivername}://` addresses, only `sqlite:///path` and `postgresql://`")
    if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
        raise StoreError("memory is kept in a file: `sqlite:///path`")
    return url


def _make_file(path: Path) -> None:
    """SQLite gives the WAL and shared-memory files the database's own mode, so 0600 is set before they are made."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _settle(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # Python's driver must not begin transactions by itself: `_begin` does
    for setting in _SETTINGS:
        connection.execute(setting).close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")


@contextmanager
def failures() -> Iterator[None]:
    """Turn what SQLAlchemy, the drivers and the file system raise into StoreUnavailable."""
    try:
        yield
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise StoreUnavailable(_reason(error)) from error


def _reason(error: Exception) -> str:
    """One line for /readyz and logs, without the statement and its values, which SQLAlchemy's own text holds."""
    if isinstance(error, NoSuchModuleError | ImportError):
        return "the database's driver is not installed: pip install leastward[postgres]"
    if isinstance(error, DBAPIError):
        text = str(error.orig).strip().split("\n", 1)[0]
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror.lower()
    else:
        text = ""
    return f"the database failed: {text}" if text else "the database failed"
