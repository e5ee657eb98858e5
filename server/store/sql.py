"""A connection as the modules of the store use it: what sqlite3's has, and what postgres/session.py gives psycopg's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol


class Cursor(Protocol):
    """What a statement came to."""

    @property
    def rowcount(self) -> int: ...

    @property
    def description(self) -> Any: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """`?` in `sql` stands for one of `values`."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Cursor: ...
