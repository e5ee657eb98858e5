"""What Sessions remember, as rows in order. Written in the transaction of the Records that it comes of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guardrail import Remembered

from .sql import Connection


def statements(remembered: Sequence[Remembered]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """What adds these rows. One of the kind `anew` takes the place of all that stands."""
    return tuple(
        ("DELETE FROM remembered", ())
        if one.kind == "anew"
        else ("INSERT INTO remembered (kind, owner, principal, body) VALUES (?, ?, ?, ?)", tuple(one))
        for one in remembered
    )


def read(connection: Connection) -> list[Remembered]:
    """All rows, in the order in which they were written."""
    rows = connection.execute("SELECT kind, owner, principal, body FROM remembered ORDER BY position")
    return [Remembered(*row) for row in rows]
