"""Which database an address names: a path is a SQLite file, a URL says what it is."""

from __future__ import annotations

import os
from pathlib import Path
from sqlite3 import Connection

from .database import Database
from .errors import StoreError
from .port import Backend


def located(folder: Path, database: str) -> str:
    """A database as settings name it, for Store.open: a URL as it is, a path as one relative to `folder`."""
    return database if "://" in database else str(folder / database)


def backend_at(url_or_path: str | os.PathLike[str], factory: type[Connection], lease_seconds: float) -> Backend:
    """Raises StoreError for an address of neither kind. `factory` makes SQLite's connections."""
    text = os.fspath(url_or_path)
    if text.startswith(("postgresql://", "postgresql+psycopg://")):
        from .postgres import Postgres

        return Postgres(text, lease_seconds)
    if "://" in text and not text.startswith("sqlite:///"):
        scheme = text.split("://", 1)[0]
        raise StoreError(f"no store for `{scheme}://` addresses, only a path, `sqlite:///path` and `postgresql://`")
    return Database(Path(text.removeprefix("sqlite:///")), factory)
