"""Pins: what of each MCP server's tools was accepted, and what was shown last, as the bytes that server/mcp/pins.py
reads and writes. One row a tool, for all gates on the database.

Whoever changes pins first moves the counter, whose row stays locked to the end of the transaction: so what is changed
is what was read, on PostgreSQL and on SQLite (where it takes the one right to write).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from .port import Backend
from .sql import Connection


class PinRow(NamedTuple):
    """None: nothing was accepted yet; nothing was shown that differs."""

    server: str
    tool: str
    accepted: bytes | None
    shown: bytes | None


class PinShelf:
    """Every method blocks, and may raise StoreError."""

    def __init__(self, database: Backend) -> None:
        self._database = database

    def read(self, server: str | None = None) -> list[PinRow]:
        """The rows of one server, or all."""
        with self._database.session() as connection:
            return _rows(connection, server)

    def change(self, made: Callable[[list[PinRow]], Iterable[PinRow]]) -> None:
        """Write the rows that `made` makes of those that stand; nobody else changes any meanwhile. What `made` raises
        ends it, and nothing is written."""
        with self._database.session() as connection:
            connection.execute("BEGIN")  # what is raised inside closes the connection, and nothing of it is kept
            connection.execute("UPDATE mcp_pin_turn SET turn = turn + 1")
            for row in made(_rows(connection, None)):
                connection.execute(_PUT, row)
            connection.execute("COMMIT")


def _rows(connection: Connection, server: str | None) -> list[PinRow]:
    rows = connection.execute(_ALL) if server is None else connection.execute(f"{_ALL} WHERE server = ?", (server,))
    return [PinRow(name, tool, _bytes(accepted), _bytes(shown)) for name, tool, accepted, shown in rows.fetchall()]


def _bytes(value: bytes | None) -> bytes | None:
    return None if value is None else bytes(value)


_ALL: Final = "SELECT server, tool, accepted, shown FROM mcp_pin"
_PUT: Final = (
    "INSERT INTO mcp_pin (server, tool, accepted, shown) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (server, tool) DO UPDATE SET accepted = excluded.accepted, shown = excluded.shown"
)
