"""Reading the chain from the database: in order, a page at a time, while the server writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from guardrail.chain import Row

from .sql import Connection

PAGE_ROWS: Final = 2_000
"""Rows read at once. Between pages no read transaction is open, so a long verification never holds the WAL back."""


def rows(connection: Connection, after: int = -(2**63)) -> Iterator[Row]:
    """Every row with a position above `after`, up to the last one there is when the iteration starts."""
    last = connection.execute("SELECT max(position) FROM record").fetchone()[0]
    while last is not None and after < last:
        page = connection.execute(
            "SELECT position, id, body, link FROM record WHERE position > ? AND position <= ?"
            " ORDER BY position LIMIT ?",
            (after, last, PAGE_ROWS),
        ).fetchall()
        if not page:
            return
        yield from map(Row._make, page)
        after = page[-1][0]


def last_row(connection: Connection) -> Row | None:
    row = connection.execute("SELECT position, id, body, link FROM record ORDER BY position DESC LIMIT 1").fetchone()
    return None if row is None else Row._make(row)


def decision(connection: Connection, record_id: str) -> dict[str, Any] | None:
    """The members of a Record; `payload` holds its redacted arguments and `payload_released` those that a rewrite made,
    None where there are none or once they are erased."""
    found = connection.execute(f"{_WITH_PAYLOAD} WHERE record.id = ?", (record_id,)).fetchone()
    return None if found is None else _members(*found)


def decisions(connection: Connection, exchange_id: str) -> list[dict[str, Any]]:
    """The same of every Record taken in an exchange, in order: those whose id is the exchange's, a dot and a number."""
    found = connection.execute(
        f"{_WITH_PAYLOAD} WHERE record.id > ? AND record.id < ? ORDER BY position",
        (f"{exchange_id}.", f"{exchange_id}/"),  # the slash follows the dot in ASCII, so the index finds the range
    )
    return [_members(*row) for row in found]


_WITH_PAYLOAD: Final = (
    "SELECT record.body, payload.arguments, payload.released FROM record LEFT JOIN payload USING (position)"
)


def _members(body: bytes, arguments: bytes | None, released: bytes | None) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(body)
    members["payload"] = None if arguments is None else json.loads(arguments)
    members["payload_released"] = None if released is None else json.loads(released)
    return members


def erase(connection: Connection, record_id: str) -> bool:
    """Erase the payload of a Record; whether there was one. The Record itself stays."""
    return (
        connection.execute(
            "DELETE FROM payload WHERE position = (SELECT position FROM record WHERE id = ?)", (record_id,)
        ).rowcount
        > 0
    )
